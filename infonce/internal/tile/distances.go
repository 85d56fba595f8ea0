package tile

import (
	"math"

	"github.com/contrast-go/contrast/simd"
)

// Distances are the Euclidean distances of labelled rows from each other, one row of them at a
// time, for losses L = Σ_i ℓ_i(d_i1, …, d_in). With C_ij = ∂ℓ_i/∂d_ij, and W_ij = C_ij/d_ij, or
// 2·C_ij where d is the squared distance,
//
//	∂L/∂x_i = Σ_j (W_ij + W_ji)·(x_i − x_j)
//
// Distances are the kernel of a sweep over the rows, sorted by label so that those of a label are
// neighbours. Dot products of the sweep give d² = |x_i|² + |x_j|² − 2·x_i·x_j, and its products W·x
// and Wᵀ·x give the gradient. Both cancel where two rows are near each other. There the distance is
// measured from the difference of the rows, their pull on each other is a multiple of that
// difference, and W is 0. So each row of a strip has a list of pulls, and the gradient that they
// give to rows of other strips grows in the order of rows.
//
// The distance of i from j has the bits of that of j from i.
//
// A loss calls Load; Begin; Run, with the gradient asked for in the last call only; and AddGrad.
type Distances struct {
	Rows   Embeddings  // the rows that are compared
	Groups LabelGroups // everything below is in the order of its rows
	placement
	pulls

	squared bool
	Workers int
	Want    bool // a gradient is asked for
	sparse  bool // few of C are not 0: each is a pull, and there are no products
	pulling bool // the sweep is for the gradient

	sweep   Sweep
	scorer  DistanceScorer
	scratch []distanceScratch
	Zeros   []int // rows of other labels at distance 0 from row i

	// Weights of rows over 2^weightExponent, so that sums of their multiples stay within float32.
	Weights        []float32
	weightExponent int
}

// A DistanceScorer says what the distances from a row cost. It is called concurrently for different
// rows.
type DistanceScorer interface {
	// Score is shown the distances d of row i from all rows, itself included, in multiples of Unit.
	// If c is not nil it is all 0, and Score stores ∂ℓ_i/∂d_ij in it: with respect to distances
	// that are not in multiples of Unit, and of a loss that has the row's weight as a factor.
	Score(worker, i int, d, c []float32)
}

// distanceScratch is the memory of a worker.
type distanceScratch struct {
	d, c []float32
	diff []float32 // of two rows
}

const (
	// Rows whose squared distance is below this part of the sum of their squares are near. A dot
	// product errs by about two ulps of a square, and so do distances above, where cancellation
	// costs four bits of the square and three of the root.
	nearPart = 1.0 / 16

	// Rows whose squared distance is below nearPart of this are near too, as products may be
	// subnormal there.
	nearSquare = 0x1p-96
)

// Load takes over rows, normalises them if cosine is true, and returns the number of zero rows.
func (e *Distances) Load(rows simd.Matrix, labels []int, weights []float32, squared, cosine, want bool, workers int) (zeroNorms int) {
	e.squared, e.Workers, e.Want = squared, workers, want
	zeroNorms = e.Rows.Load(workers, rows, cosine, want)
	e.Groups.Sort(labels)
	e.place(&e.Rows, e.Groups.Order, squared)
	e.weigh(weights)
	return zeroNorms
}

// weigh takes over the weights of the rows.
func (e *Distances) weigh(weights []float32) {
	e.Weights = Grow(e.Weights, e.y.Rows)
	e.weightExponent = 0
	if len(weights) > 0 {
		_, e.weightExponent = math.Frexp(float64(simd.Max(weights)))
	}
	for i, o := range e.Groups.Order {
		e.Weights[i] = float32(math.Ldexp(WeightOf(weights, o), -e.weightExponent))
	}
}

// Group returns where the rows with the label of row i are.
func (e *Distances) Group(i int) (lo, hi int) {
	o := e.Groups.Order[i]
	return e.Groups.Lo[o], e.Groups.Hi[o]
}

// Begin prepares runs. With sparse, few derivatives are not 0. Runs before the one for the gradient
// may keep their dot products within budget bytes; 0 is for losses without such runs.
func (e *Distances) Begin(sparse bool, budget int64) {
	n, d := e.y.Rows, e.y.Cols
	e.sparse = sparse
	e.sweep.Load(e.Workers, 1, e.y, e.y, false, e.Want && !sparse)
	if e.Want && budget > 0 {
		e.sweep.Hold(budget)
	}
	e.Zeros, e.near = Grow(e.Zeros, n), Grow(e.near, min(n, e.sweep.cut.height))
	e.scratch = Grow(e.scratch, e.Workers)
	for i := range e.scratch {
		t := &e.scratch[i]
		t.d, t.c, t.diff = Grow(t.d, n), Grow(t.c, n), Grow(t.diff, d)
	}
}

