package infonce_test

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// squaredHinge asks of the logit of the positive to exceed every other one by 0.5:
//
//	ℓ_i = Σ_{j≠i} max(0, z_j − z_i + 0.5)²
func squaredHinge(i int, z []float32) (loss float64) {
	pull := float32(0)
	for j := range z {
		if j != i {
			h := max(0, z[j]-z[i]+0.5)
			loss += float64(h * h)
			z[j] = 2 * h // ∂ℓ/∂z_j
			pull -= 2 * h
		}
	}
	z[i] = pull
	return loss
}

// A loss of one's own is a function of a row of logits, which says what the row costs and leaves
// the derivatives. CheckGradient tells whether they are right.
func ExampleCustom() {
	batch := infonce.Batch{
		Q: matrix([]float32{1, 0}, []float32{0, 1}, []float32{-1, 1}),
		K: matrix([]float32{2, 1}, []float32{1, 2}, []float32{-1, 0}),
	}
	loss := &infonce.Custom{Score: squaredHinge}
	grad := infonce.Batch{Q: simd.NewMatrix(3, 2), K: simd.NewMatrix(3, 2)}
	result, err := loss.Evaluate(batch, &grad, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f over %d queries\n", result.Loss, result.Valid)
	fmt.Printf("∂loss/∂q %.4f\n", grad.Q.Row(0))
	fmt.Println("what is wrong with the gradient:", infonce.CheckGradient(loss, batch))
	// Output:
	// loss 0.0058 over 3 queries
	// ∂loss/∂q [0.0000 0.0157]
	// what is wrong with the gradient: <nil>
}

// The gradient of this loss forgets that the positive is in each difference.
func ExampleCheckGradient() {
	loss := &infonce.Custom{Score: func(i int, z []float32) float64 {
		cost := squaredHinge(i, z)
		z[i] = 0
		return cost
	}}
	batch := infonce.Batch{
		Q: matrix([]float32{1, 0}, []float32{0, 1}, []float32{-1, 1}),
		K: matrix([]float32{2, 1}, []float32{1, 2}, []float32{-1, 0}),
	}
	fmt.Println(infonce.CheckGradient(loss, batch))
	// Output:
	// infonce: the gradient of *infonce.Custom is wrong: K[2, 1] is 0, want -0.0514348 within 0.00051
}
