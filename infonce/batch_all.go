package infonce

import (
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// BatchAll scores all triplets of a labelled batch (Hermans, Beyer and Leibe 2017, eq. 6):
//
//	L = mean max(0, v),  v = d(x_a, x_p) − d(x_a, x_n) + margin
//
// over the anchors a, the other rows p of their label and the rows n of other labels, where v > 0:
// most triplets are soon satisfied and would only shrink the mean. [Result].Valid counts the
// triplets, [Result].Active those with v > 0. The weight of a triplet is that of its anchor.
//
// An anchor with P positives among n rows takes time proportional to n·ln P, as negatives are
// ranked among the thresholds d(x_a, x_p) + margin, and memory proportional to n. The soft margin
// has no such form and takes time proportional to n·P. Distances come from matrix products in
// float32, with errors of a few ulps; distances of rows close together, and their gradients, come
// from differences.
//
// It reads Q (n×d), Labels (n) and Weights (of the anchors). Without a triplet the loss is 0. Where
// all rows are equal it is the margin. The zero value is ready to use.
type BatchAll struct {
	Margin    float32   // 0 means 1, and 0 with Soft
	Squared   bool      // squared distances
	Soft      bool      // ln(1 + e^v) instead of max(0, v)
	Normalize bool      // bring the rows to norm 1 first
	All       bool      // the mean is over all triplets
	Reduction Reduction // of the triplets; Mean is that over those with v > 0, unless All is set
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	distances distanceLoss
	hinge     hinge
	anchors   []anchorSum
	scratch   []batchAllScratch
}

// batchAllScratch is the memory of a worker.
type batchAllScratch struct {
	thresholds tile.Thresholds
	count      []int64   // negatives by rank
	sum        []float64 // their distances
	slope      []float32 // the derivative of their distances
	negated    []float32
	unused     []float32
	softplus   tile.SoftplusScratch
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *BatchAll) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.BatchAll"
	workers := par.Workers(l.Workers)
	var err error
	if l.hinge, err = newHinge(op, l.Margin, l.Squared, l.Soft); err != nil {
		return Result{}, err
	}
	e := &l.distances
	r, err := e.load(distanceSettings{op: op, squared: l.Squared, cosine: l.Normalize, workers: workers, reduction: l.Reduction}, b, grad)
	if err != nil {
		return Result{}, err
	}
	e.Begin(false, 0)
	l.anchors, l.scratch = tile.Grow(l.anchors, b.Q.Rows), tile.Grow(l.scratch, workers)
	e.run(l, e.Want)
	reduction := l.Reduction
	if reduction == Mean && !l.All {
		reduction = MeanActive
	}
	return e.finish(r, l.anchors, b.Weights, reduction, grad, scale)
}

func (l *BatchAll) score(worker, i int, d, c []float32) {
	lo, hi := l.distances.Group(i)
	a := &l.anchors[i]
	*a = anchorSum{valid: int64(hi-lo-1) * int64(len(d)-(hi-lo))}
	if a.valid == 0 {
		return
	}
	w := l.distances.Weights[i]
	t := &l.scratch[worker]
	switch {
	case !l.Soft:
		l.hinges(t, a, w, i, lo, hi, d, c)
	case l.distances.Unit == 1:
		a.active = a.valid
		l.softplus(t, a, w, i, lo, hi, d, c)
	default:
		a.active = a.valid
		l.softplusFar(a, w, i, lo, hi, d, c)
	}
}

// hinges scores the hinges of row i, whose label is that of the rows lo to hi−1. The triplets of a
// positive p are active with the negatives below T_p = d_ap + margin: if there are c_p of these,
// with distances that sum to s_p, they cost c_p·T_p − s_p. With the thresholds T in ascending
// order, a negative of rank k counts for those from the k-th on.
func (l *BatchAll) hinges(t *batchAllScratch, a *anchorSum, w float32, i, lo, hi int, d, c []float32) {
	unit := l.distances.Unit
	margin := l.hinge.margin / unit
	t.thresholds.Reset()
	for j := lo; j < hi; j++ {
		if j != i {
			t.thresholds.Add(tile.LeastAbove(d[j], margin), j)
		}
	}
	t.thresholds.Sort()
	positives := hi - lo - 1
	t.count, t.sum, t.slope = tile.Grow(t.count, positives+1), tile.Grow(t.sum, positives+1), tile.Grow(t.slope, positives+1)
	clear(t.count)
	clear(t.sum)
	for k := range t.slope {
		t.slope[k] = -w * float32(positives-k)
	}
	if c == nil {
		t.unused = tile.Grow(t.unused, len(d))
		c = t.unused
	}
	t.rankAll(c[:lo], d[:lo])
	t.rankAll(c[hi:], d[hi:])
	count, sum := int64(0), 0.0
	for k := range positives {
		count += t.count[k]
		sum += t.sum[k]
		j := t.thresholds.Owner(k)
		a.loss += float64(float64(count)*(float64(d[j])+margin)) - sum
		a.active += count
		c[j] = w * float32(count)
	}
	a.loss *= unit
}

// rankAll counts the negatives at distances d by rank, sums them, and stores the derivatives in c,
// which may be d.
func (t *batchAllScratch) rankAll(c, d []float32) {
	thresholds, count := &t.thresholds, t.count
	sum, slope := t.sum[:len(count)], t.slope[:len(count)]
	c = c[:len(d)]
	for j, v := range d {
		k := thresholds.Rank(math.Float32bits(v))
		count[k]++
		sum[k] += float64(v)
		c[j] = slope[k]
	}
}

// softplus scores the soft margins of row i.
func (l *BatchAll) softplus(t *batchAllScratch, a *anchorSum, w float32, i, lo, hi int, d, c []float32) {
	t.negated = tile.Grow(t.negated, len(d))
	for j := lo; j < hi; j++ {
		if j == i {
			continue
		}
		threshold := float32(float64(d[j]) + l.hinge.margin)
		slopes := 0.0
		for _, side := range [2][2]int{{0, lo}, {hi, len(d)}} {
			z := t.negated[side[0]:side[1]]
			simd.Scale(z, -1, d[side[0]:side[1]])
			loss, slope := tile.SoftplusRow(z, threshold, &t.softplus)
			a.loss += loss
			slopes += slope
			if c != nil {
				simd.Axpy(c[side[0]:side[1]], w, z)
			}
		}
		if c != nil {
			c[j] = w * float32(slopes)
		}
	}
}

// softplusFar is softplus for distances that float32 may not hold.
func (l *BatchAll) softplusFar(a *anchorSum, w float32, i, lo, hi int, d, c []float32) {
	for j := lo; j < hi; j++ {
		if j == i {
			continue
		}
		for k, v := range d {
			if k >= lo && k < hi {
				continue
			}
			loss, slope := tile.Softplus(float64((float64(d[j])-float64(v))*l.distances.Unit) + l.hinge.margin)
			a.loss += loss
			if c != nil {
				c[j] += float32(w * float32(slope))
				c[k] -= float32(w * float32(slope))
			}
		}
	}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *BatchAll) MemoryEstimate(b Batch) int64 {
	return estimateDistances(b, l.Normalize, 0, l.Workers)
}
