package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Projection is the projection of rows to their principal axes, along which they vary most.
type Projection struct {
	Points simd.Matrix // n×k: the rows minus Mean, times the axes
	Axes   simd.Matrix // k×d: orthonormal rows
	Mean   []float64   // of the rows, of length d
	Share  []float64   // of the variance that is along each axis, in descending order
}

// PCA projects the rows of x (n×d) to their first k principal axes.
//
// An axis points where its first component of at least half the largest magnitude is positive. If
// the rows vary in fewer than k directions, as they must if k is above d or n−1, the remaining axes
// may be rows of zeros with a share of 0. A row that is not finite takes no part, and its point is
// NaN.
//
// The axes are found by iteration in a subspace of k+8 dimensions (Halko, Martinsson & Tropp 2011)
// from a fixed start, until they are invariant to 10⁻⁹ of the largest variance, or for 200 steps.
// Axes with nearly equal variances may then be any orthonormal ones of the plane they span. The
// result is always the same. It takes memory for a copy of x and for min(n, d)² numbers. PCA panics
// with a *simd.ShapeError if k is negative.
func PCA(x simd.Matrix, k int) Projection {
	const op = "eval.PCA"
	x.Check(op, "x", -1, -1)
	if k < 0 {
		panic(&simd.ShapeError{Op: op, Arg: "k", Got: fmt.Sprint(k), Want: "at least 0"})
	}
	c := centre(x)
	p := Projection{
		Points: simd.NewMatrix(x.Rows, k),
		Axes:   simd.NewMatrix(k, x.Cols),
		Mean:   c.mean,
		Share:  make([]float64, k),
	}
	workers := par.Workers(0)
	a, ofColumns := c.products(workers)
	var total float64
	for i := range a.n {
		total += a.row(i)[i]
	}
	values, vectors := a.leading(min(k, a.n), workers)
	axes := make([][]float64, k)
	for i := range axes {
		axes[i] = make([]float64, x.Cols)
		if i >= len(values) || !(values[i] > 0) {
			continue
		}
		if ofColumns {
			copy(axes[i], vectors[i])
		} else {
			for j, w := range vectors[i] { // xᵀ·v
				for t, v := range c.rows.Row(j) {
					axes[i][t] += float64(w * float64(v))
				}
			}
		}
		if !orient(axes[i]) {
			continue
		}
		p.Share[i] = values[i] / total
		for t, v := range axes[i] {
			p.Axes.Row(i)[t] = float32(v)
		}
	}
	for i := range x.Rows {
		for j := range k {
			p.Points.Row(i)[j] = float32(math.NaN())
		}
	}
	for r, i := range c.index {
		for j, axis := range axes {
			var s float64
			for t, v := range c.rows.Row(r) {
				s += float64(axis[t] * float64(v))
			}
			p.Points.Row(i)[j] = float32(s * c.scale)
		}
	}
	return p
}

// orient makes v a unit vector in the direction that [PCA] chooses. It reports whether v was
// nonzero.
func orient(v []float64) bool {
	length := math.Sqrt(dot(v, v))
	if length == 0 {
		return false
	}
	var largest float64
	for _, x := range v {
		largest = max(largest, math.Abs(x))
	}
	first := slices.IndexFunc(v, func(x float64) bool { return math.Abs(x) >= largest/2 })
	if v[first] < 0 {
		length = -length
	}
	for i := range v {
		v[i] /= length
	}
	return true
}

// leading returns the k largest eigenvalues of a positive semidefinite matrix, descending, and
// their eigenvectors.
func (a symmetric) leading(k, workers int) (values []float64, vectors [][]float64) {
	b := min(k+8, a.n)
	t := iteration{a: a, q: make([][]float64, b), y: make([][]float64, b)}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		t.q[i], t.y[i] = make([]float64, a.n), make([]float64, a.n)
		for j := range a.n {
			t.q[i][j] = float64(r.IntN(1<<20) - 1<<19)
		}
	}
	for step := 0; ; step++ {
		orthonormalize(t.q)
		par.Ranges(workers, a.n, productRows, &t, (*iteration).multiply)
		// Rayleigh–Ritz: the matrix within the subspace, and its eigenvectors there.
		inside := newSymmetric(b)
		for i := range b {
			for j := range i + 1 {
				v := dot(t.q[i], t.y[j])
				inside.row(i)[j], inside.row(j)[i] = v, v
			}
		}
		var turn symmetric
		values, turn = diagonalize(inside)
		t.q, t.y = combine(turn, t.q), combine(turn, t.y)
		settled := true
		for i := range k {
			var off float64
			for j, v := range t.y[i] {
				r := v - float64(values[i]*t.q[i][j])
				off += float64(r * r)
			}
			settled = settled && math.Sqrt(off) <= 1e-9*values[0]
		}
		if settled || step == 200 {
			return values[:k], t.q[:k]
		}
		t.q, t.y = t.y, t.q
	}
}

// combine returns the rows of turn·q.
func combine(turn symmetric, q [][]float64) [][]float64 {
	sums := make([][]float64, len(q))
	for i := range sums {
		sums[i] = make([]float64, len(q[0]))
		for j, w := range turn.row(i) {
			axpy(sums[i], w, q[j])
		}
	}
	return sums
}

// orthonormalize makes the vectors orthonormal, each within the span of itself and those before it,
// by Gram and Schmidt's method, twice: that suffices. A vector of which nothing is left becomes
// zero.
func orthonormalize(q [][]float64) {
	for i, v := range q {
		before := math.Sqrt(dot(v, v))
		for range 2 {
			for _, u := range q[:i] {
				axpy(v, -dot(u, v), u)
			}
		}
		length := math.Sqrt(dot(v, v))
		if !(length > 0x1p-40*before) { // what is left is rounding
			clear(v)
			continue
		}
		for j := range v {
			v[j] /= length
		}
	}
}

// An iteration computes y = a·q.
type iteration struct {
	a    symmetric
	q, y [][]float64
}

func (t *iteration) multiply(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		row := t.a.row(i)
		for j, q := range t.q {
			t.y[j][i] = dot(row, q)
		}
	}
}
