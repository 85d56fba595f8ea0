package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// SemiHard scores each pair of rows of one label against the nearest negative that is farther away
// than the positive (Schroff, Kalenichenko and Philbin 2015, eq. 4):
//
//	L = mean_ap max(0, d(x_a, x_p) − d(x_a, x_n) + margin),  n = argmin d(x_a, x_n) > d(x_a, x_p)
//
// over the anchors a and the other rows p of their label; of equally near negatives the lowest row
// counts. As in the paper, a pair without such a negative within the margin is left out. With
// Farthest the pair stays, and the farthest negative takes the place of a missing one, as in
// TensorFlow Addons. [Result].Valid counts the pairs that are scored. The weight of a pair is that
// of its anchor.
//
// It reads Q (n×d), Labels (n) and Weights (of the anchors). Where no pair is scored the loss is 0;
// so it is where all rows are equal, but with Farthest it is the margin. Distances come from matrix
// products in float32; where these cannot tell which is larger, float64 decides. The zero value is
// ready to use.
type SemiHard struct {
	Margin    float32   // 0 means 1
	Squared   bool      // squared distances
	Normalize bool      // bring the rows to norm 1 first
	Farthest  bool      // pairs without a semi-hard negative have the farthest
	Reduction Reduction // of the pairs
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	distances distanceLoss // never squared, which would make the least ones equal
	measure   tile.Measure
	largest   float32 // square of a row
	hinge     hinge
	anchors   []anchorSum
	scratch   []semiHardScratch
}

// semiHardScratch is the memory of a worker.
type semiHardScratch struct {
	thresholds tile.Thresholds // the positives, by distance
	choices    []choice        // of their negatives, from element 1 on
	ranks      []int32         // of each negative among the positives, less a blur
	measured   tile.MeasuredRow
}

// A choice is the search for the negative of a positive.
type choice struct {
	sure    float32 // the least distance at which a negative is farther for sure
	nearest uint32  // the bits of the least of these distances, without those of the next positive
	limit   float32 // the largest distance at which a negative may be the one
	row     int     // the negative so far, or −1
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *SemiHard) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.SemiHard"
	workers := par.Workers(l.Workers)
	var err error
	if l.hinge, err = newHinge(op, l.Margin, l.Squared, false); err != nil {
		return Result{}, err
	}
	e := &l.distances
	r, err := e.load(distanceSettings{op: op, cosine: l.Normalize, workers: workers, reduction: l.Reduction}, b, grad)
	if err != nil {
		return Result{}, err
	}
	l.measure.Load(b.Q, l.Normalize)
	l.largest = 0
	if b.Q.Rows > 0 {
		l.largest = simd.Max(e.Squares)
	}
	e.Begin(e.FewPairs(), 0)
	l.anchors, l.scratch = tile.Grow(l.anchors, b.Q.Rows), tile.Grow(l.scratch, workers)
	e.run(l, e.Want)
	l.measure.Rows = simd.Matrix{}
	return e.finish(r, l.anchors, b.Weights, l.Reduction, grad, scale)
}

// score finds the negatives of all pairs of row i together. Two distances differ for certain if
// they do by more than the blur of both. So the nearest negative that is certainly farther than a
// positive limits which may be the one: those from a blur below the positive to a blur above that
// negative. Where there are several, or one that may not be farther, they are measured.
func (l *SemiHard) score(worker, i int, d, c []float32) {
	e := &l.distances
	lo, hi := e.Group(i)
	a := &l.anchors[i]
	*a = anchorSum{}
	positives := hi - lo - 1
	if positives == 0 || hi-lo == len(d) {
		return
	}
	blur := 2 * e.Blur(i, l.largest)
	t := &l.scratch[worker]
	t.measured.Reset(&l.measure, e.Groups.Order[i])
	t.thresholds.Reset()
	for j := lo; j < hi; j++ {
		if j != i {
			t.thresholds.Add(math.Float32bits(d[j]), j)
		}
	}
	t.thresholds.Sort()
	t.choices, t.ranks = tile.Grow(t.choices, positives+1), tile.Grow(t.ranks, len(d))
	t.begin(blur)
	t.sight(d, 0, lo)
	t.sight(d, hi, len(d))
	t.limit(blur)
	t.choose(e.Groups.Order, d, 0, lo)
	t.choose(e.Groups.Order, d, hi, len(d))
	far := -1
	for k, n := range t.choices[1:] {
		if n.row < 0 && l.Farthest {
			if far < 0 {
				far = t.farthest(e.Groups.Order, d, lo, hi, blur)
			}
			n.row = far
		}
		if n.row >= 0 {
			l.add(t, a, i, t.thresholds.Owner(k), n.row, blur, d, c)
		}
	}
}

