package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// distances are the Euclidean distances of labelled rows from each other, one row of them at a time, for losses
// L = Σ_i ℓ_i(d_i1, …, d_in). With C_ij = ∂ℓ_i/∂d_ij and W_ij = C_ij/d_ij, or 2·C_ij where d is the squared distance,
//
//	∂L/∂x_i = Σ_j (W_ij + W_ji)·(x_i − x_j)
//
// It is the head of a pass over the rows, which are sorted by label so that those of a label are neighbours. Dot
// products of the pass give d² = |x_i|² + |x_j|² − 2·x_i·x_j, and its products W·x and Wᵀ·x give the gradient. Both
// cancel where two rows are near each other. There the distance is measured from the difference of the rows, and
// their pull on each other is a multiple of that difference; W is 0. So a strip has a list of what it has
// of them, and the gradient that they give to rows of other strips grows in the order of rows.
//
// The distance of i from j has the bits of that of j from i.
type distances struct {
	x      embeddings  // the rows as they are compared
	groups labelGroups // everything below is in the order of its rows

	op      string
	squared bool
	unit    float64 // what a distance of 1 stands for; a power of two, and 1 unless float32 can not hold squares of rows
	workers int
	want    bool // a gradient is asked for
	sparse  bool // few of C are not 0: each is a pull, and there are no products
	twice   bool // each term is one of two rows

	pass     pass
	y        simd.Matrix // rows of the products: those of x over 2^exponent, less the mean
	exponent int
	squares  []float32 // |y_i|²
	mean     []float32
	scorer   distanceScorer
	pulling  bool // the pass is for the gradient
	scratch  []distanceScratch
	zeros    []int // rows of other labels at distance 0 from row i

	// Weights of rows over 2^weightExponent, so that sums of their multiples stay within float32.
	weights        []float32
	weightExponent int

	// What the pass leaves of the gradient.
	dq, dk  simd.Matrix // −W·y and −Wᵀ·y
	rowSums []float32   // Σ_j W_ij
	lanes   simd.Matrix // Σ_j W_ji: row l has the sums over the rows j with j mod 16 = l
	near    [][]pull    // of the rows of the strip, in ascending order

	// What pulls add to row i, as the first of a pair and as the second. Rows that nothing pulls are undefined.
	first, second   simd.Matrix
	firsts, seconds []bool // the rows that something pulls
	factor          float32
	divisor         float64 // of the sum of the losses; 0 where no term counts
}

// A distanceScorer says what the distances from a row cost. It is called side by side for different rows.
type distanceScorer interface {
	// score is shown the distances d of row i from all rows, itself included. They are multiples of unit. Unless c
	// is nil it is all 0, and score stores ∂ℓ_i/∂d_ij there, of distances that are no multiples, and of a loss
	// that has the weight of the row as its factor.
	score(worker, i int, d, c []float32)
}

// A pull is what the distance to row j costs, where it is not in W.
type pull struct {
	j int32
	c float32
}

// distanceScratch is the memory of a worker.
type distanceScratch struct {
	d, c []float32
	diff []float32 // of two rows
}

const (
	// Rows whose squared distance is below this part of the sum of their squares are near. A dot product errs by about two
	// ulps of a square; so do distances above, of which cancellation takes four bits of the square, three
	// of the root.
	nearPart = 1.0 / 16

	// So are rows whose squared distance is below nearPart of this, for products may be subnormal there.
	nearSquare = 0x1p-96
)

// distanceSettings are what the losses of rows of distances have in common.
type distanceSettings struct {
	op        string
	squared   bool
	cosine    bool // rows are brought to norm 1 first
	workers   int
	reduction Reduction
}

// load checks b and takes over its rows.
func (e *distances) load(set distanceSettings, b Batch, grad *Batch) (Result, error) {
	op, n := set.op, b.Q.Rows
	b.Q.Check(op, "Q", -1, -1)
	checkLen(op, "Labels", len(b.Labels), n)
	e.want = grad != nil && grad.Q.Data != nil
	if e.want {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
	}
	if err := cmp.Or(checkWeights(op, b.Weights, n), checkReduction(op, set.reduction)); err != nil {
		return Result{}, err
	}
	e.op, e.squared, e.workers = op, set.squared, set.workers
	r := Result{ZeroNorm: e.x.load(set.workers, b.Q, set.cosine, e.want)}
	if err := e.x.checkFinite(op, "Q", b.Q, 0); err != nil {
		return Result{}, err
	}
	e.groups.sort(b.Labels)
	e.place()
	e.weigh(b.Weights)
	return r, nil
}

