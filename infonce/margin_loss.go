package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// MarginLoss keeps rows of one label within a boundary of each other, and others beyond it (margin
// based loss; Wu et al. 2017, section 4.2):
//
//	L = mean max(0, v),  v = d(x_i, x_j) − β + margin of one label,  β − d(x_i, x_j) + margin of two
//
// over the pairs with v > 0, with the Euclidean distance d. The boundary β may be learned:
// [Result].DBias is the gradient with respect to it.
//
// It reads Q (n×d) and Triplets of rows of Q. Each triplet makes two terms, its positive pair and
// its negative one; with those of miner.DistanceWeighted on normalised rows it is the loss of the
// paper. Weights are then those of the triplets. Where Triplets is nil it reads Labels (n), the
// terms are all pairs of rows, and the weight of a pair is the mean of those of its rows.
// [Result].Valid counts the terms, [Result].Active those with v > 0. Without terms the loss is 0.
//
// The distances of all pairs come from matrix products in float32, as in [BatchAll]; where these
// cannot tell whether a pair is within the boundary, float64 decides. The zero value is ready to
// use.
type MarginLoss struct {
	Boundary  float32   // β; 0 means 1.2
	Margin    float32   // 0 means 0.2
	Normalize bool      // bring the rows to norm 1 first
	All       bool      // the mean is over all terms
	Reduction Reduction // of the terms; Mean is that over those with v > 0, unless All is set
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	hinge     hinge
	triples   triples
	distances distanceLoss
	measure   tile.Measure
	largest   float32 // square of a row
	anchors   []anchorSum
	slopes    []int64 // ∂ℓ/∂β of each row
	scratch   []tile.MeasuredRow
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *MarginLoss) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.MarginLoss"
	boundary, margin := cmp.Or(l.Boundary, 1.2), cmp.Or(l.Margin, 0.2)
	if err := cmp.Or(checkNumber(op, "Boundary", boundary), checkNumber(op, "Margin", margin)); err != nil {
		return Result{}, err
	}
	l.hinge = hinge{margin: float64(margin), boundary: float64(boundary)}
	reduction := l.Reduction
	if reduction == Mean && !l.All {
		reduction = MeanActive
	}
	if b.Triplets != nil {
		return l.evaluateList(op, b, reduction, grad, scale)
	}
	return l.evaluateAll(op, b, reduction, grad, scale)
}

func (l *MarginLoss) evaluateList(op string, b Batch, reduction Reduction, grad *Batch, scale float32) (Result, error) {
	t := &l.triples
	r, err := t.evaluateRows(op, l.hinge, par.Workers(l.Workers), l.Normalize, b, reduction, grad, scale)
	if err != nil || grad == nil {
		return r, err
	}
	slope := 0.0
	for i, s := range t.scores[:len(b.Triplets)] {
		slope += float64(float64(t.factor*tile.WeightOf(b.Weights, i)) * (s.away - s.toward))
	}
	r.DBias = float64(scale) * slope
	return r, nil
}

func (l *MarginLoss) evaluateAll(op string, b Batch, reduction Reduction, grad *Batch, scale float32) (Result, error) {
	workers := par.Workers(l.Workers)
	e, n := &l.distances, b.Q.Rows
	r, err := e.load(distanceSettings{op: op, cosine: l.Normalize, workers: workers, reduction: l.Reduction}, b, grad)
	if err != nil {
		return Result{}, err
	}
	l.measure.Load(b.Q, l.Normalize)
	l.largest = 0
	if n > 0 {
		l.largest = simd.Max(e.Squares)
	}
	l.anchors, l.slopes = tile.Grow(l.anchors, n), tile.Grow(l.slopes, n)
	l.scratch = tile.Grow(l.scratch, workers)
	e.Begin(false, 0)
	e.twice = true
	e.run(l, e.Want)
	l.measure.Rows = simd.Matrix{}
	r, err = e.finish(r, l.anchors, b.Weights, reduction, grad, scale)
	if err != nil || grad == nil || e.divisor == 0 {
		return r, err
	}
	slope := 0.0
	for i, s := range l.slopes {
		slope += float64(tile.WeightOf(b.Weights, e.Groups.Order[i]) * float64(s))
	}
	r.DBias = float64(scale) * (slope / e.divisor)
	return r, nil
}

// score scores the pairs of row i.
func (l *MarginLoss) score(worker, i int, d, c []float32) {
	e := &l.distances
	lo, hi := e.Group(i)
	l.anchors[i] = anchorSum{valid: int64(len(d) - 1)}
	l.slopes[i] = 0
	t := &l.scratch[worker]
	t.Reset(&l.measure, e.Groups.Order[i])
	l.side(t, i, 0, lo, -1, d, c)
	l.side(t, i, lo, i, 1, d, c)
	l.side(t, i, i+1, hi, 1, d, c)
	l.side(t, i, hi, len(d), -1, d, c)
}

// side scores the pairs of row i with rows lo to hi−1. They are of one label where sign is 1, and
// of two where it is −1.
func (l *MarginLoss) side(t *tile.MeasuredRow, i, lo, hi int, sign float64, d, c []float32) {
	e := &l.distances
	unit := e.Unit
	threshold := (l.hinge.boundary - float64(sign*l.hinge.margin)) / unit
	blur := 2 * e.Blur(i, l.largest)
	w := e.Weights[i] * float32(sign)
	a, count, sum := &l.anchors[i], int64(0), 0.0
	for j := lo; j < hi; j++ {
		v := sign * (float64(d[j]) - threshold)
		if v <= -blur {
			continue
		}
		if v < blur { // float32 does not tell its sign
			v = sign * (math.Sqrt(t.To(e.Groups.Order[j]))/unit - threshold)
			if v <= 0 {
				continue
			}
		}
		count++
		sum += v
		if c != nil {
			c[j] = w
		}
	}
	a.active += count
	a.loss += float64(sum * unit)
	l.slopes[i] -= count * int64(sign)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *MarginLoss) MemoryEstimate(b Batch) int64 {
	if len(b.Triplets) > 0 {
		e := memoryEstimate{d: b.Q.Cols, unit: l.Normalize}
		return e.sides(b.Q.Rows, 0) + estimateTriples(len(b.Triplets), 2)
	}
	return estimateDistances(b, l.Normalize, 0, l.Workers)
}
