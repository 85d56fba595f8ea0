package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// DCL is the decoupled contrastive loss (Yeh et al. 2022, eq. 6): NT-Xent without the positive in
// the denominator,
//
//	L = mean_i ( −w_i·z_i,pos(i) + ln Σ_{j≠i,pos(i)} e^z_ij ),  z_ij = cos(x_i, x_j)/τ
//
// over the rows x of Q and K stacked. With OneWay i runs over the rows of Q and j over those of K.
// The weights w_i are 1, or with Sigma 2 − n·softmax_i(s_i/σ) over the similarities s_i of the
// pairs, which emphasises hard positives (DCLW, eq. 7); no gradient flows through them.
//
// It reads Q and K (both n×d), IDs and Weights of the samples. The loss may be negative, and is
// ln(2n−2) where all views are equal. Rows without a negative are not valid: a lone pair has loss
// 0.
//
// The zero value is ready to use.
type DCL struct {
	Temperature  float32        // 0 means 0.1
	Sigma        float32        // of the weights of positives, 0.5 in the paper; 0 means no weights
	OneWay       bool           // queries against keys only
	DotProduct   bool           // compare by dot product; by default rows are normalised inside
	Reduction    Reduction      // Mean or Sum over the rows
	Workers      int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision    simd.Precision // of matrix products
	MemoryBudget int64          // bytes it may keep beyond O(n·d), see [DefaultMemoryBudget]

	softmax   softmaxLoss
	positives []float32 // the weights of the positives
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *DCL) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.DCL"
	s, n := &l.softmax, b.Q.Rows
	checkPairs(op, b, grad)
	err := s.begin(softmaxSettings{
		op: op, temperature: l.Temperature, standard: 0.1, dot: l.DotProduct,
		reduction: l.Reduction, workers: l.Workers, precision: l.Precision, budget: l.MemoryBudget,
	}, b, grad, n)
	if !(l.Sigma >= 0) || l.Sigma-l.Sigma != 0 {
		err = cmp.Or(err, fmt.Errorf("%s: sigma is %v, want a finite number, 0 or above", op, l.Sigma))
	}
	if err != nil {
		return Result{}, err
	}
	hasNegatives := func(i int) bool { return s.task.Same.Count(i) < n }
	if l.OneWay {
		if err := s.loadPairs(b, grad); err != nil {
			return Result{}, err
		}
		valid := s.restrict(n, n, hasNegatives)
		l.weighPositives(s.q.X, s.k.X)
		s.rows.Run(&s.sweep, &s.q, &s.k, s.task)
		return l.finish(s.result(s.rows.Losses, valid), n, false, scale)
	}
	if err := s.loadViews(b, grad); err != nil {
		return Result{}, err
	}
	valid := s.restrict(n, 2*n, hasNegatives)
	l.weighPositives(s.q.X.Slice(0, n), s.q.X.Slice(n, 2*n))
	s.two.Views(&s.sweep, &s.q, s.task)
	return l.finish(s.result(s.two.Rows.Losses, 2*valid), 2*n, s.carried(), scale)
}

// finish bounds the error of the loss of n rows, and adds the gradient.
func (l *DCL) finish(r Result, n int, carried bool, scale float32) (Result, error) {
	s := &l.softmax
	r.Bound = s.logitError().decoupled(r.Loss, s.mass(n), l.positives, s.task.Weights, l.Sigma, s.task.Beta, n, n, carried)
	return s.finish(r, scale)
}

// weighPositives sets the weights of the positives, rows q and k.
func (l *DCL) weighPositives(q, k simd.Matrix) {
	n := q.Rows
	l.positives = tile.Grow(l.positives, n)
	l.softmax.task.Decoupled = l.positives
	if l.Sigma == 0 {
		tile.Fill(l.positives, 1)
		return
	}
	for i := range n {
		l.positives[i] = simd.Dot(q.Row(i), k.Row(i)) / l.Sigma
	}
	simd.Softmax(l.positives, l.positives)
	for i, p := range l.positives {
		l.positives[i] = 2 - float32(float32(n)*p)
	}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *DCL) MemoryEstimate(b Batch) int64 {
	if l.OneWay {
		return estimateRows(b.Q.Rows, b.K.Rows, b.Q.Cols, !l.DotProduct, l.Workers, l.Precision)
	}
	return estimateViews(b, l.Temperature, 0.1, l.DotProduct, l.MemoryBudget, l.Workers, l.Precision)
}