// weigh takes over the weights of the rows of the batch.
func (e *distances) weigh(weights []float32) {
	e.weights = grow(e.weights, e.y.Rows)
	e.weightExponent = 0
	if len(weights) > 0 {
		_, e.weightExponent = math.Frexp(float64(simd.Max(weights)))
	}
	for i, o := range e.groups.order {
		e.weights[i] = float32(math.Ldexp(weightOf(weights, o), -e.weightExponent))
	}
}

// place fills y. A batch around one point has its products taken around the mean, where less of them cancels; others stay
// as they are, so that distances of small integers are exact.
func (e *distances) place() {
	n, d := e.x.x.Rows, e.x.x.Cols
	e.y, e.squares, e.mean = e.y.Reshape(n, d), grow(e.squares, n), grow(e.mean, d)
	e.exponent = 0
	if largest := simd.Max(e.x.norms); !e.x.cosine && !(largest > 0x1p-60 && largest < 0x1p100) {
		_, e.exponent = math.Frexp(largestElement(e.x.x))
	}
	e.unit = math.Ldexp(1, e.exponent)
	if e.squared {
		e.unit = math.Ldexp(1, 2*e.exponent)
	}
	clear(e.mean)
	sum := 0.0
	for i, o := range e.groups.order {
		y := e.y.Row(i)
		copy(y, e.x.x.Row(o))
		if e.exponent != 0 {
			multiply(y, -e.exponent)
		}
		simd.Axpy(e.mean, 1, y)
		e.squares[i] = simd.Dot(y, y)
		sum += float64(e.squares[i])
	}
	simd.Scale(e.mean, 1/float32(max(n, 1)), e.mean)
	if float64(float64(simd.Dot(e.mean, e.mean))*float64(n)) > 0.75*sum {
		for i := range n {
			y := e.y.Row(i)
			simd.Axpy(y, -1, e.mean)
			e.squares[i] = simd.Dot(y, y)
		}
	}
}

// largestElement returns the largest magnitude in m.
func largestElement(m simd.Matrix) (largest float64) {
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	return largest
}

// multiply multiplies x by 2^k, for any k by which float32 may differ from 1.
func multiply(x []float32, k int) {
	for k != 0 {
		step := min(max(k, -100), 100)
		simd.Scale(x, float32(math.Ldexp(1, step)), x)
		k -= step
	}
}

// group returns where the rows with the label of row i are.
func (e *distances) group(i int) (lo, hi int) {
	o := e.groups.order[i]
	return e.groups.lo[o], e.groups.hi[o]
}

// begin prepares passes. With sparse few derivatives are not 0. Passes before that for the gradient may keep
// dot products within budget bytes; 0 is for losses that make no such passes.
func (e *distances) begin(sparse bool, budget int64) {
	n, d := e.y.Rows, e.y.Cols
	e.sparse = sparse
	e.pass.load(e.workers, 1, e.y, e.y, false, e.want && !sparse)
	if e.want && budget > 0 {
		e.pass.hold(budget)
	}
	e.zeros, e.near = grow(e.zeros, n), grow(e.near, min(n, e.pass.cut.height))
	e.scratch = grow(e.scratch, e.workers)
	for i := range e.scratch {
		t := &e.scratch[i]
		t.d, t.c, t.diff = grow(t.d, n), grow(t.c, n), grow(t.diff, d)
	}
}

// fewPairs reports whether pairs of one label are so few that, where each makes two derivatives, to multiply matrices
// of all of them takes longer than to pull these.
func (e *distances) fewPairs() bool {
	n, pairs := int64(e.y.Rows), int64(0)
	for i := range e.y.Rows {
		lo, hi := e.group(i)
		pairs += int64(hi - lo - 1)
	}
	return 32*pairs < n*n
}

