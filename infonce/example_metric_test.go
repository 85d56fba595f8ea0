package infonce_test

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// Pictures of two people, and of a third of whom there is one only; to Circle that is no anchor.
func ExampleMultiSimilarity() {
	batch := infonce.Batch{
		Q:      matrix([]float32{1, 0}, []float32{1, 1}, []float32{0, 1}, []float32{-1, 2}, []float32{-1, 0}),
		Labels: []int{1, 1, 2, 2, 3},
	}
	for _, loss := range []infonce.Loss{&infonce.MultiSimilarity{}, &infonce.Circle{}} {
		result, err := loss.Evaluate(batch, nil, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("loss %.4f over %d anchors\n", result.Loss, result.Valid)
	}
	// Output:
	// loss 0.2598 over 5 anchors
	// loss 61.3809 over 4 anchors
}

// Three faces and the centres of four people; the third is near the wrong one.
func ExampleArcFace() {
	batch := infonce.Batch{
		Q:      matrix([]float32{3, 1}, []float32{0, 2}, []float32{0.5, -1}),
		K:      matrix([]float32{1, 0}, []float32{0, 1}, []float32{-1, 0}, []float32{0, -1}),
		Labels: []int{0, 1, 0},
	}
	grad := infonce.Batch{K: simd.NewMatrix(4, 2)}
	loss := infonce.ArcFace{Scale: 8} // and a margin of 0.5
	result, err := loss.Evaluate(batch, &grad, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("losses %.3f\n", result.Losses)
	fmt.Printf("∂loss/∂k %.3f\n", grad.K.Row(0))
	// Output:
	// losses [0.053 0.002 7.447]
	// ∂loss/∂k [0.000 2.565]
}
