package infonce

import (
	"cmp"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// terms evaluates the losses whose rows are independent: what row i of Q, K and Negatives costs
// depends on no other row. They are pairs, triplets and given scores.
type terms struct {
	termSettings
	sides   [3]tile.Embeddings // of Q, K and Negatives
	losses  []float64
	loss    termLoss
	weights []float32
	scratch []simd.Matrix // of each worker: the gradients of a piece, and a row for differences

	grad       [3]simd.Matrix // the caller's
	scale      float32
	factor     float64 // of the gradient of Σ w·ℓ
	score, add bool    // what to do: score rows, add their gradients
}

// termRows is the size of a piece, so that the gradients of a piece stay in the first-level cache.
// Row by row, they would be read before the stores that cleared them are done.
const termRows = 16

// termSettings are what such losses have in common.
type termSettings struct {
	op        string
	sideCount int  // 3 with Negatives, else 2
	each      int  // how many losses a row has
	normalize bool // bring the rows to norm 1 first
	reduction Reduction
	workers   int
}

// A termLoss says what rows cost. Both methods are called concurrently for different rows.
type termLoss interface {
	// score stores the losses of row i, none of them negative, and may keep what the gradient
	// needs.
	score(i int, losses []float64)

	// addGrad adds w times the gradient of the sum of the losses of row i to rows of the gradient.
	addGrad(i int, w float64, g termGrad)
}

// A termGrad holds the rows of the gradient that belong to a row of Q, K and Negatives, and scratch
// memory of the same length.
type termGrad struct{ q, k, n, diff []float32 }

// row returns row i of Q, K or Negatives, normalised if so asked.
func (t *terms) row(side, i int) []float32 { return t.sides[side].X.Row(i) }

// evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (t *terms) evaluate(set termSettings, l termLoss, b Batch, grad *Batch, scale float32) (Result, error) {
	op, n, d := set.op, b.Q.Rows, b.Q.Cols
	names := [...]string{"Q", "K", "Negatives"}
	gradNames := [...]string{"grad.Q", "grad.K", "grad.Negatives"}
	in := [...]simd.Matrix{b.Q, b.K, b.Negatives}
	b.Q.Check(op, "Q", -1, -1)
	for s := 1; s < set.sideCount; s++ {
		in[s].Check(op, names[s], n, d)
	}
	if grad != nil {
		t.grad = [...]simd.Matrix{grad.Q, grad.K, grad.Negatives}
		for s := range set.sideCount {
			checkGrad(op, gradNames[s], t.grad[s], in[s])
		}
	}
	if err := cmp.Or(checkReduction(op, set.reduction), checkWeights(op, b.Weights, n)); err != nil {
		return Result{}, err
	}
	var r Result
	for s := range set.sideCount {
		r.ZeroNorm += t.sides[s].Load(set.workers, in[s], set.normalize, false)
		if err := t.sides[s].CheckFinite(op, names[s], in[s], 0); err != nil {
			return Result{}, err
		}
	}

	t.termSettings, t.loss, t.weights, t.scale = set, l, b.Weights, scale
	t.losses = tile.Grow(t.losses, n*set.each)
	t.score, t.add = true, false
	if grad != nil {
		t.scratch = tile.Grow(t.scratch, set.workers)
		for w := range t.scratch {
			t.scratch[w] = t.scratch[w].Reshape(3*termRows+1, d)
		}
		if set.reduction != MeanActive {
			// The factor depends on no loss, so each row is scored and differentiated while it is
			// in the cache.
			var all tally
			for i := range n {
				all.weight += float64(tile.WeightOf(t.weights, i) * float64(set.each))
			}
			t.setFactor(all)
		}
	}
	par.Ranges(set.workers, n, termRows, t, (*terms).evaluateRows)
	var sum tally
	for i := range n {
		w := tile.WeightOf(t.weights, i)
		for _, loss := range t.losses[i*set.each : (i+1)*set.each] {
			sum.add(loss, w) // which does not overflow float64
		}
	}
	r.Loss, _ = sum.reduce(set.reduction)
	r.Losses, r.Valid, r.Active = t.losses, sum.valid, sum.active
	if grad != nil && set.reduction == MeanActive {
		t.score = false
		t.setFactor(sum)
		par.Ranges(set.workers, n, termRows, t, (*terms).evaluateRows)
	}
	t.loss, t.weights, t.grad = nil, nil, [3]simd.Matrix{}
	return r, nil
}

// setFactor sets the factor of the gradients, and whether there are any to add.
func (t *terms) setFactor(sum tally) {
	_, t.factor = sum.reduce(t.reduction)
	t.add = t.factor != 0
}

// evaluateRows scores rows lo to hi−1 or adds their gradients, or both.
func (t *terms) evaluateRows(worker, lo, hi int) {
	if t.score {
		for i := lo; i < hi; i++ {
			t.loss.score(i, t.losses[i*t.each:(i+1)*t.each])
		}
	}
	if t.add {
		t.addGrads(t.scratch[worker], lo, hi)
	}
}

// addGrads adds the gradients of rows lo to hi−1. All of them are computed before one is added,
// because the caller may add them to the rows themselves.
func (t *terms) addGrads(room simd.Matrix, lo, hi int) {
	clear(room.Data)
	for i := lo; i < hi; i++ {
		q := i - lo
		g := termGrad{room.Row(q), room.Row(q + termRows), room.Row(q + 2*termRows), room.Row(3 * termRows)}
		t.loss.addGrad(i, float64(float32(t.factor*tile.WeightOf(t.weights, i))), g)
	}
	for s := range t.sideCount {
		if dst, e := t.grad[s], &t.sides[s]; dst.Data != nil {
			g := room.Slice(s*termRows, s*termRows+hi-lo)
			tile.AddRowsGrad(dst.Slice(lo, hi), t.scale, g, e.X.Slice(lo, hi), e.Norms[lo:hi], t.normalize)
		}
	}
}