// FewPairs reports whether there are so few pairs of one label that, where each makes two
// derivatives, it is faster to pull them one by one than to multiply matrices.
func (e *Distances) FewPairs() bool {
	n, pairs := int64(e.y.Rows), int64(0)
	for i := range e.y.Rows {
		lo, hi := e.Group(i)
		pairs += int64(hi - lo - 1)
	}
	return 32*pairs < n*n
}

// Exact returns the distance of rows i and j, given the distance d[j]: not in multiples of Unit,
// and measured in float64 where few pairs are scored.
func (e *Distances) Exact(i, j int, d []float32) float64 {
	switch {
	case !e.sparse:
		return float64(d[j]) * e.Unit
	case e.squared:
		return SquaredDistance(e.compared(i), e.compared(j))
	}
	return math.Sqrt(SquaredDistance(e.compared(i), e.compared(j)))
}

// Run shows all rows of distances to s and, if gradient is true, gathers the gradient of what s
// says they cost.
func (e *Distances) Run(s DistanceScorer, gradient bool) {
	if gradient {
		e.prepare()
	}
	e.scorer, e.pulling = s, gradient
	e.sweep.Rows, e.sweep.Columns = e, nil
	if gradient {
		e.sweep.Columns = e
	}
	e.sweep.Run()
	e.scorer = nil
}

// Row replaces z, the dot products of row i, by distances, and in the run for the gradient by W.
func (e *Distances) Row(worker, i, _ int, z []float32) float32 {
	t := &e.scratch[worker]
	d := z
	if e.sweep.keep && !e.pulling { // the sweep for the gradient finds the products
		d = t.d
		copy(d, z)
	}
	list := &e.near[i-e.sweep.first]
	*list = e.measure(t, i, d, (*list)[:0])
	if !e.pulling {
		e.scorer.Score(worker, i, d, nil)
		return 0
	}
	c := t.c
	clear(c)
	e.scorer.Score(worker, i, d, c)
	if e.sparse {
		*list = (*list)[:0]
		for j, cj := range c {
			if cj != 0 {
				*list = append(*list, pull{int32(j), cj})
			}
		}
	} else {
		*list = e.divide(z, c, *list)
		e.rowSums[i] = simd.Sum(z)
	}
	if len(*list) > 0 {
		e.firsts[i] = true
		g, x := e.first.Row(i), e.compared(i)
		clear(g)
		for _, p := range *list {
			e.addPull(g, t.diff, x, e.compared(int(p.j)), p.c)
		}
	}
	return -1
}

// compared returns row i as it is compared.
func (e *Distances) compared(i int) []float32 { return e.Rows.X.Row(e.Groups.Order[i]) }

// measure replaces dot products of row i by distances, and appends the rows that are near to list.
func (e *Distances) measure(t *distanceScratch, i int, z []float32, list []pull) []pull {
	square, squares := e.Squares[i], e.Squares[:len(z)]
	for j, dot := range z {
		s := square + squares[j]
		d := s - float32(2*dot)
		switch {
		case d < float32((s+nearSquare)*nearPart):
			list = append(list, pull{j: int32(j)})
		case e.squared:
			z[j] = d
		default:
			z[j] = float32(math.Sqrt(float64(d)))
		}
	}
	x := e.compared(i)
	lo, hi := e.Group(i)
	zeros := 0
	for _, p := range list {
		j := int(p.j)
		d := float32(0)
		if j != i {
			d = e.distance(t.diff, x, e.compared(j))
		}
		if d == 0 && (j < lo || j >= hi) {
			zeros++
		}
		z[j] = d
	}
	e.Zeros[i] = zeros
	return list
}

// distance measures the distance of x and y.
func (e *Distances) distance(diff, x, y []float32) float32 {
	d, k := float64(simd.SquaredDistance(x, y)), 0
	if d < 0x1p-80 || d > 0x1p120 {
		var square float32
		square, k = difference(diff, x, y)
		d = float64(square)
	}
	if e.squared {
		return float32(math.Ldexp(d, -2*k) / e.Unit)
	}
	return float32(math.Ldexp(math.Sqrt(d), -k) / e.Unit)
}

// difference stores (x − y)·2^k in diff, for a k with which float32 holds its square, and returns
// that.
func difference(diff, x, y []float32) (square float32, k int) {
	copy(diff, x)
	simd.Axpy(diff, -1, y)
	square = simd.Dot(diff, diff)
	switch {
	case square < 0x1p-80:
		k = 100
		simd.Scale(diff, 0x1p100, diff)
	case !(square <= 0x1p120):
		k = -100
		simd.Scale(diff, 0x1p-100, x)
		simd.Axpy(diff, -0x1p-100, y)
	default:
		return square, 0
	}
	return simd.Dot(diff, diff), k
}
