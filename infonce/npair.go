package infonce

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// NPair is the N-pair loss (Sohn 2016, eq. 5 and section 3.2.2): one pair of rows of each class,
// compared by dot product without normalisation, with a penalty λ on their lengths,
//
//	L = mean_i ( ln(1 + Σ_{j≠i} e^(q_i·k_j − q_i·k_i)) + λ·(|q_i|² + |k_i|²) )
//
// With λ = 0 it is [InfoNCE] with DotProduct at temperature 1. It reads Q and K (both n×d), IDs (of
// the rows of K) and Weights (of the pairs). The loss is at least 0. An empty batch has loss 0.
//
// The zero value is ready to use, without regularisation.
type NPair struct {
	Regularization float32        // λ, at least 0
	Reduction      Reduction      // Mean or Sum over the pairs
	Workers        int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision      simd.Precision // of matrix products

	softmax softmaxLoss
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *NPair) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.NPair"
	s, n := &l.softmax, b.Q.Rows
	checkPairs(op, b, grad)
	err := s.begin(softmaxSettings{
		op: op, temperature: 1, fixed: true, dot: true,
		reduction: l.Reduction, workers: l.Workers, precision: l.Precision,
	}, b, grad, n)
	if err == nil && (!(l.Regularization >= 0) || l.Regularization-l.Regularization != 0) {
		err = fmt.Errorf("%s: regularization is %v, want a finite number, 0 or above", op, l.Regularization)
	}
	if err == nil {
		err = s.loadPairs(b, grad)
	}
	if err != nil {
		return Result{}, err
	}
	s.rows.Run(&s.sweep, &s.q, &s.k, s.task)
	r, e, weight := s.result(s.rows.Losses, n), s.logitError(), s.mass(n)
	r.Bound = e.softmax(r.Loss, weight, n, n, false)
	if l.Regularization > 0 {
		loss := r.Loss
		r.Loss = l.regularize(r.Losses)
		r.Bound += lengths(r.Loss-loss, weight, b.Q.Cols) + e.float64s(r.Loss, weight, n, n)
	}
	return s.finish(r, scale)
}

// regularize adds λ·(|q_i|² + |k_i|²) to the losses and its gradient to those of the rows, and
// returns the loss.
func (l *NPair) regularize(losses []float64) float64 {
	s, λ := &l.softmax, l.Regularization
	for i := range losses {
		losses[i] += float64(float64(λ) * (float64(s.q.Norms[i]) + float64(s.k.Norms[i])))
		if s.want {
			w := tile.WeightIn(2*λ/s.task.Total, s.task.Weights, i)
			simd.Axpy(s.q.G.Row(i), w, s.q.X.Row(i))
			simd.Axpy(s.k.G.Row(i), w, s.k.X.Row(i))
		}
	}
	return s.reduce(losses)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *NPair) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, b.K.Rows, b.Q.Cols, false, l.Workers, l.Precision)
}
