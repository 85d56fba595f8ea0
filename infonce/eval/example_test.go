package eval_test

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

func Example() {
	gallery := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{
		1, 0, // a cat
		0, 1, // a dog
		3, 1, // a cat
	}}
	labels := []string{"cat", "dog", "cat"}
	query := simd.Matrix{Rows: 1, Cols: 2, Stride: 2, Data: []float32{2, 1}}
	for _, n := range eval.Neighbors(query, gallery, 2, 0)[0] {
		fmt.Printf("%s in row %d, cosine %.3f\n", labels[n.Row], n.Row, n.Cosine)
	}
	// Output:
	// cat in row 2, cosine 0.990
	// cat in row 0, cosine 0.894
}
