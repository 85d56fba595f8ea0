package miner_test

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/miner"
)

// The triplets of a batch that cost something, of which at most a thousand are kept.
func ExampleTriplets() {
	x := rowsOf([]float32{0, 0}, []float32{0, 1}, []float32{2, 0}, []float32{9, 0})
	labels := []int{1, 1, 2, 3}
	violating := miner.Triplets{Kind: miner.ViolatingTriplets, Margin: 1.5, Cap: 1000}
	triplets, err := violating.Mine(nil, x, labels)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(triplets)
	loss := infonce.Triplet{Margin: 1.5}
	result, err := loss.Evaluate(infonce.Batch{Q: x, Triplets: triplets}, nil, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f\n", result.Loss)
	// Output:
	// [{0 1 2} {1 0 2}]
	// loss 0.3820
}
