package eval

import (
	"math"
	"slices"
)

// A symmetric is a symmetric matrix: elements (i, j) and (j, i) are equal, and the former is
// data[i*n+j].
type symmetric struct {
	n    int
	data []float64
}

func newSymmetric(n int) symmetric { return symmetric{n, make([]float64, n*n)} }

func (a symmetric) row(i int) []float64 { return a.data[i*a.n : (i+1)*a.n] }

// dot returns Σ x[i]·y[i], added in order.
func dot(x, y []float64) float64 {
	var s float64
	y = y[:len(x)]
	for i, v := range x {
		s += float64(v * y[i])
	}
	return s
}

// axpy adds alpha·x to y.
func axpy(y []float64, alpha float64, x []float64) {
	x = x[:len(y)]
	for i := range y {
		y[i] += float64(alpha * x[i])
	}
}

// diagonalize returns the eigenvalues of a, descending, and the eigenvectors as rows, by cyclic
// rotations (Jacobi 1846), and overwrites a. It suits small matrices: it takes a few sweeps of 6·n³
// operations.
func diagonalize(a symmetric) (values []float64, vectors symmetric) {
	n := a.n
	v := newSymmetric(n)
	for i := range n {
		v.row(i)[i] = 1
	}
	largest := 0.0
	for _, x := range a.data {
		largest = max(largest, math.Abs(x))
	}
	_, exponent := math.Frexp(largest)
	for range maxSweeps {
		var off, on float64
		for i := range n {
			for j, x := range a.row(i) {
				x = math.Ldexp(x, -exponent) // squares of small ones would be 0
				if j == i {
					on += float64(x * x)
				} else {
					off += float64(x * x)
				}
			}
		}
		if off <= 0x1p-104*on { // (2⁻⁵²)²: the rest is rounding
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				a.rotate(v, p, q)
			}
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch x, y := a.row(i)[i], a.row(j)[j]; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	vectors = newSymmetric(n)
	for i, from := range order {
		values = append(values, a.row(from)[from])
		copy(vectors.row(i), v.row(from))
	}
	return values, vectors
}

// maxSweeps is far above the ten or so that rotations take: they converge quadratically.
const maxSweeps = 50

// rotate makes element (p, q) of a zero and rotates rows p and q of v likewise (Golub & Van Loan
// 2013, section 8.5.2).
func (a symmetric) rotate(v symmetric, p, q int) {
	x := a.row(p)[q]
	if x == 0 {
		return
	}
	theta := (a.row(q)[q] - a.row(p)[p]) / (2 * x)
	t := 1 / (math.Abs(theta) + math.Sqrt(1+float64(theta*theta))) // 0 where theta² overflows
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(1+float64(t*t))
	s := float64(t * c)
	turn := func(x, y *float64) {
		*x, *y = float64(c**x)-float64(s**y), float64(s**x)+float64(c**y)
	}
	for i := range a.n {
		turn(&a.row(i)[p], &a.row(i)[q])
	}
	for i := range a.n {
		turn(&a.row(p)[i], &a.row(q)[i])
		turn(&v.row(p)[i], &v.row(q)[i])
	}
	a.row(p)[q], a.row(q)[p] = 0, 0
}

// eigenvalues returns the eigenvalues of a in no particular order, and overwrites a. It takes
// 4/3·n³ operations for reflections that leave three diagonals, and O(n²) for rotations that leave
// one.
func (a symmetric) eigenvalues() []float64 {
	d, e := a.tridiagonal()
	implicitQL(d, e)
	return d
}

// tridiagonal returns the diagonal d and the subdiagonal e of a tridiagonal matrix with the
// eigenvalues of a, by Householder's reflections (Golub & Van Loan 2013, algorithm 8.3.1). e[i] is
// element (i+1, i); the last one is 0.
func (a symmetric) tridiagonal() (d, e []float64) {
	n := a.n
	d, e = make([]float64, n), make([]float64, n)
	p := make([]float64, n)
	for k := range n {
		d[k] = a.row(k)[k]
		if k+1 == n {
			break
		}
		// Row k right of the diagonal is x; the reflection I − β·v·vᵀ takes it to (e, 0, …, 0).
		v := a.row(k)[k+1:]
		var scale float64
		for _, x := range v {
			scale = max(scale, math.Abs(x))
		}
		if scale == 0 {
			continue
		}
		for i := range v {
			v[i] /= scale
		}
		length := math.Sqrt(dot(v, v))
		if v[0] > 0 {
			length = -length // no cancellation in v[0]
		}
		e[k] = float64(length * scale)
		v[0] -= length
		beta := 2 / dot(v, v)
		// A ← A − v·wᵀ − w·vᵀ below and right of k, with p = β·A·v and w = p − (β/2·pᵀv)·v.
		w := p[:len(v)]
		for i := range w {
			w[i] = float64(beta * dot(a.row(k + 1 + i)[k+1:], v))
		}
		axpy(w, -0.5*beta*dot(w, v), v)
		for i := range v {
			r := a.row(k + 1 + i)[k+1:]
			axpy(r, -v[i], w)
			axpy(r, -w[i], v)
		}
	}
	return d, e
}

// implicitQL overwrites d with the eigenvalues of the tridiagonal matrix with diagonal d and
// subdiagonal e (Bowdler, Martin, Reinsch & Wilkinson 1968, tql1, with implicit shifts). It
// overwrites e.
func implicitQL(d, e []float64) {
	n := len(d)
	for l := range n {
		for range maxSweeps {
			m := l
			for m+1 < n && math.Abs(e[m]) > 0x1p-53*(math.Abs(d[m])+math.Abs(d[m+1])) {
				m++
			}
			if m == l {
				break
			}
			// Wilkinson's shift: the eigenvalue of the leading 2×2 block that is nearer to d[l].
			g := (d[l+1] - d[l]) / (2 * e[l])
			r := math.Sqrt(1 + float64(g*g))
			if g < 0 {
				r = -r
			}
			g = d[m] - d[l] + e[l]/(g+r)
			s, c, p := 1.0, 1.0, 0.0
			split := false
			for i := m - 1; i >= l; i-- {
				f, b := float64(s*e[i]), float64(c*e[i])
				r = math.Sqrt(float64(f*f) + float64(g*g))
				e[i+1] = r
				if r == 0 { // the matrix decouples here: start again with the parts
					d[i+1] -= p
					e[m] = 0
					split = true
					break
				}
				s, c = f/r, g/r
				g = d[i+1] - p
				r = float64((d[i]-g)*s) + float64(2*c*b)
				p = float64(s * r)
				d[i+1] = g + p
				g = float64(c*r) - b
			}
			if !split {
				d[l] -= p
				e[l], e[m] = g, 0
			}
		}
	}
}
