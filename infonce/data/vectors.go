package data

import (
	"fmt"
	"io"
	"math"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/simd"
)

// Vectors are the vectors of a file, of one dimension: row i of the table in it is vector i.
//
// Those of .npy, .safetensors, .fvecs and .bvecs, and of .npz where it is not compressed, are read
// when they are asked for, so that a file may be larger than memory. Those of the other formats,
// and arrays in Fortran order, are read when the file is opened.
//
// Vectors must not be used by two goroutines at once.
type Vectors struct {
	format *fileFormat
	path   string
	closer io.Closer // nil if all is in memory
	content
}

// A table is where rows come from.
type table interface {
	// read stores dst.Rows rows, the first being row first, in dst. The caller has checked its
	// shape.
	read(dst simd.Matrix, first int) error
}

// A content is what a file of vectors holds.
type content struct {
	table   table
	n, dim  int
	labels  []int    // nil if there are none
	classes []string // nil if labels are numbers
}

// OpenVectors opens a file of vectors, such as embeddings. The end of its name tells the format:
//
//	.npy           an array of two dimensions, of integers or floats
//	.npz           the array of two dimensions, or of several the one named "embeddings"
//	.safetensors   the tensor of two dimensions, or of several the one named "embeddings"
//	.parquet       the column of lists of numbers, or every column of numbers
//	.fvecs         float32 vectors, each after its dimension as int32
//	.bvecs         vectors of bytes, each after its dimension as int32
//	.csv           columns of numbers, separated by commas or tabs
//	.jsonl         in each line an array, or an object with one
//
// An array, column or key named "label", "labels" or "class", in any case, holds the labels:
// integers from 0 to 1<<31 − 1 or, in .parquet, .csv and .jsonl, names, which become classes in
// sorted order.
//
// Of several lists in a .parquet or .jsonl, the one named "embedding" or "embeddings" is taken.
// Pages of a .parquet may be compressed by snappy, gzip, zstd, brotli or LZ4_RAW. Its columns named
// "id" and the index of pandas are left out, and so are columns of a .csv that are named "id" or
// not at all.
//
// The first line of a .csv has the names of the columns if no field of it is a number, or one is a
// name as above. Without names, a column that begins with text holds the labels. Lines before it
// that begin with # are comments, but the last one has the names if it has as many fields as the
// line after it.
//
// A file has at least one row and one column. Sizes are checked against the size of the file before
// memory is taken, and numbers that are NaN, infinite or too large for float32 are errors when they
// are read. Errors count rows and columns from 0, lines and fields from 1.
func OpenVectors(path string) (*Vectors, error) {
	format, err := formatOf("vectors", path, func(f *fileFormat) bool { return f.open != nil })
	if err != nil {
		return nil, err
	}
	f, size, err := input.Open(path)
	if err != nil {
		return nil, format.wrap(err)
	}
	v := &Vectors{format: format, path: path}
	if v.content, err = format.open(f, size); err != nil {
		f.Close()
		return nil, format.wrapPath(path, err)
	}
	if _, ok := v.table.(loaded); ok {
		return v, format.wrap(f.Close())
	}
	v.closer = f
	return v, nil
}

// Len returns the number of vectors.
func (v *Vectors) Len() int { return v.n }

// Dim returns the dimension of the vectors.
func (v *Vectors) Dim() int { return v.dim }

// Labels returns the class of each vector, nil if the file has none. It must not be changed.
func (v *Vectors) Labels() []int { return v.labels }

// Classes returns the name of each class, nil if the labels are numbers or there are none. It must
// not be changed.
func (v *Vectors) Classes() []string { return v.classes }

// Close closes the file. Vectors that are in memory can still be read.
func (v *Vectors) Close() error {
	if v.closer == nil {
		return nil
	}
	return v.format.wrap(v.closer.Close())
}

// Read stores vectors first to first+dst.Rows−1 in the rows of dst. It panics if there are not so
// many, or dst does not have Dim columns.
func (v *Vectors) Read(dst simd.Matrix, first int) error {
	dst.Check("data.Vectors.Read", "dst", -1, v.dim)
	if first < 0 || dst.Rows > v.n || first > v.n-dst.Rows {
		panic(&simd.ShapeError{Op: "data.Vectors.Read", Arg: "the range",
			Got: fmt.Sprintf("%d rows from %d on", dst.Rows, first), Want: fmt.Sprintf("within [0, %d)", v.n)})
	}
	return v.format.wrapPath(v.path, v.table.read(dst, first))
}

// Gather stores vector indices[i] in row i of dst, for every i. It panics if there is no such
// vector, or dst is not len(indices)×Dim.
func (v *Vectors) Gather(dst simd.Matrix, indices []int) error {
	dst.Check("data.Vectors.Gather", "dst", len(indices), v.dim)
	for i := 0; i < len(indices); {
		j := i + 1
		for j < len(indices) && indices[j]-indices[j-1] == 1 {
			j++ // consecutive rows are read at once
		}
		if indices[i] < 0 || indices[j-1] >= v.n {
			panic(&simd.ShapeError{Op: "data.Vectors.Gather", Arg: "an index",
				Got: fmt.Sprintf("%d to %d", indices[i], indices[j-1]), Want: fmt.Sprintf("within [0, %d)", v.n)})
		}
		if err := v.table.read(dst.Slice(i, j), indices[i]); err != nil {
			return v.format.wrapPath(v.path, err)
		}
		i = j
	}
	return nil
}

// ReadVectors returns all vectors of a file that [OpenVectors] opens, as rows.
func ReadVectors(path string) (simd.Matrix, error) {
	v, err := OpenVectors(path)
	if err != nil {
		return simd.Matrix{}, err
	}
	defer v.Close()
	if t, ok := v.table.(loaded); ok {
		return t.Matrix, nil
	}
	if v.n > math.MaxInt/4/v.dim {
		return simd.Matrix{}, v.format.wrapPath(v.path, fmt.Errorf("%d rows of %d columns do not fit in memory", v.n, v.dim))
	}
	m := simd.NewMatrix(v.n, v.dim)
	if err := v.Read(m, 0); err != nil {
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
