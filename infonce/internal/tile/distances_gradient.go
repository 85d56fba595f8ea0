package tile

import (
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// pulls are the gradient of distances: what the products of the sweep leave of it, and what rows
// near each other add.
type pulls struct {
	dq, dk  simd.Matrix // −W·y and −Wᵀ·y
	rowSums []float32   // Σ_j W_ij
	lanes   simd.Matrix // Σ_j W_ji: row l has the sums over the rows j with j mod 16 = l
	near    [][]pull    // of the rows of the strip, in ascending order

	// What pulls add to row i, as the first of a pair and as the second. Rows that nothing pulls
	// are undefined.
	first, second   simd.Matrix
	firsts, seconds []bool // the rows that something pulls
	factor          float32
}

// A pull is what the distance to row j costs, where it is not in W.
type pull struct {
	j int32
	c float32
}

// prepare makes room for a gradient.
func (e *Distances) prepare() {
	n, d := e.y.Rows, e.y.Cols
	p := &e.sweep
	if !e.sparse {
		e.dq, e.dk = e.dq.Reshape(n, d), e.dk.Reshape(n, d)
		p.DQ, p.DK = e.dq, e.dk
		e.rowSums = Grow(e.rowSums, n)
		e.lanes = e.lanes.Reshape(16, logitStride(n))
		clear(e.lanes.Data)
	}
	e.first, e.second = e.first.Reshape(n, d), e.second.Reshape(n, d)
	e.firsts, e.seconds = Grow(e.firsts, n), Grow(e.seconds, n)
	clear(e.firsts)
	clear(e.seconds)
}

// divide replaces the distances z, whose derivatives are c, by W, and returns what is not in W.
func (e *Distances) divide(z, c []float32, near []pull) []pull {
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

// addPull adds to dx c times the gradient of the distance of x and y with respect to x, divided by
// 2^exponent where distances are squared.
func (e *Distances) addPull(dx, diff, x, y []float32, c float32) {
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

// Column sums W over the rows of the strip starting at i, and lets them pull the rows from j on.
func (e *Distances) Column(worker, i, j int, z simd.Matrix) {
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

// AddGrad adds scale·factor times the gradient to dst.
func (e *Distances) AddGrad(dst simd.Matrix, factor float64, scale float32) {
	e.factor = float32(math.Ldexp(factor, e.weightExponent))
	par.Ranges(e.Workers, e.y.Rows, PieceRows, e, (*Distances).sumGrads)
	e.Rows.AddGrad(dst, scale, 0)
}

// sumGrads adds up the parts of the gradient of rows i to end−1.
func (e *Distances) sumGrads(_, i, end int) {
	for ; i < end; i++ {
		g := e.Rows.G.Row(e.Groups.Order[i])
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
