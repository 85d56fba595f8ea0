package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// triples scores lists of triplets of rows of one matrix. A row may be in many triplets.
type triples struct {
	x       tile.Embeddings
	hinge   hinge
	list    []Triple // a triple with an index below 0 is not valid
	scores  []tripletScore
	each    int // how many losses a triple has
	losses  []float64
	weights []float32
	factor  float64     // of the gradient of Σ w·ℓ
	diff    simd.Matrix // a row for each worker, of the columns of a piece
	adding  bool        // gradients; otherwise triples are scored
}

// The gradient is cut by columns into a piece for each worker, but not into pieces of fewer columns
// than this: so each element grows in the order of the list, whoever adds to it.
const tripleCols = 64

// load takes over the rows.
func (t *triples) load(op string, workers int, q simd.Matrix, normalize, grad bool) (zeroNorms int, err error) {
	zeroNorms = t.x.Load(workers, q, normalize, grad)
	return zeroNorms, t.x.CheckFinite(op, "Q", q, 0)
}

// checkTriples returns an error that names the first triple with an index that is not one of n
// rows.
func checkTriples(op string, list []Triple, n int) error {
	for i, t := range list {
		if min(t.A, t.P, t.N) < 0 || max(t.A, t.P, t.N) >= n {
			return fmt.Errorf("%s: triple %d is %v, want indices of %d rows", op, i, t, n)
		}
	}
	return nil
}

// evaluateRows returns the loss of the triplets that b lists, and adds its gradient to grad.
func (t *triples) evaluateRows(op string, h hinge, workers int, normalize bool, b Batch, reduction Reduction, grad *Batch, scale float32) (Result, error) {
	b.Q.Check(op, "Q", -1, -1)
	if grad != nil {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
	}
	zeroNorms, err := t.load(op, workers, b.Q, normalize, grad != nil)
	if err := cmp.Or(err, checkTriples(op, b.Triplets, b.Q.Rows)); err != nil {
		return Result{}, err
	}
	r, err := t.evaluate(op, h, b.Triplets, b.Weights, reduction, grad, scale)
	if err == nil {
		r.ZeroNorm = zeroNorms
	}
	return r, err
}

// evaluate returns the loss of the triplets of list, with a weight each or none, and adds its
// gradient to grad.
func (t *triples) evaluate(op string, h hinge, list []Triple, weights []float32, reduction Reduction, grad *Batch, scale float32) (Result, error) {
	n := len(list)
	if err := cmp.Or(checkReduction(op, reduction), checkWeights(op, weights, n)); err != nil {
		return Result{}, err
	}
	t.hinge, t.list, t.weights = h, list, weights
	t.each = 1
	if h.boundary != 0 {
		t.each = 2
	}
	t.losses, t.scores = tile.Grow(t.losses, n*t.each), tile.Grow(t.scores, n)
	par.Ranges(t.x.Workers, n, tile.PieceRows, t, (*triples).scoreList)
	var sum tally
	for i, loss := range t.losses {
		if i /= t.each; list[i].valid() {
			sum.add(loss, tile.WeightOf(weights, i))
		}
	}
	r := Result{Losses: t.losses, Valid: sum.valid, Active: sum.active}
	r.Loss, t.factor = sum.reduce(reduction)
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if grad != nil && t.factor != 0 {
		workers, cols := t.x.Workers, t.x.X.Cols
		t.diff = t.diff.Reshape(workers, max(tile.Share(cols, workers), tripleCols))
		par.Ranges(workers, cols, t.diff.Cols, t, (*triples).addGrads)
		t.x.AddGrad(grad.Q, scale, 0)
	}
	t.list, t.weights = nil, nil
	return r, nil
}

// valid reports whether the triple is scored.
func (t Triple) valid() bool { return min(t.A, t.P, t.N) >= 0 }

// scoreList scores triples i to end−1.
func (t *triples) scoreList(_, i, end int) {
	for ; i < end; i++ {
		losses := t.losses[i*t.each : (i+1)*t.each]
		clear(losses)
		tr := t.list[i]
		if !tr.valid() {
			continue
		}
		a, p, n := t.x.X.Row(tr.A), t.x.X.Row(tr.P), t.x.X.Row(tr.N)
		if t.each == 2 {
			losses[0], losses[1], t.scores[i] = t.hinge.apart(a, p, n)
		} else {
			losses[0], t.scores[i] = t.hinge.triplet(a, p, n)
		}
	}
}

// addGrads sets columns lo to hi−1 of the gradient.
func (t *triples) addGrads(worker, lo, hi int) {
	x, g, diff := t.x.X, t.x.G, t.diff.Row(worker)
	for i := range g.Rows {
		clear(g.Row(i)[lo:hi])
	}
	for i, tr := range t.list {
		if !tr.valid() || t.scores[i].toward == 0 && t.scores[i].away == 0 {
			continue
		}
		t.hinge.addGrad(g.Row(tr.A)[lo:hi], g.Row(tr.P)[lo:hi], g.Row(tr.N)[lo:hi],
			x.Row(tr.A)[lo:hi], x.Row(tr.P)[lo:hi], x.Row(tr.N)[lo:hi],
			t.scores[i], float64(t.factor*tile.WeightOf(t.weights, i)), diff[:hi-lo])
	}
}
