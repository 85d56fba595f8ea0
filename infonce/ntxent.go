package infonce

import (
	"cmp"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// NTXent is the normalised temperature-scaled cross-entropy of SimCLR (Chen et al. 2020,
// eq. 1): each of the 2n views against all others, the other view of the same sample being the
// positive,
//
//	L = mean_i ( −z_i,pos(i) + ln Σ_{j≠i} e^z_ij ),  z_ij = cos(x_i, x_j)/τ
//
// over the rows x of Q and K stacked. Google's published code returns twice this value.
//
// It reads Q and K (both n×d), the first and the second views; row i of both shows
// sample i, which has IDs[i] and Weights[i]. The loss is at least 0, and ln(2n−1) where all views are equal. An empty
// batch has loss 0.
//
// The zero value is ready to use.
type NTXent struct {
	Temperature  float32        // 0 means 0.5
	DotProduct   bool           // compare by dot product; by default rows are normalised inside
	Reduction    Reduction      // Mean or Sum over the views
	Workers      int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision    simd.Precision // of matrix products
	MemoryBudget int64          // bytes it may keep beyond O(n·d), see [DefaultMemoryBudget]

	views embeddings
	pass  pass
	two   twoSided
	ids   duplicates
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *NTXent) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	return l.evaluate("infonce.NTXent", b, grad, scale)
}

func (l *NTXent) evaluate(op string, b Batch, grad *Batch, scale float32) (Result, error) {
	workers := par.Workers(l.Workers)
	n, d := b.Q.Rows, b.Q.Cols
	checkPairs(op, b, grad)
	want := grad != nil
	beta, err := inverseTemperature(op, l.Temperature, 0.5)
	if err := cmp.Or(err, checkPrecision(op, l.Precision), checkSmooth(op, l.Reduction), checkWeights(op, b.Weights, n)); err != nil {
		return Result{}, err
	}

	cosine := !l.DotProduct
	l.pass.precision = l.Precision
	r := Result{Valid: 2 * n}
	r.ZeroNorm = l.views.stack(workers, b.Q, b.K, cosine, want)
	if err := cmp.Or(l.views.checkFinite(op, "Q", b.Q, 0), l.views.checkFinite(op, "K", b.K, n)); err != nil {
		return Result{}, err
	}
	t := softmaxTask{beta, cosine, memoryBudget(l.MemoryBudget), workers, b.Weights, l.Reduction, l.ids.load(op, b.IDs, n)}
	r.Loss = l.two.pairs(&l.pass, &l.views, t, nil)
	r.Losses = l.two.rows.loss
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	_, common := commonShift(beta, cosine)
	square := l.views.largestSquare()
	r.Bound = newLogitError(beta, d, cosine, square, square, l.Precision).softmax(r.Loss, t.mass(2*n), 2*n, 2*n, common)
	if want {
		// Each logit counts in its row and in its column, hence the half.
		r.DTemperature = float64(scale) * (-float64(beta) * l.views.inner() / 2)
		l.views.addGrad(grad.Q, scale, 0)
		l.views.addGrad(grad.K, scale, n)
	}
	return r, nil
}