// exact returns the distance of rows i and j that have the distance d[j]: not in multiples of unit, and where few
// pairs are scored measured in float64.
func (e *distances) exact(i, j int, d []float32) float64 {
	switch {
	case !e.sparse:
		return float64(d[j]) * e.unit
	case e.squared:
		return squaredDistance(e.compared(i), e.compared(j))
	}
	return math.Sqrt(squaredDistance(e.compared(i), e.compared(j)))
}

// blur returns more than the difference of a distance of row i, in multiples of unit, from that of the rows that the caller
// gave. Distances are not squared.
func (e *distances) blur(i int, largest float32) float64 {
	// With s the sum of two squares, a product of d terms errs by d·u·s/2 at most (u = 2⁻²⁴), and the squares by less. Where
	// the squared distance q is above s/16 its root errs by as much over 2·√q, which is below 2·√s; others are measured.
	// Normalised rows are off by some roundings of 1. The rest is for single roundings.
	size := math.Sqrt(float64(e.squares[i]) + float64(largest))
	if e.x.cosine {
		size++
	}
	return float64(float64(float64(4*e.y.Cols+64)*0x1p-24)*size) + math.SmallestNonzeroFloat32
}

// prepare makes room for a gradient.
func (e *distances) prepare() {
	n, d := e.y.Rows, e.y.Cols
	p := &e.pass
	if !e.sparse {
		e.dq, e.dk = e.dq.Reshape(n, d), e.dk.Reshape(n, d)
		p.dq, p.dk = e.dq, e.dk
		e.rowSums = grow(e.rowSums, n)
		e.lanes = e.lanes.Reshape(16, logitStride(n))
		clear(e.lanes.Data)
	}
	e.first, e.second = e.first.Reshape(n, d), e.second.Reshape(n, d)
	e.firsts, e.seconds = grow(e.firsts, n), grow(e.seconds, n)
	clear(e.firsts)
	clear(e.seconds)
}

// visit shows all rows of distances to s.
func (e *distances) visit(s distanceScorer) { e.run(s, false) }

// run shows all rows of distances to s and, where asked, gathers the gradient of what s says they cost.
func (e *distances) run(s distanceScorer, gradient bool) {
	if gradient {
		e.prepare()
	}
	e.scorer, e.pulling = s, gradient
	e.pass.head, e.pass.columns = e, gradient
	e.pass.run()
	e.scorer = nil
}

