package simd_test

import (
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/contrast-go/contrast/simd"
)

func TestMatrixViews(t *testing.T) {
	m := simd.Matrix{Rows: 3, Cols: 2, Stride: 4, Data: []float32{0, 1, 9, 9, 10, 11, 9, 9, 20, 21}}
	row := m.Row(1)
	if len(row) != 2 || cap(row) != 2 || row[0] != 10 || &row[0] != &m.Data[4] {
		t.Errorf("row 1 is %v of capacity %d", row, cap(row))
	}
	s := m.Slice(1, 3)
	if s.Rows != 2 || s.Cols != 2 || s.Stride != 4 || &s.Data[0] != &m.Data[4] || s.Row(1)[1] != 21 {
		t.Errorf("rows 1 and 2 are %+v", s)
	}
	for i := range 4 {
		if e := m.Slice(i, i); e.Rows != 0 || e.Cols != 2 {
			t.Errorf("no rows from %d on are %+v", i, e)
		}
	}
	if z := simd.NewMatrix(2, 0).Slice(1, 2); z.Rows != 1 || len(z.Row(0)) != 0 {
		t.Errorf("a row without elements is %+v", z)
	}
}

func TestReshape(t *testing.T) {
	var m simd.Matrix
	m = m.Reshape(2, 3)
	first := &m.Data[0]
	for _, c := range []struct {
		rows, cols int
		same       bool
	}{{3, 2, true}, {1, 1, true}, {6, 1, true}, {7, 1, false}} {
		r := m.Reshape(c.rows, c.cols)
		r.Check("Reshape", "m", c.rows, c.cols)
		if r.Stride != c.cols || len(r.Data) != c.rows*c.cols || (&r.Data[0] == first) != c.same {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// A matrix is one of gonum's without copying, and back.
func TestMatrixIsGonums(t *testing.T) {
	m := simd.NewMatrix(2, 3)
	g := blas32.General(m)
	g.Data[4] = 7
	if back := simd.Matrix(g); back.Row(1)[1] != 7 || m.Row(1)[1] != 7 {
		t.Errorf("%+v became %+v", m, back)
	}
}

func TestOverlaps(t *testing.T) {
	m := simd.NewMatrix(6, 4)
	left := simd.Matrix{Rows: 6, Cols: 2, Stride: 4, Data: m.Data}
	for _, c := range []struct {
		x, y simd.Matrix
		want bool
	}{
		{m, m, true},
		{m.Slice(0, 3), m.Slice(2, 6), true},
		{m.Slice(0, 3), m.Slice(3, 6), false},
		{m.Slice(3, 6), m.Slice(0, 3), false},
		{left, m.Slice(5, 6), true},
		{m, simd.NewMatrix(6, 4), false},
		{m, simd.Matrix{}, false},
		{simd.Matrix{}, simd.Matrix{}, false},
		{m.Slice(2, 2), m, false},
	} {
		if got := c.x.Overlaps(c.y); got != c.want {
			t.Errorf("%d×%d overlaps %d×%d: %v, want %v", c.x.Rows, c.x.Cols, c.y.Rows, c.y.Cols, got, c.want)
		}
	}
}
