package infonce

import (
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// Lifted scores each pair of rows of one label against all negatives of both (lifted structured
// embedding; Song et al. 2016, eq. 4):
//
//	L = mean_ij ½·max(0, J_ij)²
//	J_ij = d(x_i, x_j) + ln(Σ_k e^(margin − d(x_i, x_k)) + Σ_k e^(margin − d(x_j, x_k)))
//
// over the pairs i < j of one label, with the rows k of other labels and the Euclidean distance d.
// [Result].Valid counts the pairs and [Result].Active those with J > 0. The weight of a pair is
// half the sum of those of its rows.
//
// It walks over the distances twice, for the sums and for the rest, and keeps no more of them than
// the budget allows. Distances come from matrix products in float32; distances of rows close
// together, and their gradients, come from differences.
//
// It reads Q (n×d), Labels (n) and Weights (of the rows). Without a pair or without negatives the
// loss is 0. The zero value is ready to use.
type Lifted struct {
	Margin       float32   // 0 means 1
	Normalize    bool      // bring the rows to norm 1 first
	Reduction    Reduction // of the pairs
	Workers      int       // 0 means GOMAXPROCS; the result does not depend on it
	MemoryBudget int64     // bytes it may keep beyond O(n·d), see [DefaultMemoryBudget]

	distances distanceLoss
	margin    float64
	sums      []float64 // ln Σ_k e^(margin − d_ik) of each row i
	nearest   []float32 // the least d_ik
	inverse   []float64 // 1/Σ_k e^(least − d_ik)
	pairs     []anchorSum
	scratch   [][]float32 // of each worker
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *Lifted) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.Lifted"
	workers := par.Workers(l.Workers)
	h, err := newHinge(op, l.Margin, false, false)
	if err != nil {
		return Result{}, err
	}
	e, n := &l.distances, b.Q.Rows
	r, err := e.load(distanceSettings{op: op, cosine: l.Normalize, workers: workers, reduction: l.Reduction}, b, grad)
	if err != nil {
		return Result{}, err
	}
	l.margin = h.margin
	l.sums, l.nearest, l.inverse, l.pairs = tile.Grow(l.sums, n), tile.Grow(l.nearest, n), tile.Grow(l.inverse, n), tile.Grow(l.pairs, n)
	l.scratch = tile.Grow(l.scratch, workers)
	for i := range l.scratch {
		l.scratch[i] = tile.Grow(l.scratch[i], n)
	}
	e.Begin(false, memoryBudget(l.MemoryBudget))
	e.visit((*liftedSums)(l))
	e.run((*liftedPairs)(l), e.Want)
	e.twice = true
	return e.finish(r, l.pairs, b.Weights, l.Reduction, grad, scale)
}

// exponentials stores e^(least − d) of the distances d of negatives in dst, given the least, and
// returns their sum.
func (l *Lifted) exponentials(dst, d []float32, least float32) float64 {
	unit := l.distances.Unit
	if unit == 1 {
		simd.Scale(dst, -1, d)
		return float64(simd.ExpSum(dst, dst, -least))
	}
	for k, v := range d { // float32 may not hold distances
		dst[k] = float32(max(float64((float64(least)-float64(v))*unit), scalar.ExpMin))
	}
	return float64(simd.ExpSum(dst, dst, 0))
}

// liftedSums is Lifted as a scorer that sums over the negatives of a row.
type liftedSums Lifted

func (s *liftedSums) score(worker, i int, d, _ []float32) {
	l := (*Lifted)(s)
	lo, hi := l.distances.Group(i)
	if hi-lo == 1 || hi-lo == len(d) {
		return
	}
	least := -tile.NegInf
	for _, side := range [2][]float32{d[:lo], d[hi:]} {
		for _, v := range side {
			least = min(least, v)
		}
	}
	z, sum := l.scratch[worker], 0.0
	for _, side := range [2][2]int{{0, lo}, {hi, len(d)}} {
		sum += l.exponentials(z[side[0]:side[1]], d[side[0]:side[1]], least)
	}
	l.nearest[i], l.inverse[i] = least, 1/sum
	l.sums[i] = l.margin - float64(float64(least)*l.distances.Unit) + scalar.Log64(sum)
}

// liftedPairs is Lifted as a scorer of the pairs of a row.
type liftedPairs Lifted

func (s *liftedPairs) score(_, i int, d, c []float32) {
	l := (*Lifted)(s)
	e := &l.distances
	lo, hi := e.Group(i)
	a := &l.pairs[i]
	*a = anchorSum{}
	if hi-lo == 1 || hi-lo == len(d) {
		return
	}
	a.valid = int64(hi - lo - 1)
	own, w := l.sums[i], float64(e.Weights[i])
	push := 0.0
	for j := lo; j < hi; j++ {
		if j == i {
			continue
		}
		other := l.sums[j]
		x := float64(float64(d[j])*e.Unit) + max(own, other) + scalar.Log1p64(scalar.Exp64(-math.Abs(own-other)))
		if x <= 0 {
			continue
		}
		a.active++
		a.loss += float64(float64(0.5*x) * x)
		if c != nil {
			// The pair is one of row j too, with the weight of that.
			c[j] = float32(w * x)
			push += float64((w+float64(e.Weights[j]))*x) / (1 + scalar.Exp64(other-own))
		}
	}
	if push == 0 {
		return
	}
	for _, side := range [2][2]int{{0, lo}, {hi, len(d)}} {
		z := c[side[0]:side[1]]
		l.exponentials(z, d[side[0]:side[1]], l.nearest[i])
		simd.Scale(z, float32(-push*l.inverse[i]), z)
	}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *Lifted) MemoryEstimate(b Batch) int64 {
	return estimateDistances(b, l.Normalize, memoryBudget(l.MemoryBudget), l.Workers)
}
