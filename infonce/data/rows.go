package data

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/simd"
)

// Rows are the rows of a file of embeddings, one vector a row. Those of .npy,
// .safetensors, .fvecs and .bvecs, and those of .npz that are not compressed, are read
// when they are asked for, so that a file may be larger than memory. Those of the other
// formats, and of arrays in the order of Fortran, are read when the file is opened.
// Rows must not be used by two goroutines at once.
type Rows struct {
	format, path string
	table        table
	n, dim       int
	labels       []int
	classes      []string
	closer       io.Closer // nil if all is in memory
}

// A table is where rows come from.
type table interface {
	// read stores rows from first on in dst. There are so many, of as many columns.
	read(dst simd.Matrix, first int) error
}

// A content is what a file of rows holds.
type content struct {
	table   table
	n, dim  int
	labels  []int    // nil if there are none
	classes []string // nil if labels are numbers
}

// rowFormats are the formats of files of rows by the extension of their names.
var rowFormats = []struct {
	extension string
	open      func(f io.ReaderAt, size int64) (content, error)
}{
	{".npy", openNPY},
	{".npz", openNPZ},
	{".safetensors", openTensor},
	{".fvecs", openFvecs},
	{".bvecs", openBvecs},
	{".csv", openCSV},
	{".jsonl", openJSONL},
	{".parquet", openParquet},
}

// OpenRows opens a file of embeddings. The extension of its name tells the format:
//
//	.npy          an array of two dimensions, of integers or floats
//	.npz          the array of two dimensions, or of several the one named "embeddings"
//	.safetensors  the tensor, likewise
//	.fvecs        float32 vectors, each after its dimension as int32
//	.bvecs        likewise, of bytes
//	.csv          every column but those of names, see below; fields are separated by commas
//	.jsonl        in each line an array, or an object with one
//	.parquet      the column of lists of numbers, or of several the one named "embedding" or
//	              "embeddings"; without lists, every column of numbers. Pages may be compressed
//	              by snappy, gzip or zstd
//
// An array, column or key named "label", "labels" or "class", in any case, has the labels:
// integers from 0 to 1<<31 − 1 or, in the last three formats, names, which become classes in
// sorted order. Of a .csv, columns named "id" or not at all are left out, and of a .parquet those named
// "id" and the index of pandas. A .csv has names of
// columns if no field of its first line is a number, or one is a name as above; without
// them, a column that begins with text has the labels.
//
// A file has at least one row and one column. All is checked against the size of the file
// before memory is taken, and numbers that are NaN, infinite or too large for float32 are
// errors when they are read. Errors count rows and columns from 0, lines and
// fields from 1.
func OpenRows(path string) (*Rows, error) {
	extension := strings.ToLower(filepath.Ext(path))
	for _, format := range rowFormats {
		if format.extension != extension {
			continue
		}
		r := &Rows{format: extension[1:], path: path}
		f, size, err := input.Open(path)
		if err != nil {
			return nil, r.wrap(err)
		}
		c, err := format.open(f, size)
		if err != nil {
			f.Close()
			return nil, r.wrapPath(err)
		}
		r.table, r.n, r.dim, r.labels, r.classes = c.table, c.n, c.dim, c.labels, c.classes
		if _, ok := c.table.(loaded); ok {
			return r, r.wrap(f.Close())
		}
		r.closer = f
		return r, nil
	}
	var known []string
	for _, format := range rowFormats {
		known = append(known, format.extension)
	}
	return nil, fmt.Errorf("rows: %s: extension: got %s, want one of %s", path, input.Quoted(extension), strings.Join(known, " "))
}

// wrap adds the format to an error that names the file.
func (r *Rows) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", r.format, err)
}

// wrapPath adds the format and the name of the file to an error.
func (r *Rows) wrapPath(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", r.format, r.path, err)
}

// Len returns the number of rows.
func (r *Rows) Len() int { return r.n }

// Dim returns the number of columns.
func (r *Rows) Dim() int { return r.dim }

// Labels returns the class of each row, nil if the file has none. It must not be changed.
func (r *Rows) Labels() []int { return r.labels }

// Classes returns the name of each class, nil if labels are numbers in the file or there
// are none. It must not be changed.
func (r *Rows) Classes() []string { return r.classes }

// Close closes the file. Rows that are in memory can be read after it.
func (r *Rows) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.wrap(r.closer.Close())
}

// Read stores the rows from first on in dst, as many as it has. It panics if there are
// fewer, or dst has not Dim columns.
func (r *Rows) Read(dst simd.Matrix, first int) error {
	dst.Check("data.Rows.Read", "dst", -1, r.dim)
	if first < 0 || dst.Rows > r.n || first > r.n-dst.Rows {
		panic(&simd.ShapeError{Op: "data.Rows.Read", Arg: "the range",
			Got: fmt.Sprintf("%d rows from %d on", dst.Rows, first), Want: fmt.Sprintf("within [0, %d)", r.n)})
	}
	return r.wrapPath(r.table.read(dst, first))
}

// Gather stores the rows of the given indices in those of dst, of which there are as
// many. It panics if there is no such row, or dst has not Dim columns.
func (r *Rows) Gather(dst simd.Matrix, indices []int) error {
	dst.Check("data.Rows.Gather", "dst", len(indices), r.dim)
	for i := 0; i < len(indices); {
		j := i + 1
		for j < len(indices) && indices[j]-indices[j-1] == 1 {
			j++ // rows that follow each other are read at once
		}
		if indices[i] < 0 || indices[j-1] >= r.n {
			panic(&simd.ShapeError{Op: "data.Rows.Gather", Arg: "an index",
				Got: fmt.Sprintf("%d to %d", indices[i], indices[j-1]), Want: fmt.Sprintf("within [0, %d)", r.n)})
		}
		if err := r.table.read(dst.Slice(i, j), indices[i]); err != nil {
			return r.wrapPath(err)
		}
		i = j
	}
	return nil
}

// ReadRows reads all rows of a file that [OpenRows] opens.
func ReadRows(path string) (simd.Matrix, error) {
	r, err := OpenRows(path)
	if err != nil {
		return simd.Matrix{}, err
	}
	defer r.Close()
	if t, ok := r.table.(loaded); ok {
		return t.Matrix, nil
	}
	if r.n > math.MaxInt/4/r.dim {
		return simd.Matrix{}, r.wrapPath(fmt.Errorf("%d rows of %d columns do not fit in memory", r.n, r.dim))
	}
	m := simd.NewMatrix(r.n, r.dim)
	if err := r.Read(m, 0); err != nil {
		return simd.Matrix{}, err
	}
	return m, nil
}

// loaded is a table in memory, all of it finite.
type loaded struct{ simd.Matrix }

func (t loaded) read(dst simd.Matrix, first int) error {
	for i := range dst.Rows {
		copy(dst.Row(i), t.Row(first+i))
	}
	return nil
}
