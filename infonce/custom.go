package infonce

import (
	"errors"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Custom is a loss of your own: a function says what a row of logits costs, and Custom multiplies
// the matrices strip by strip on all processors, in memory that grows with the batch, and derives
// the gradients for queries, keys and temperature from what the function returns.
//
//	L = reduction of ℓ_i(z_i1, …, z_im),  z_ij = s(q_i, k_j)/τ
//
// where s is the cosine. It reads Q (n×d) and K (m×d, for any m), or Q alone. [CheckGradient] tells
// whether the function's gradient is that of its value.
type Custom struct {
	// Score returns the loss ℓ of query i, given its logits z with all keys, and replaces each of
	// them by its derivative ∂ℓ/∂z_j. It is called concurrently for different rows, in no
	// particular order, so it must not write to shared memory. It must neither depend on the
	// previous contents of z nor keep it.
	Score func(i int, z []float32) float64

	Self        bool           // the keys are the rows of Q too; z_ii is among the logits
	Temperature float32        // 0 means 1
	DotProduct  bool           // compare by dot product; by default rows are normalised inside
	Reduction   Reduction      // of the rows
	Workers     int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision   simd.Precision // of matrix products

	rows rowLoss
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *Custom) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.Custom"
	beta, err := inverseTemperature(op, l.Temperature, 1)
	if err != nil {
		return Result{}, err
	}
	if l.Score == nil {
		return Result{}, errors.New(op + ": no Score")
	}
	return l.rows.evaluate(rowSettings{
		op: op, beta: beta, temperature: true, cosine: !l.DotProduct, self: l.Self,
		workers: par.Workers(l.Workers), precision: l.Precision, reduction: l.Reduction,
	}, l, b, grad, scale)
}

func (l *Custom) score(_, i int, z []float32) rowScore {
	return rowScore{loss: l.Score(i, z), factor: 1, valid: true}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *Custom) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, b.K.Rows, b.Q.Cols, !l.DotProduct, l.Workers, l.Precision)
}
