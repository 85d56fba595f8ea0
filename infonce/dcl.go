package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// DCL is the decoupled contrastive loss (Yeh et al. 2022, eq. 6): NT-Xent without the positive among what it is told
// from,
//
//	L = mean_i ( −w_i·z_i,pos(i) + ln Σ_{j≠i,pos(i)} e^z_ij ),  z_ij = cos(x_i, x_j)/τ
//
// over the rows x of Q and K stacked. With OneWay i runs over the rows of Q and j over those of K. The weights w_i are 1, or
// with Sigma 2 − n·softmax_i(s_i/σ) over the similarities s_i of the pairs, which counts hard positives
// more (DCLW, eq. 7); no gradient flows through them.
//
// It reads Q and K (both n×d), IDs and Weights of the samples. The loss may be negative, and is ln(2n−2) where all views
// are equal. Rows without a negative are not valid: a lone pair has loss 0.
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

	q, k      embeddings // with OneWay; otherwise q holds both
	pass      pass
	two       twoSided
	rows      oneSided
	ids       duplicates
	weights   []float32 // of the samples, 0 where they have no negatives
	positives []float32 // the weights of the positives
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *DCL) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.DCL"
	workers := par.Workers(l.Workers)
	n, d := b.Q.Rows, b.Q.Cols
	checkPairs(op, b, grad)
	want := grad != nil
	beta, err := inverseTemperature(op, l.Temperature, 0.1)
	if !(l.Sigma >= 0) || l.Sigma-l.Sigma != 0 {
		err = cmp.Or(err, fmt.Errorf("%s: sigma is %v, want a finite number, 0 or above", op, l.Sigma))
	}
	if err := cmp.Or(err, checkPrecision(op, l.Precision), checkSmooth(op, l.Reduction), checkWeights(op, b.Weights, n)); err != nil {
		return Result{}, err
	}

	var r Result
	cosine := !l.DotProduct
	t := softmaxTask{beta, cosine, memoryBudget(l.MemoryBudget), workers, b.Weights, l.Reduction, l.ids.load(op, b.IDs, n)}
	if l.OneWay {
		r.ZeroNorm = l.q.load(workers, b.Q, cosine, want) + l.k.load(workers, b.K, cosine, want)
		err = cmp.Or(l.q.checkFinite(op, "Q", b.Q, 0), l.k.checkFinite(op, "K", b.K, 0))
	} else {
		r.ZeroNorm = l.q.stack(workers, b.Q, b.K, cosine, want)
		err = cmp.Or(l.q.checkFinite(op, "Q", b.Q, 0), l.q.checkFinite(op, "K", b.K, n))
	}
	if err != nil {
		return Result{}, err
	}
	r.Valid = l.weigh(n, &t)
	l.pass.precision = l.Precision
	if l.OneWay {
		l.weighPositives(l.q.x, l.k.x)
		l.rows.reset(n, t)
		l.rows.decoupled = l.positives
		r.Loss = l.rows.run(&l.pass, &l.q, &l.k, t)
		r.Losses = l.rows.loss
	} else {
		r.Valid *= 2
		l.weighPositives(l.q.x.Slice(0, n), l.q.x.Slice(n, 2*n))
		r.Loss = l.two.pairs(&l.pass, &l.q, t, l.positives)
		r.Losses = l.two.rows.loss
	}
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	r.Bound = l.bound(r, t, d)
	if !want {
		return r, nil
	}
	inner := l.q.inner()
	if l.OneWay {
		l.k.addGrad(grad.K, scale, 0)
	} else {
		inner /= 2 // each logit counts in its row and in its column
		l.q.addGrad(grad.K, scale, n)
	}
	r.DTemperature = float64(scale) * (-float64(beta) * inner)
	l.q.addGrad(grad.Q, scale, 0)
	return r, nil
}

// bound returns the bound of the error of the loss of rows of d numbers.
func (l *DCL) bound(r Result, t softmaxTask, d int) float64 {
	q2, k2 := l.q.largestSquare(), l.k.largestSquare()
	rows, n, common := len(l.positives), len(l.positives), false
	if !l.OneWay {
		k2, rows = q2, 2*n
		_, common = commonShift(t.beta, t.cosine)
	}
	e := newLogitError(t.beta, d, t.cosine, q2, k2, l.Precision)
	return e.decoupled(r.Loss, t.mass(rows), l.positives, l.Sigma, t.beta, t, rows, rows, common)
}

// weigh takes the weight of samples without negatives, and returns how many of the n have some.
func (l *DCL) weigh(n int, t *softmaxTask) (valid int) {
	l.weights = grow(l.weights, n)
	for i := range n {
		l.weights[i] = 0
		if t.same.count(i) < n {
			l.weights[i] = float32(weightOf(t.weights, i))
			valid++
		}
	}
	if valid < n {
		t.weights = l.weights
	}
	return valid
}

// weighPositives sets the weights of the positives, rows q and k.
func (l *DCL) weighPositives(q, k simd.Matrix) {
	n := q.Rows
	l.positives = grow(l.positives, n)
	if l.Sigma == 0 {
		fill(l.positives, 1)
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