// row replaces z, the dot products of row i, by distances, and where the pass is for the gradient by W.
func (e *distances) row(worker, i, _ int, z []float32) float32 {
	t := &e.scratch[worker]
	d := z
	if e.pass.keep && !e.pulling { // the pass for the gradient finds the products
		d = t.d
		copy(d, z)
	}
	list := &e.near[i-e.pass.first]
	*list = e.measure(t, i, d, (*list)[:0])
	if !e.pulling {
		e.scorer.score(worker, i, d, nil)
		return 0
	}
	c := t.c
	clear(c)
	e.scorer.score(worker, i, d, c)
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
func (e *distances) compared(i int) []float32 { return e.x.x.Row(e.groups.order[i]) }

// measure replaces dot products of row i by distances, and appends the rows that are near to list.
func (e *distances) measure(t *distanceScratch, i int, z []float32, list []pull) []pull {
	square, squares := e.squares[i], e.squares[:len(z)]
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
	lo, hi := e.group(i)
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
	e.zeros[i] = zeros
	return list
}

// divide replaces the distances z, of which the derivatives are c, by W, and returns what is not in it.
func (e *distances) divide(z, c []float32, near []pull) []pull {
	if e.squared {
		simd.Scale(z, 2, c)
	} else {
		c := c[:len(z)]
		for j, d := range z {
			z[j] = c[j] / d
		}
	}
	pulls := near[:0]
	for _, p := range near {
		z[p.j] = 0
		if cj := c[p.j]; cj != 0 {
			pulls = append(pulls, pull{p.j, cj})
		}
	}
	return pulls
}

// distance measures the distance of x and y.
func (e *distances) distance(diff, x, y []float32) float32 {
	d, k := float64(simd.SquaredDistance(x, y)), 0
	if d < 0x1p-80 || d > 0x1p120 {
		var square float32
		square, k = difference(diff, x, y)
		d = float64(square)
	}
	if e.squared {
		return float32(math.Ldexp(d, -2*k) / e.unit)
	}
	return float32(math.Ldexp(math.Sqrt(d), -k) / e.unit)
}

// difference stores (x − y)·2^k in diff, for a k with which float32 holds the square, and returns that.
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

// addPull adds c times the gradient of the distance of x and y with respect to x to dx, and as many multiples
// of 2^exponent less of it where distances are squared.
func (e *distances) addPull(dx, diff, x, y []float32, c float32) {
	square, k := difference(diff, x, y)
	switch {
	case square == 0:
		return
	case e.squared:
		simd.Axpy(dx, float32(math.Ldexp(2*float64(c), -k-e.exponent)), diff)
	default:
		simd.Axpy(dx, float32(float64(c)/math.Sqrt(float64(square))), diff)
	}
}

// column sums W over the rows of the strip from i on, and lets them pull the rows from j on.
func (e *distances) column(worker, i, j int, z simd.Matrix) {
	diff := e.scratch[worker].diff
	for r := range z.Rows {
		if !e.sparse {
			l := e.lanes.Row((i + r) % 16)[j : j+z.Cols]
			simd.Add(l, l, z.Row(r))
		}
		list := e.near[r]
		if len(list) == 0 {
			continue
		}
		at, end := 0, len(list)
		for at < end {
			if mid := (at + end) / 2; int(list[mid].j) < j {
				at = mid + 1
			} else {
				end = mid
			}
		}
		x := e.compared(i + r)
		for _, p := range list[at:] {
			k := int(p.j)
			if k >= j+z.Cols {
				break
			}
			g := e.second.Row(k)
			if !e.seconds[k] {
				e.seconds[k] = true
				clear(g)
			}
			e.addPull(g, diff, e.compared(k), x, p.c)
		}
	}
}

// An anchorSum is what the terms of a row amount to.
type anchorSum struct {
	loss          float64
	valid, active int64
}

// finish returns r with the loss of the batch, given the sums of all rows and the weights of the batch, and with what it
// counts, and adds the gradient to grad.
func (e *distances) finish(r Result, sums []anchorSum, weights []float32, reduction Reduction, grad *Batch, scale float32) (Result, error) {
	var sum, validWeight, activeWeight float64
	var valid, active int64
	for i, a := range sums {
		w := weightOf(weights, e.groups.order[i])
		sum += float64(w * a.loss)
		validWeight += float64(w * float64(a.valid))
		activeWeight += float64(w * float64(a.active))
		valid += a.valid
		active += a.active
		r.Degenerate += e.zeros[i]
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
	if e.want {
		e.addGrad(grad.Q, 1/of, scale)
	}
	return r, nil
}

// toInt returns n, or the largest int there is.
func toInt(n int64) int { return int(min(n, math.MaxInt)) }

// addGrad adds scale·factor times the gradient to dst.
func (e *distances) addGrad(dst simd.Matrix, factor float64, scale float32) {
	e.factor = float32(math.Ldexp(factor, e.weightExponent))
	par.Ranges(e.workers, e.y.Rows, pieceRows, e, (*distances).sumGrads)
	e.x.addGrad(dst, scale, 0)
}

// sumGrads adds up the parts of the gradient of rows i to end−1.
func (e *distances) sumGrads(_, i, end int) {
	for ; i < end; i++ {
		g := e.x.g.Row(e.groups.order[i])
		clear(g)
		if !e.sparse {
			var lane [16]float32
			for l := range lane {
				lane[l] = e.lanes.Row(l)[i]
			}
			simd.Add(g, e.dq.Row(i), e.dk.Row(i))
			simd.Axpy(g, e.rowSums[i]+simd.SumLanes(&lane), e.y.Row(i))
		}
		if e.firsts[i] {
			simd.Add(g, g, e.first.Row(i))
		}
		if e.seconds[i] {
			simd.Add(g, g, e.second.Row(i))
		}
		simd.Scale(g, e.factor, g)
		if e.squared && e.exponent != 0 {
			multiply(g, e.exponent)
		}
	}
}
