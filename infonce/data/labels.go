package data

import (
	"fmt"
	"io"
	"math"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// ReadLabels reads the class of each sample from a file. The end of its name tells the format:
//
//	.npy .npz      an array of integers of one dimension; in .npy perhaps of one column
//	.safetensors   a tensor of integers of one dimension
//	.parquet       a column of integers or texts
//	.ivecs         vectors of one int32
//	.csv           the column named "label", "labels" or "class", or the only one
//	.jsonl         a string or an integer a line, or an object with a key of such a name
//	.txt           a label a line
//	idx1-ubyte     labels of the MNIST family, with or without .gz
//
// Labels beside vectors are those that [OpenVectors] finds.
//
// If every label is an integer from 0 to 1<<31 − 1, these are the labels and there are no classes.
// Otherwise labels of text are names, and the classes are the names in sorted order. There is at
// least one label.
func ReadLabels(path string) (labels []int, classes []string, err error) {
	f, err := formatOf("labels", path, func(f *fileFormat) bool { return f.labels != nil })
	if err != nil {
		return nil, nil, err
	}
	err = f.read(path, func(file io.ReaderAt, size int64) error {
		labels, classes, err = f.labels(file, size)
		return err
	})
	return labels, classes, err
}

// ReadTriplets reads triplets from a file: the indices, from 0 to 1<<31 − 1, of an anchor, of a
// positive and of a negative sample. The end of its name tells the format:
//
//	.npy     integers in three columns
//	.ivecs   vectors of three int32
//	.csv     three fields a line, perhaps after a line with their names
//	.jsonl   an array of three a line, or an object of "anchor", "positive" and "negative"
//
// There is at least one triplet. The caller checks that there are samples of those indices.
func ReadTriplets(path string) (triplets [][3]int, err error) {
	f, err := formatOf("triplets", path, func(f *fileFormat) bool { return f.triplets != nil })
	if err != nil {
		return nil, err
	}
	err = f.read(path, func(file io.ReaderAt, size int64) error {
		triplets, err = f.triplets(file, size)
		return err
	})
	return triplets, err
}

// npyIntegers returns the integers of a .npy with the given number of columns. One column may also
// be one dimension.
func npyIntegers(f io.ReaderAt, size, cols int64) (*array, error) {
	h, err := decodeNPY(io.NewSectionReader(f, 0, size), size)
	if err != nil {
		return nil, err
	}
	shape := h.shape
	if cols == 1 && len(shape) == 1 {
		shape = []int64{shape[0], 1}
	}
	if err := checkTable(h.shapeAt, shape); err != nil {
		return nil, err
	}
	switch {
	case shape[1] != cols:
		return nil, input.Malformed(h.shapeAt, "number of columns", shape[1], cols)
	case !h.of.IsInteger():
		return nil, input.Malformed(h.shapeAt, "element type", h.of.Name, "integers")
	case h.fortran && cols > 1:
		return nil, input.Malformed(h.shapeAt, "fortran_order", "True", "False for indices")
	}
	return newArray(f, h.start, size, shape, h.of, h.order)
}

func npyLabels(f io.ReaderAt, size int64) ([]int, []string, error) {
	a, err := npyIntegers(f, size, 1)
	if err != nil {
		return nil, nil, err
	}
	labels, err := a.labels()
	return labels, nil, err
}

func npyTriplets(f io.ReaderAt, size int64) ([][3]int, error) {
	a, err := npyIntegers(f, size, 3)
	if err != nil {
		return nil, err
	}
	return a.triplets()
}

// ivecs returns the integers of a .ivecs whose vectors must be of a dimension.
func ivecs(f io.ReaderAt, size int64, dim int) (*array, error) {
	a, err := newVecs(f, size, number.Int32)
	if err == nil && a.cols != dim {
		err = input.Malformed(0, "dimension of row 0", a.cols, dim)
	}
	return a, err
}

func ivecsLabels(f io.ReaderAt, size int64) ([]int, []string, error) {
	a, err := ivecs(f, size, 1)
	if err != nil {
		return nil, nil, err
	}
	labels, err := a.labels()
	return labels, nil, err
}

func ivecsTriplets(f io.ReaderAt, size int64) ([][3]int, error) {
	a, err := ivecs(f, size, 3)
	if err != nil {
		return nil, err
	}
	return a.triplets()
}

// checkLabels reads an array of one column and keeps nothing of it.
func (a *array) checkLabels() error { return a.integers("label", func(int) {}) }

// labels reads an array of one column. It is checked before memory is taken, because an integer may
// take eight times as many bytes as in the file.
func (a *array) labels() ([]int, error) {
	if err := a.checkLabels(); err != nil {
		return nil, err
	}
	return a.readLabels()
}

// readLabels reads an array of one column that has been checked.
func (a *array) readLabels() ([]int, error) {
	if a.rows > math.MaxInt/8 {
		return nil, fmt.Errorf("%d labels do not fit in memory", a.rows)
	}
	labels := make([]int, 0, a.rows)
	err := a.integers("label", func(v int) { labels = append(labels, v) })
	return labels, err
}

// triplets reads an array of three columns, which is checked first for the same reason.
func (a *array) triplets() ([][3]int, error) {
	if a.rows > math.MaxInt/24 {
		return nil, fmt.Errorf("%d triplets do not fit in memory", a.rows)
	}
	if err := a.integers("index", func(int) {}); err != nil {
		return nil, err
	}
	triplets := make([][3]int, 0, a.rows)
	var t []int
	err := a.integers("index", func(v int) {
		if t = append(t, v); len(t) == 3 {
			triplets, t = append(triplets, [3]int(t)), t[:0]
		}
	})
	return triplets, err
}

// textLabels returns the labels of a .txt, one a line.
func textLabels(f io.ReaderAt, size int64) ([]int, []string, error) {
	r := newLineReader(f, size)
	var l labeler
	for {
		line, err := r.next()
		if err != nil {
			return nil, nil, err
		}
		if line == nil {
			break
		}
		if err := l.add(line, r.line); err != nil {
			return nil, nil, err
		}
	}
	if len(l.labels) == 0 {
		return nil, nil, r.ended("labels")
	}
	return l.done()
}
