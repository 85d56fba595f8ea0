package infonce_test

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// matrix returns a matrix with the given rows.
func matrix(rows ...[]float32) simd.Matrix {
	m := simd.NewMatrix(len(rows), len(rows[0]))
	for i, r := range rows {
		copy(m.Row(i), r)
	}
	return m
}

// Three queries, each with its key; the other keys are its negatives.
func ExampleInfoNCE() {
	batch := infonce.Batch{
		Q: matrix([]float32{1, 0}, []float32{0, 1}, []float32{-1, 0}),
		K: matrix([]float32{2, 1}, []float32{1, 2}, []float32{-1, 1}),
	}
	grad := infonce.Batch{Q: simd.NewMatrix(3, 2), K: simd.NewMatrix(3, 2)}
	loss := infonce.InfoNCE{Temperature: 0.5}
	result, err := loss.Evaluate(batch, &grad, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f over %d queries\n", result.Loss, result.Valid)
	fmt.Printf("∂loss/∂q %.4f\n", grad.Q.Row(0))
	fmt.Printf("∂loss/∂k %.4f\n", grad.K.Row(0))
	// Output:
	// loss 0.4142 over 3 queries
	// ∂loss/∂q [0.0000 0.0890]
	// ∂loss/∂k [-0.0439 0.0877]
}

// Images and their captions: the mean of both directions, as in CLIP.
func ExampleInfoNCE_symmetric() {
	images := matrix([]float32{1, 0, 0}, []float32{0, 1, 0})
	texts := matrix([]float32{3, 1, 0}, []float32{1, 3, 1})
	loss := infonce.InfoNCE{Symmetric: true}
	there, err := loss.Evaluate(infonce.Batch{Q: images, K: texts}, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := loss.Evaluate(infonce.Batch{Q: texts, K: images}, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3e, the other way round %.3e\n", there.Loss, back.Loss)
	// Output:
	// 1.552e-04, the other way round 1.552e-04
}

// Two augmented views of each of two samples.
func ExampleNTXent() {
	batch := infonce.Batch{
		Q: matrix([]float32{1, 0}, []float32{0, 1}),
		K: matrix([]float32{1, 1}, []float32{-1, 1}),
	}
	var loss infonce.NTXent // temperature 0.5
	result, err := loss.Evaluate(batch, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f over %d views\n", result.Loss, result.Valid)
	// Output:
	// loss 0.5360 over 4 views
}

// The first negative is too close to its anchor, the second is far enough.
func ExampleTriplet() {
	batch := infonce.Batch{
		Q:         matrix([]float32{0, 0}, []float32{0, 0}),
		K:         matrix([]float32{1, 0}, []float32{1, 0}),
		Negatives: matrix([]float32{0, 1.5}, []float32{0, 9}),
	}
	grad := infonce.Batch{Negatives: simd.NewMatrix(2, 2)}
	loss := infonce.Triplet{Margin: 1}
	result, err := loss.Evaluate(batch, &grad, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.2f, %d of %d active\n", result.Loss, result.Active, result.Valid)
	fmt.Println("∂loss/∂n", grad.Negatives.Row(0), grad.Negatives.Row(1))
	// Output:
	// loss 0.25, 1 of 2 active
	// ∂loss/∂n [0 -0.5] [0 0]
}

// Faces of three people; the third has one picture only and serves as a negative.
func ExampleBatchHard() {
	batch := infonce.Batch{
		Q:      matrix([]float32{0, 0}, []float32{0, 3}, []float32{5, 0}, []float32{5, 2}, []float32{0, 1}),
		Labels: []int{1, 1, 2, 2, 3},
	}
	loss := infonce.BatchHard{Margin: 0.5}
	result, err := loss.Evaluate(batch, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.3f, %d of %d anchors active\n", result.Loss, result.Active, result.Valid)
	// Output:
	// loss 1.000, 2 of 4 anchors active
}

// Pairs of pictures: the first two show the same thing, the third pair is far enough
// apart.
func ExampleContrastivePair() {
	batch := infonce.Batch{
		Q:      matrix([]float32{0, 0}, []float32{1, 1}, []float32{0, 0}),
		K:      matrix([]float32{0, 1}, []float32{1, 1}, []float32{3, 4}),
		Labels: []int{1, 1, 0},
	}
	loss := infonce.ContrastivePair{Margin: 2}
	result, err := loss.Evaluate(batch, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f, %d of %d active\n", result.Loss, result.Active, result.Valid)
	// Output:
	// loss 0.1667, 1 of 3 active
}

// Bayesian personalised ranking: users, an item that each chose, and one that they did not.
func ExampleLogisticRanking() {
	users := matrix([]float32{1, 0}, []float32{0, 2})
	chosen := matrix([]float32{2, 1}, []float32{1, 0})
	others := matrix([]float32{-1, 1}, []float32{0, 1})
	grad := infonce.Batch{Q: simd.NewMatrix(2, 2), K: simd.NewMatrix(2, 2), Negatives: simd.NewMatrix(2, 2)}
	var loss infonce.LogisticRanking
	result, err := loss.Evaluate(infonce.Batch{Q: users, K: chosen, Negatives: others}, &grad, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("losses %.4f\n", result.Losses)
	fmt.Printf("∂loss/∂user %.4f\n", grad.Q.Row(1))
	// Output:
	// losses [0.0486 2.1269]
	// ∂loss/∂user [-0.4404 0.4404]
}

// Two triplets of the rows of one matrix, as a miner finds them.
func ExampleTriplet_list() {
	batch := infonce.Batch{
		Q:        matrix([]float32{0, 0}, []float32{1, 0}, []float32{0, 1.5}),
		Triplets: []infonce.Triple{{A: 0, P: 1, N: 2}, {A: 1, P: 0, N: 2}},
	}
	var loss infonce.Triplet
	result, err := loss.Evaluate(batch, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("losses %.4f\n", result.Losses)
	// Output:
	// losses [0.5000 0.1972]
}
