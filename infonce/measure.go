package infonce

import (
	"math"

	"github.com/contrast-go/contrast/simd"
)

// A measure tells squared distances of rows in float64, from the numbers that the caller gave, where float32 does not tell
// which of two is larger.
type measure struct {
	rows    simd.Matrix
	cosine  bool
	inverse []float64 // of the norms, where rows are normalised; 0 of a zero row
}

// load takes over the rows.
func (m *measure) load(rows simd.Matrix, cosine bool) {
	m.rows, m.cosine = rows, cosine
	if !cosine {
		return
	}
	m.inverse = grow(m.inverse, rows.Rows)
	for i := range m.inverse {
		square := 0.0
		for _, x := range rows.Row(i) {
			square += float64(float64(x) * float64(x))
		}
		m.inverse[i] = 0
		if square > 0 {
			m.inverse[i] = 1 / math.Sqrt(square)
		}
	}
}

// square returns the squared distance of rows i and j.
func (m *measure) square(i, j int) float64 {
	x, y := m.rows.Row(i), m.rows.Row(j)
	if !m.cosine {
		return squaredDistance(x, y)
	}
	a, b, square := m.inverse[i], m.inverse[j], 0.0
	y = y[:len(x)]
	for k := range x {
		d := float64(float64(x[k])*a) - float64(float64(y[k])*b)
		square += float64(d * d)
	}
	return square
}

// A measuredRow has the squared distances of one row as far as they were asked for, so that none is measured twice.
type measuredRow struct {
	from    *measure
	row     int
	squares []float64 // NaN where it was not asked for
	touched []int
}

// reset turns to another row, of as many.
func (r *measuredRow) reset(from *measure, row int) {
	n := from.rows.Rows
	if len(r.squares) != n {
		r.squares, r.touched = grow(r.squares, n), grow(r.touched, n)[:0]
		for j := range r.squares {
			r.squares[j] = math.NaN()
		}
	}
	for _, j := range r.touched {
		r.squares[j] = math.NaN()
	}
	r.from, r.row, r.touched = from, row, r.touched[:0]
}

// to returns the squared distance to row j.
func (r *measuredRow) to(j int) float64 {
	if s := r.squares[j]; s == s {
		return s
	}
	r.squares[j] = r.from.square(r.row, j)
	r.touched = append(r.touched, j)
	return r.squares[j]
}
