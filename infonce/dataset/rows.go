package dataset

import (
	"fmt"

	"github.com/contrast-go/contrast/simd"
)

// Rows are samples that are vectors, such as embeddings by another model: a [Table] in memory,
// or a file that is read when asked for, as that of data.OpenRows.
type Rows interface {
	Len() int // samples
	Dim() int // numbers of each

	// Gather stores the samples of the given indices, which are below Len, in the rows of
	// dst, of which there are as many. dst has Dim columns, and may have a longer stride.
	Gather(dst simd.Matrix, indices []int) error
}

// A Table is Rows in memory.
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

// checkRows returns an error unless there are rows of a width that fit the columns of a sample,
// and a label for each where there are labels or these are needed.
func checkRows(r Rows, cols int, labels []int, labelled bool) error {
	if r == nil {
		return fmt.Errorf("no rows")
	}
	if r.Dim() != cols {
		return fmt.Errorf("rows of %d numbers, want the %d of a sample", r.Dim(), cols)
	}
	if labelled && labels == nil {
		return fmt.Errorf("rows without labels, want a class for each")
	}
	if labels != nil && len(labels) != r.Len() {
		return fmt.Errorf("%d labels, want one for each of %d rows", len(labels), r.Len())
	}
	return nil
}
