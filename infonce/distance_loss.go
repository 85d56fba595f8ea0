package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
)

// A distanceLoss evaluates the losses of rows of distances: it checks a batch, has the distances
// scored, and reduces what they cost. A loss calls load; begin; visit, as often as it needs to;
// run; and finish.
type distanceLoss struct {
	tile.Distances
	op      string
	terms   distanceTerms
	twice   bool    // each term is one of two rows
	divisor float64 // of the sum of the losses; 0 where no term counts
}

// distanceSettings are what the losses of rows of distances have in common.
type distanceSettings struct {
	op        string
	squared   bool
	cosine    bool // rows are brought to norm 1 first
	workers   int
	reduction Reduction
}

// distanceTerms say what the distances from a row cost, as a distanceScorer does.
type distanceTerms interface {
	score(worker, i int, d, c []float32)
}

func (e *distanceLoss) Score(worker, i int, d, c []float32) { e.terms.score(worker, i, d, c) }

// visit shows all rows of distances to t.
func (e *distanceLoss) visit(t distanceTerms) { e.run(t, false) }

// run shows all rows of distances to t and, where asked, gathers the gradient of what t says they
// cost.
func (e *distanceLoss) run(t distanceTerms, gradient bool) {
	e.terms = t
	e.Distances.Run(e, gradient)
	e.terms = nil
}

// load checks b and takes over its rows.
func (e *distanceLoss) load(set distanceSettings, b Batch, grad *Batch) (Result, error) {
	op, n, g := set.op, b.Q.Rows, gradOf(grad)
	b.Q.Check(op, "Q", -1, -1)
	checkLen(op, "Labels", len(b.Labels), n)
	checkGrad(op, "grad.Q", g.Q, b.Q)
	if err := cmp.Or(checkWeights(op, b.Weights, n), checkReduction(op, set.reduction)); err != nil {
		return Result{}, err
	}
	e.op = op
	r := Result{ZeroNorm: e.Distances.Load(b.Q, b.Labels, b.Weights, set.squared, set.cosine, g.Q.Data != nil, set.workers)}
	return r, e.Rows.CheckFinite(op, "Q", b.Q, 0)
}

// An anchorSum is the sum of the terms of a row.
type anchorSum struct {
	loss          float64
	valid, active int64
}

// finish returns r with the loss and the counts of the batch, given the sums of all rows and the
// weights of the batch, and adds the gradient to grad.
func (e *distanceLoss) finish(r Result, sums []anchorSum, weights []float32, reduction Reduction, grad *Batch, scale float32) (Result, error) {
	var sum, validWeight, activeWeight float64
	var valid, active int64
	for i, a := range sums {
		w := tile.WeightOf(weights, e.Groups.Order[i])
		sum += float64(w * a.loss)
		validWeight += float64(w * float64(a.valid))
		activeWeight += float64(w * float64(a.active))
		valid += a.valid
		active += a.active
		r.Degenerate += e.Zeros[i]
	}
	r.Valid, r.Active, e.divisor = toInt(valid), toInt(active), 0
	of := 1.0
	if e.twice {
		r.Valid, r.Active, of = r.Valid/2, r.Active/2, 2
	}
	switch reduction {
	case Mean:
		of = validWeight
	case MeanActive:
		of = activeWeight
	}
	if of == 0 {
		return r, nil
	}
	r.Loss, e.divisor = sum/of, of
	if err := finiteLoss(e.op, r.Loss); err != nil {
		return Result{}, err
	}
	if e.Want {
		e.Distances.AddGrad(grad.Q, 1/of, scale)
	}
	return r, nil
}

// toInt returns n, or the largest int there is.
func toInt(n int64) int { return int(min(n, math.MaxInt)) }
