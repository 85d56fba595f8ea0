package infonce

import (
	"cmp"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// A scorer says what a row of logits costs. It is called concurrently for different rows.
type scorer interface {
	// score returns the loss of row i, given its logits z with all keys, and replaces z by
	// ∂loss/∂z up to the factor that it returns. Where the row is not valid it may leave anything.
	score(worker, i int, z []float32) rowScore
}

// A rowScore is the verdict of a scorer on a row.
type rowScore struct {
	loss    float64
	factor  float32 // of ∂loss/∂z
	bias    float64 // Σ_j ∂loss/∂z_j, where the loss has a bias
	beta    float64 // ∂loss/∂β besides what β does to the logits
	valid   bool    // the row enters the mean
	clamped bool
}

// A rowLoss evaluates the losses that are a sum over rows of logits: a scorer says what a row
// costs, and rowLoss gives it tiles, workers, weights, reductions and gradients.
type rowLoss struct {
	in      inputs
	q, k    tile.Embeddings
	pass    tile.Sweep
	scorer  scorer
	beta    float32
	weights []float32
	scores  []rowScore
	losses  []float64
	dk      simd.Matrix // where the keys are the queries: the gradient with respect to them as keys
}

// rowSettings are what the losses of rows of logits have in common.
type rowSettings struct {
	op          string
	beta        float32
	temperature bool // it is an input of the loss
	cosine      bool
	self        bool // the keys are the queries, Q; otherwise they are K
	views       bool // with self: the queries are the rows of Q and, below them, those of K
	workers     int
	precision   simd.Precision
	reduction   Reduction
}

// evaluate returns the loss of b and adds its gradient to grad; see [Loss]. The caller has checked
// the number of keys.
func (e *rowLoss) evaluate(set rowSettings, s scorer, b Batch, grad *Batch, scale float32) (Result, error) {
	op, samples, d := set.op, b.Q.Rows, b.Q.Cols
	b.Q.Check(op, "Q", -1, -1)
	switch {
	case set.views:
		b.K.Check(op, "K", samples, d)
	case !set.self:
		b.K.Check(op, "K", -1, d)
	}
	want, g := grad != nil, gradOf(grad)
	checkGrad(op, "grad.Q", g.Q, b.Q)
	if set.views || !set.self {
		checkGrad(op, "grad.K", g.K, b.K)
	}
	err := cmp.Or(checkWeights(op, b.Weights, samples), checkPrecision(op, set.precision), checkReduction(op, set.reduction))
	if err != nil {
		return Result{}, err
	}
	k := &e.q
	e.in.begin(op, set.workers, set.cosine)
	switch {
	case set.views:
		e.in.stack(&e.q, "Q", b.Q, g.Q, "K", b.K, g.K, want)
	case set.self:
		e.in.load(&e.q, "Q", b.Q, g.Q, want)
	default:
		k = &e.k
		e.in.load(&e.q, "Q", b.Q, g.Q, want)
		e.in.load(k, "K", b.K, g.K, want && g.K.Data != nil)
	}
	if err := e.in.checkFinite(); err != nil {
		return Result{}, err
	}
	n := e.q.X.Rows

	p := &e.pass
	p.Precision = set.precision
	p.Load(set.workers, set.beta, e.q.X, k.X, false, want)
	p.Rows, p.DQ, p.DK = e, e.q.G, k.G
	if set.self && want {
		e.dk = e.dk.Reshape(n, d)
		p.DK = e.dk
	}
	e.scorer, e.beta, e.weights = s, set.beta, b.Weights
	e.scores, e.losses = tile.Grow(e.scores, n), tile.Grow(e.losses, n)
	p.Run()
	e.scorer, e.weights = nil, nil

	r, t := Result{ZeroNorm: e.in.zeroNorms}, tally{}
	bias, dbeta := 0.0, 0.0
	for i, row := range e.scores {
		e.losses[i] = 0
		if !row.valid {
			continue
		}
		e.losses[i] = row.loss
		w := tile.WeightOf(b.Weights, i)
		t.add(row.loss, w)
		bias += float64(w * row.bias)
		dbeta += float64(w * row.beta)
		if row.clamped {
			r.Clamped++
		}
	}
	var factor float64
	r.Loss, factor = t.reduce(set.reduction)
	r.Valid, r.Losses = t.valid, e.losses
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if !want {
		return r, nil
	}
	factor *= float64(scale)
	r.DBias = factor * bias
	if set.temperature {
		beta := float64(set.beta)
		r.DTemperature = factor * (-beta * (e.q.Inner() + float64(beta*dbeta)))
	}
	if set.self {
		e.q.AddToGrad(e.dk)
	}
	e.in.addGrads(float32(factor))
	return r, nil
}

// logitError returns the error of the logits of the last evaluation, of b.
func (e *rowLoss) logitError(set rowSettings, b Batch) logitError {
	k := &e.q
	if !set.self {
		k = &e.k
	}
	return newLogitError(set.beta, b.Q.Cols, set.cosine, e.q.LargestSquare(), k.LargestSquare(), set.precision)
}

func (e *rowLoss) Row(worker, i, _ int, z []float32) float32 {
	s := e.scorer.score(worker, i, z)
	e.scores[i] = s
	if !s.valid {
		clear(z)
		return 0
	}
	w := e.beta * s.factor
	return tile.WeightIn(w, e.weights, i)
}
