package dataset

import (
	"github.com/contrast-go/contrast/simd"
)

// Vectors are samples that are rows of numbers, such as embeddings by another model: a [Table] in memory,
// or a file that is read when asked for, as that of data.OpenVectors.
type Vectors interface {
	Len() int // samples
	Dim() int // numbers of each

	// Gather stores the samples of the given indices, all below Len, in the rows of dst. dst has a row
	// for each index and Dim columns; its stride may be longer.
	Gather(dst simd.Matrix, indices []int) error
}

// A Table is Vectors in memory.
type Table struct{ simd.Matrix }

// Len returns the number of rows.
func (t Table) Len() int { return t.Matrix.Rows }

// Dim returns the number of columns.
func (t Table) Dim() int { return t.Matrix.Cols }

// Gather copies the rows of the given indices. Its error is nil; it panics where there
// is no such row.
func (t Table) Gather(dst simd.Matrix, indices []int) error {
	dst.Check("dataset.Table.Gather", "dst", len(indices), t.Cols)
	for i, r := range indices {
		copy(dst.Row(i), t.Row(r))
	}
	return nil
}
