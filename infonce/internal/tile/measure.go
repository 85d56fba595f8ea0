package tile

import (
	"math"

	"github.com/contrast-go/contrast/simd"
)

// A Measure computes squared distances of rows in float64 from the caller's numbers, where float32
// cannot tell which of two is larger.
type Measure struct {
	Rows    simd.Matrix
	cosine  bool
	inverse []float64 // of the norms, where rows are normalised; 0 of a zero row
}

// Load takes over the rows.
func (m *Measure) Load(rows simd.Matrix, cosine bool) {
	m.Rows, m.cosine = rows, cosine
	if !cosine {
		return
	}
	m.inverse = Grow(m.inverse, rows.Rows)
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
func (m *Measure) square(i, j int) float64 {
	x, y := m.Rows.Row(i), m.Rows.Row(j)
	if !m.cosine {
		return SquaredDistance(x, y)
	}
	a, b, square := m.inverse[i], m.inverse[j], 0.0
	y = y[:len(x)]
	for k := range x {
		d := float64(float64(x[k])*a) - float64(float64(y[k])*b)
		square += float64(d * d)
	}
	return square
}

// A MeasuredRow caches the squared distances of one row that were asked for, so that none is
// measured twice.
type MeasuredRow struct {
	from    *Measure
	row     int
	squares []float64 // NaN where it was not asked for
	touched []int
}

// Reset turns to another row.
func (r *MeasuredRow) Reset(from *Measure, row int) {
	n := from.Rows.Rows
	if len(r.squares) != n {
		r.squares, r.touched = Grow(r.squares, n), Grow(r.touched, n)[:0]
		for j := range r.squares {
			r.squares[j] = math.NaN()
		}
	}
	for _, j := range r.touched {
		r.squares[j] = math.NaN()
	}
	r.from, r.row, r.touched = from, row, r.touched[:0]
}

// To returns the squared distance to row j.
func (r *MeasuredRow) To(j int) float64 {
	if s := r.squares[j]; s == s {
		return s
	}
	r.squares[j] = r.from.square(r.row, j)
	r.touched = append(r.touched, j)
	return r.squares[j]
}

// SquaredDistance returns Σ (x_j − y_j)². It sums in float64, because a loss is the small
// difference of two distances. Only a few distances a row are computed this way.
func SquaredDistance(x, y []float32) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for len(x) >= 4 {
		d0, d1 := float64(x[0])-float64(y[0]), float64(x[1])-float64(y[1])
		d2, d3 := float64(x[2])-float64(y[2]), float64(x[3])-float64(y[3])
		s0 += float64(d0 * d0)
		s1 += float64(d1 * d1)
		s2 += float64(d2 * d2)
		s3 += float64(d3 * d3)
		x, y = x[4:], y[4:]
	}
	lane := [4]float64{s0, s1, s2, s3}
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		lane[i] += float64(d * d)
	}
	return (lane[0] + lane[2]) + (lane[1] + lane[3])
}
