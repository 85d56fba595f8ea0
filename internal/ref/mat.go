package ref

// A Mat is a dense row-major matrix: element (i, j) is Data[i*Cols+j].
type Mat struct {
	Rows, Cols int
	Data       []float64
}

// NewMat returns a zero matrix.
func NewMat(rows, cols int) Mat {
	return Mat{rows, cols, make([]float64, rows*cols)}
}

// FromFloat32 returns the matrix whose element (i, j) is data[i*stride+j].
func FromFloat32(rows, cols, stride int, data []float32) Mat {
	m := NewMat(rows, cols)
	for i := range rows {
		for j := range cols {
			m.Row(i)[j] = float64(data[i*stride+j])
		}
	}
	return m
}

// At returns element (i, j).
func (m Mat) At(i, j int) float64 { return m.Row(i)[j] }

// Row returns row i, in the same memory.
func (m Mat) Row(i int) []float64 { return m.Data[i*m.Cols : (i+1)*m.Cols] }
