package infonce

import (
	"github.com/contrast-go/contrast/simd"
)

// NTXent is the normalised temperature-scaled cross-entropy of SimCLR (Chen et al. 2020, eq. 1):
// each of the 2n views against all others, with the other view of the same sample as the positive,
//
//	L = mean_i ( −z_i,pos(i) + ln Σ_{j≠i} e^z_ij ),  z_ij = cos(x_i, x_j)/τ
//
// over the rows x of Q and K stacked. Google's published code returns twice this value.
//
// It reads Q and K (both n×d), the first and the second views; row i of both shows sample i, which
// has IDs[i] and Weights[i]. The loss is at least 0, and ln(2n−1) where all views are equal. An
// empty batch has loss 0.
//
// The zero value is ready to use.
type NTXent struct {
	Temperature  float32        // 0 means 0.5
	DotProduct   bool           // compare by dot product; by default rows are normalised inside
	Reduction    Reduction      // Mean or Sum over the views
	Workers      int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision    simd.Precision // of matrix products
	MemoryBudget int64          // bytes it may keep beyond O(n·d), see [DefaultMemoryBudget]

	softmax softmaxLoss
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *NTXent) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	return l.evaluate("infonce.NTXent", b, grad, scale)
}

func (l *NTXent) evaluate(op string, b Batch, grad *Batch, scale float32) (Result, error) {
	s, n := &l.softmax, 2*b.Q.Rows
	checkPairs(op, b, grad)
	err := s.begin(softmaxSettings{
		op: op, temperature: l.Temperature, standard: 0.5, dot: l.DotProduct,
		reduction: l.Reduction, workers: l.Workers, precision: l.Precision, budget: l.MemoryBudget,
	}, b, grad, b.K.Rows)
	if err != nil {
		return Result{}, err
	}
	if err := s.loadViews(b, grad); err != nil {
		return Result{}, err
	}
	s.two.Views(&s.sweep, &s.q, s.task)
	r := s.result(s.two.Rows.Losses, n)
	r.Bound = s.logitError().softmax(r.Loss, s.mass(n), n, n, s.carried())
	return s.finish(r, scale)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *NTXent) MemoryEstimate(b Batch) int64 {
	return estimateViews(b, l.Temperature, 0.5, l.DotProduct, l.MemoryBudget, l.Workers, l.Precision)
}