// begin begins the choices. The first is nobody's, so that a rank of 0 needs no branch.
func (t *semiHardScratch) begin(blur float64) {
	t.choices[0] = choice{sure: -1}
	for k := range t.thresholds.Len() {
		t.choices[k+1] = choice{sure: float32(float64(t.thresholds.At(k)) + blur), nearest: math.MaxUint32, row: -1}
	}
	t.thresholds.Shift(-blur)
}

// sight ranks the negatives from lo to hi−1 among the positives, and finds the nearest ones that
// are certainly farther.
func (t *semiHardScratch) sight(d []float32, lo, hi int) {
	thresholds, choices, ranks := &t.thresholds, t.choices, t.ranks[lo:hi]
	for j, v := range d[lo:hi] {
		key := math.Float32bits(v)
		k := thresholds.Rank(key)
		ranks[j] = int32(k)
		for v < choices[k].sure {
			k--
		}
		choices[k].nearest = min(choices[k].nearest, key)
	}
}

// limit finds the limits, which are in the order of positives.
func (t *semiHardScratch) limit(blur float64) {
	nearest := uint32(math.MaxUint32)
	for k := len(t.choices) - 1; k > 0; k-- {
		c := &t.choices[k]
		nearest = min(nearest, c.nearest)
		c.limit = math.MaxFloat32
		if nearest < math.MaxUint32 {
			c.limit = float32(float64(math.Float32frombits(nearest)) + blur)
		}
	}
	t.choices[0].limit = -1
}

// choose offers the negatives from lo to hi−1 to the positives they may belong to.
func (t *semiHardScratch) choose(order []int, d []float32, lo, hi int) {
	choices, ranks := t.choices, t.ranks[lo:hi]
	for j, v := range d[lo:hi] {
		for k := int(ranks[j]); v <= choices[k].limit; k-- {
			c, n := &choices[k], lo+j
			if v < c.sure && t.measured.To(order[n]) <= t.measured.To(order[t.thresholds.Owner(k-1)]) {
				continue
			}
			if c.row < 0 || t.compare(order[n], order[c.row]) < 0 {
				c.row = n
			}
		}
	}
}

// compare compares the distances of rows m and n of the batch, and where they are equal the rows.
func (t *semiHardScratch) compare(m, n int) int {
	return cmp.Or(cmp.Compare(t.measured.To(m), t.measured.To(n)), m-n)
}

// farthest returns the row at the largest distance outside lo to hi−1; of equal ones the lowest of
// the batch.
func (t *semiHardScratch) farthest(order []int, d []float32, lo, hi int, blur float64) int {
	most := tile.NegInf
	for _, side := range [2][]float32{d[:lo], d[hi:]} {
		for _, v := range side {
			most = max(most, v)
		}
	}
	far, least := -1, float32(float64(most)-blur)
	for n, v := range d {
		if v < least || n >= lo && n < hi {
			continue
		}
		switch {
		case far < 0:
			far = n
		case t.measured.To(order[n]) > t.measured.To(order[far]), t.measured.To(order[n]) == t.measured.To(order[far]) && order[n] < order[far]:
			far = n
		}
	}
	return far
}

// add scores row i with positive p and negative n.
func (l *SemiHard) add(t *semiHardScratch, a *anchorSum, i, p, n int, blur float64, d, c []float32) {
	e := &l.distances
	positive, negative := e.Exact(i, p, d), e.Exact(i, n, d)
	toPositive, toNegative := e.Weights[i], e.Weights[i]
	if l.Squared {
		toPositive = float32(toPositive * float32(2*positive))
		toNegative = float32(toNegative * float32(2*negative))
		blur *= 2 * (positive + negative)
		positive, negative = float64(positive*positive), float64(negative*negative)
	}
	if math.Abs(positive-negative+l.hinge.margin) <= 2*blur*e.Unit { // float32 does not tell whether it is within the margin
		positive, negative = t.measured.To(e.Groups.Order[p]), t.measured.To(e.Groups.Order[n])
		if !l.Squared {
			positive, negative = math.Sqrt(positive), math.Sqrt(negative)
		}
	}
	loss, slope := l.hinge.score(positive, negative)
	if slope == 0 && !l.Farthest {
		return
	}
	a.valid++
	a.loss += loss
	if slope == 0 {
		return
	}
	a.active++
	if c != nil {
		c[p] += toPositive
		c[n] -= toNegative
	}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *SemiHard) MemoryEstimate(b Batch) int64 {
	n := b.Q.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: l.Workers, unit: l.Normalize}
	return e.sides(n, 0) + 4*e.size(n, 3) + e.search(n, false)
}
