package simd

import (
	"fmt"
	"math"
)

// A Matrix is a dense row-major matrix: element (i, j) is Data[i*Stride+j].
//
// It has the fields of gonum's blas32.General, so each converts to the other without copying. The
// zero value is an empty matrix.
type Matrix struct {
	Rows, Cols int
	Stride     int // distance between rows in Data; at least Cols
	Data       []float32
}

// NewMatrix returns a zero matrix of the given shape. It panics with a [*ShapeError] if a dimension
// is negative, or if no slice can be that long.
func NewMatrix(rows, cols int) Matrix {
	n := elements("simd.NewMatrix", rows, cols)
	return Matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, n)}
}

// elements returns rows·cols, and panics if that is not the length of a slice.
func elements(op string, rows, cols int) int {
	if rows < 0 || cols < 0 {
		panic(&ShapeError{op, "the matrix", shape(rows, cols), wanted(-1, -1)})
	}
	const most = math.MaxInt / 4 // the bytes must be countable too
	if cols > 0 && rows > most/cols {
		panic(&ShapeError{op, "the matrix", shape(rows, cols), fmt.Sprintf("at most %d elements", most)})
	}
	return rows * cols
}

// Row returns row i; changing it changes m.
func (m Matrix) Row(i int) []float32 {
	return m.Data[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols]
}

// Slice returns rows i to j−1 of m as a matrix over the same memory.
func (m Matrix) Slice(i, j int) Matrix {
	within("simd.Matrix.Slice", "the range", i, j, m.Rows)
	if i == j {
		return Matrix{Cols: m.Cols, Stride: m.Stride}
	}
	data := m.Data[i*m.Stride : (j-1)*m.Stride+m.Cols]
	return Matrix{Rows: j - i, Cols: m.Cols, Stride: m.Stride, Data: data}
}

// Reshape returns a rows × cols matrix without gaps between its rows. It reuses the memory of m if
// that is large enough; the contents are unspecified. Like [NewMatrix] it panics if the shape is
// impossible.
func (m Matrix) Reshape(rows, cols int) Matrix {
	if n := elements("simd.Matrix.Reshape", rows, cols); cap(m.Data) >= n {
		return Matrix{Rows: rows, Cols: cols, Stride: cols, Data: m.Data[:n]}
	}
	return NewMatrix(rows, cols)
}

// Check panics with a [*ShapeError] that names op and arg unless m is a valid matrix of the given
// shape. A negative number stands for any.
func (m Matrix) Check(op, arg string, rows, cols int) {
	if (rows >= 0 && m.Rows != rows) || (cols >= 0 && m.Cols != cols) || m.Rows < 0 || m.Cols < 0 {
		panic(&ShapeError{op, arg, shape(m.Rows, m.Cols), wanted(rows, cols)})
	}
	if m.Rows == 0 {
		return
	}
	if m.Stride < m.Cols {
		panic(&ShapeError{op, arg + ".Stride", fmt.Sprint(m.Stride), fmt.Sprintf("at least %d", m.Cols)})
	}
	need := math.MaxInt // if the product overflows
	if m.Rows == 1 || m.Stride <= (need-m.Cols)/(m.Rows-1) {
		need = (m.Rows-1)*m.Stride + m.Cols
	}
	if len(m.Data) < need {
		panic(&ShapeError{op, arg + ".Data", length(len(m.Data)), fmt.Sprintf("at least %d long", need)})
	}
}

func wanted(rows, cols int) string {
	any := func(n int, name string) string {
		if n < 0 {
			return name
		}
		return fmt.Sprint(n)
	}
	return any(rows, "n") + "×" + any(cols, "d")
}

// used returns the memory of m from its first to its last element.
func (m Matrix) used() []float32 {
	if m.Rows == 0 || m.Cols == 0 {
		return nil
	}
	return m.Data[:(m.Rows-1)*m.Stride+m.Cols]
}

// Overlaps reports whether the memory of m, from its first to its last element, overlaps that of o.
func (m Matrix) Overlaps(o Matrix) bool {
	x, y := m.used(), o.used()
	return len(x) > 0 && len(y) > 0 && overlap(x, y)
}

// apart panics if dst shares an element with m. Different columns of one matrix are apart.
func apart(op, arg string, dst, m Matrix) {
	x, y := dst.used(), m.used()
	if len(x) == 0 || len(y) == 0 || !overlap(x, y) {
		return
	}
	if dst.Stride == m.Stride {
		d := offset(x, y) % dst.Stride
		if d >= dst.Cols && d+m.Cols <= dst.Stride || d < 0 && -d >= m.Cols && dst.Cols-d <= dst.Stride {
			return
		}
	}
	panic(&ShapeError{op, arg, "in the memory of the destination", "apart from it"})
}

// asRow returns x as a matrix of one row.
func asRow(x []float32) Matrix { return Matrix{Rows: 1, Cols: len(x), Stride: len(x), Data: x} }

// rowsOverlap panics if dst and m share memory but are not the same matrix.
func rowsOverlap(op, arg string, dst, m Matrix) {
	x, y := dst.used(), m.used()
	if len(x) > 0 && len(y) > 0 && &x[0] == &y[0] && dst.Stride == m.Stride {
		return
	}
	apart(op, arg, dst, m)
}
