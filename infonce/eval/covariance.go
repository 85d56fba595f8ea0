package eval

import (
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A centred matrix has the finite rows of another one, minus their mean, divided by a power of two
// that brings the largest element into [½, 1]: no square overflows, and none that matters
// underflows.
type centred struct {
	rows  simd.Matrix
	index []int // of the rows in the other matrix
	mean  []float64
	scale float64 // the power of two; 0 if all rows are equal
}

func centre(x simd.Matrix) centred {
	c := centred{mean: make([]float64, x.Cols)}
	for i := range x.Rows {
		row := x.Row(i)
		if finite(row) {
			c.index = append(c.index, i)
			for j, v := range row {
				c.mean[j] += float64(v)
			}
		}
	}
	for j := range c.mean {
		c.mean[j] /= float64(max(len(c.index), 1))
	}
	var largest float64
	for _, i := range c.index {
		for j, v := range x.Row(i) {
			largest = max(largest, math.Abs(float64(v)-c.mean[j]))
		}
	}
	c.rows = simd.NewMatrix(len(c.index), x.Cols)
	if largest == 0 {
		return c
	}
	_, exp := math.Frexp(largest)
	c.scale = math.Ldexp(1, exp)
	for r, i := range c.index {
		dst := c.rows.Row(r)
		for j, v := range x.Row(i) {
			dst[j] = float32((float64(v) - c.mean[j]) / c.scale)
		}
	}
	return c
}

// finite reports whether all elements of x are finite.
func finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// products returns the smaller one of xᵀ·x and x·xᵀ, whose eigenvalues above 0 are the same, and
// whether it is xᵀ·x.
func (c *centred) products(workers int) (a symmetric, ofColumns bool) {
	n, d := c.rows.Rows, c.rows.Cols
	t := product{x: c.rows, ofColumns: d <= n, a: newSymmetric(min(n, d))}
	t.part = make([]simd.Matrix, busy(workers, t.a.n, productRows))
	par.Ranges(workers, t.a.n, productRows, &t, (*product).rows)
	return t.a, t.ofColumns
}

const (
	// productTerms is how many terms are added in float32 before their sum is added in float64. The
	// result depends on it.
	productTerms = 1024

	productRows = 48 // rows of the product in one piece of work
)

type product struct {
	x         simd.Matrix
	ofColumns bool
	a         symmetric
	part      []simd.Matrix // for each worker
}

// rows computes rows [lo, hi) of a.
func (t *product) rows(worker, lo, hi int) {
	terms := t.x.Cols
	if t.ofColumns {
		terms = t.x.Rows
	}
	part := t.part[worker].Reshape(hi-lo, t.a.n)
	t.part[worker] = part
	for k := 0; k < terms; k += productTerms {
		end := min(k+productTerms, terms)
		if t.ofColumns {
			b := t.x.Slice(k, end)
			simd.MatMulTransA(part, 1, columns(b, lo, hi), b)
		} else {
			b := columns(t.x, k, end)
			simd.MatMulTransB(part, 1, b.Slice(lo, hi), b)
		}
		for i := lo; i < hi; i++ {
			row := t.a.row(i)
			for j, v := range part.Row(i - lo) {
				row[j] += float64(v)
			}
		}
	}
}

// columns returns columns lo to hi−1 of x, in the same memory.
func columns(x simd.Matrix, lo, hi int) simd.Matrix {
	x.Cols, x.Data = hi-lo, x.Data[lo:]
	return x
}
