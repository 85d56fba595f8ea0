package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// NPair is the N-pair loss (Sohn 2016, eq. 5 and section 3.2.2): one pair of rows of each class, compared by dot product
// as they came, with their lengths held back by a regularisation λ,
//
//	L = mean_i ( ln(1 + Σ_{j≠i} e^(q_i·k_j − q_i·k_i)) + λ·(|q_i|² + |k_i|²) )
//
// With λ = 0 it is [InfoNCE] with DotProduct at temperature 1. It reads Q and K (both n×d), IDs (of the rows of K) and
// Weights (of the pairs). The loss is at least 0. An empty batch has loss 0.
//
// The zero value is ready to use, without regularisation.
type NPair struct {
	Regularization float32        // λ, at least 0
	Reduction      Reduction      // Mean or Sum over the pairs
	Workers        int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision      simd.Precision // of matrix products

	q, k embeddings
	pass pass
	rows oneSided
	ids  duplicates
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *NPair) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.NPair"
	workers := par.Workers(l.Workers)
	n := b.Q.Rows
	checkPairs(op, b, grad)
	want := grad != nil
	err := cmp.Or(checkPrecision(op, l.Precision), checkSmooth(op, l.Reduction), checkWeights(op, b.Weights, n))
	if err == nil && (!(l.Regularization >= 0) || l.Regularization-l.Regularization != 0) {
		err = fmt.Errorf("%s: regularization is %v, want a finite number, 0 or above", op, l.Regularization)
	}
	if err != nil {
		return Result{}, err
	}
	r := Result{Valid: n}
	l.q.load(workers, b.Q, false, want)
	l.k.load(workers, b.K, false, want)
	if err := cmp.Or(l.q.checkFinite(op, "Q", b.Q, 0), l.k.checkFinite(op, "K", b.K, 0)); err != nil {
		return Result{}, err
	}
	t := softmaxTask{beta: 1, workers: workers, weights: b.Weights, reduction: l.Reduction, same: l.ids.load(op, b.IDs, n)}
	l.rows.reset(n, t)
	l.pass.precision = l.Precision
	r.Loss = l.rows.run(&l.pass, &l.q, &l.k, t)
	weight := t.mass(n)
	logits := newLogitError(1, b.Q.Cols, false, l.q.largestSquare(), l.k.largestSquare(), l.Precision)
	r.Bound = logits.softmax(r.Loss, weight, n, n, false)
	if l.Regularization > 0 {
		for i := range n {
			l.rows.loss[i] += float64(float64(l.Regularization) * (float64(l.q.norms[i]) + float64(l.k.norms[i])))
		}
		loss := r.Loss
		r.Loss = t.reduce(l.rows.loss)
		r.Bound += lengths(r.Loss-loss, weight, b.Q.Cols) + logits.float64s(r.Loss, weight, n, n)
	}
	r.Losses = l.rows.loss
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if !want {
		return r, nil
	}
	if l.Regularization > 0 {
		each := 2 * l.Regularization / t.total(n)
		for i := range n {
			w := weightIn(each, b.Weights, i)
			simd.Axpy(l.q.g.Row(i), w, l.q.x.Row(i))
			simd.Axpy(l.k.g.Row(i), w, l.k.x.Row(i))
		}
	}
	l.q.addGrad(grad.Q, scale, 0)
	l.k.addGrad(grad.K, scale, 0)
	return r, nil
}
