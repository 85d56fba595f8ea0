package ref

import "math"

// Normalize returns x with each row divided by its Euclidean norm, and the
// norms. A zero row stays zero. No norm is too small or too large.
func Normalize(x Mat) (unit Mat, norms []float64) {
	unit = NewMat(x.Rows, x.Cols)
	norms = make([]float64, x.Rows)
	for i := range x.Rows {
		row, e := scaled(x.Row(i))
		norm := math.Sqrt(Dot(row, row))
		norms[i] = math.Ldexp(norm, e)
		if norm == 0 {
			continue
		}
		for j, v := range row {
			unit.Row(i)[j] = v / norm
		}
	}
	return unit, norms
}

// NormalizeGrad returns the gradient with respect to x where g is that with
// respect to the unit rows u = x/‖x‖: (g − (g·u) u) / ‖x‖, and 0 for a zero row.
func NormalizeGrad(x, g Mat) Mat {
	dx := NewMat(x.Rows, x.Cols)
	for i := range x.Rows {
		u, e := scaled(x.Row(i))
		norm := math.Sqrt(Dot(u, u))
		if norm == 0 {
			continue
		}
		for j := range u {
			u[j] /= norm
		}
		gi := g.Row(i)
		along := Dot(gi, u)
		for j := range u {
			dx.Row(i)[j] = math.Ldexp((gi[j]-float64(along*u[j]))/norm, -e)
		}
	}
	return dx
}

// scaled returns x·2^−e with the largest element in [1/2, 1), so that squares
// neither overflow nor vanish. A power of two changes no digit.
func scaled(x []float64) (y []float64, e int) {
	m := 0.0
	for _, v := range x {
		m = math.Max(m, math.Abs(v))
	}
	_, e = math.Frexp(m)
	y = make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Ldexp(v, -e)
	}
	return y, e
}

// embedded returns what a loss compares: the unit rows of x, or x itself.
func embedded(x Mat, normalize bool) Mat {
	if !normalize {
		return x
	}
	unit, _ := Normalize(x)
	return unit
}

// raw returns the gradient with respect to x where g is that with respect to embedded(x).
func raw(x, g Mat, normalize bool) Mat {
	if !normalize {
		return g
	}
	return NormalizeGrad(x, g)
}
