package infonce

import (
	"math"

	"github.com/contrast-go/contrast/internal/par"
)

// SemiHard scores each pair of rows of one label against the nearest negative that is farther than the positive
// (Schroff, Kalenichenko and Philbin 2015, eq. 4):
//
//	L = mean_ap max(0, d(x_a, x_p) − d(x_a, x_n) + margin),  n = argmin d(x_a, x_n) > d(x_a, x_p)
//
// over the anchors a and the other rows p of their label; of equally near negatives the lowest row counts. As in the
// paper, a pair whose nearest such negative is not within the margin is left out, and one that has none. With Farthest
// the pair stays, and the farthest negative takes the place of one that there is not, as TensorFlow Addons
// has it. Result.Valid counts the pairs that are scored. The weight of a pair is that of its anchor.
//
// It reads Q (n×d), Labels (n) and Weights (of the anchors). Where no pair is scored the loss is 0: so it is where all
// rows are equal, but the margin with Farthest. Distances are compared in float32, as products of matrices give them,
// with errors of some ulps. The zero value is ready to use.
type SemiHard struct {
	Margin    float32   // 0 means 1
	Squared   bool      // squared distances
	Normalize bool      // bring the rows to norm 1 first
	Farthest  bool      // pairs without a semi-hard negative have the farthest
	Reduction Reduction // of the pairs
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	distances distances // never squared, which would make the least ones equal
	rank      ranking
	anchors   []anchorSum
	scratch   []semiHardScratch
}

// semiHardScratch is the memory of a worker.
type semiHardScratch struct {
	thresholds thresholds
	nearest    []int32 // the negative nearest to the anchor, by how many positives are nearer; −1 where there is none
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *SemiHard) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.SemiHard"
	var err error
	if l.rank, err = newRanking(op, l.Margin, l.Squared, false); err != nil {
		return Result{}, err
	}
	e := &l.distances
	r, err := e.load(distanceSettings{op: op, cosine: l.Normalize, workers: l.Workers, reduction: l.Reduction}, b, grad)
	if err != nil {
		return Result{}, err
	}
	e.begin(e.fewPairs(), 0)
	l.anchors, l.scratch = grow(l.anchors, b.Q.Rows), grow(l.scratch, par.Workers(l.Workers))
	e.run((*semiHardRow)(l), e.want)
	return e.finish(r, l.anchors, b.Weights, l.Reduction, grad, scale)
}

// semiHardRow is SemiHard as a scorer of rows of distances.
type semiHardRow SemiHard

// score finds the negatives of all pairs of row i together: each negative is one for the positives that are nearer than
// it, and of those farther than k positives but not than more, only the nearest counts.
func (l *semiHardRow) score(worker, i int, d, c []float32) {
	e := &l.distances
	lo, hi := e.group(i)
	a := &l.anchors[i]
	*a = anchorSum{}
	positives := hi - lo - 1
	if positives == 0 || hi-lo == len(d) {
		return
	}
	t := &l.scratch[worker]
	t.thresholds.reset()
	for j := lo; j < hi; j++ {
		if j != i {
			t.thresholds.add(math.Float32bits(d[j])+1, j) // so that equal distances are not farther
		}
	}
	t.thresholds.sort()
	t.nearest = grow(t.nearest, positives+1)
	for k := range t.nearest {
		t.nearest[k] = -1
	}
	t.findNearest(e.groups.order, d, 0, lo)
	t.findNearest(e.groups.order, d, hi, len(d))
	nearest := int32(-1)
	if l.Farthest {
		nearest = farthest(e.groups.order, d, lo, hi)
	}
	for k := positives - 1; k >= 0; k-- {
		if n := t.nearest[k+1]; n >= 0 {
			nearest = n
		}
		if nearest >= 0 {
			l.add(a, i, t.thresholds.owner(k), int(nearest), d, c)
		}
	}
}

// findNearest searches the negatives from lo to hi−1.
func (t *semiHardScratch) findNearest(order []int, d []float32, lo, hi int) {
	thresholds, nearest := &t.thresholds, t.nearest
	for j := lo; j < hi; j++ {
		k := thresholds.rank(math.Float32bits(d[j]))
		if n := nearest[k]; n < 0 || d[j] < d[n] || (d[j] == d[n] && order[j] < order[n]) {
			nearest[k] = int32(j)
		}
	}
}

// farthest returns the row at the largest distance, other than those from lo to hi−1; of equal ones the lowest of the batch.
func farthest(order []int, d []float32, lo, hi int) int32 {
	far := -1
	for j := range d {
		if j >= lo && j < hi {
			continue
		}
		if far < 0 || d[j] > d[far] || (d[j] == d[far] && order[j] < order[far]) {
			far = j
		}
	}
	return int32(far)
}

// add scores row i with positive p and negative n.
func (l *semiHardRow) add(a *anchorSum, i, p, n int, d, c []float32) {
	e := &l.distances
	positive, negative := e.exact(i, p, d), e.exact(i, n, d)
	toPositive, toNegative := e.weights[i], e.weights[i]
	if l.Squared {
		toPositive = float32(toPositive * float32(2*positive))
		toNegative = float32(toNegative * float32(2*negative))
		positive, negative = float64(positive*positive), float64(negative*negative)
	}
	loss, slope := l.rank.score(positive, negative)
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
