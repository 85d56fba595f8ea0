package dataset

import "github.com/contrast-go/contrast/simd"

// Vectors are samples that are vectors, such as embeddings of another model: a [Table] in memory,
// or a file that is read on demand, as returned by data.OpenVectors.
type Vectors interface {
	Len() int // number of samples
	Dim() int // numbers in a sample

	// Gather stores the samples of the given indices, all below Len, in the rows of dst, which has
	// a row for each index and Dim columns. Its stride may be longer.
	Gather(dst simd.Matrix, indices []int) error
}

// A Table is Vectors in memory.
type Table struct{ simd.Matrix }

// Len returns the number of rows.
func (t Table) Len() int { return t.Matrix.Rows }

// Dim returns the number of columns.
func (t Table) Dim() int { return t.Matrix.Cols }

// Gather copies the rows of the given indices. It panics if there is no such row; its error is nil.
func (t Table) Gather(dst simd.Matrix, indices []int) error {
	dst.Check("dataset.Table.Gather", "dst", len(indices), t.Cols)
	for i, r := range indices {
		copy(dst.Row(i), t.Row(r))
	}
	return nil
}
