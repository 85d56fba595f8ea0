package data

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/idx"
	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// ReadLabels reads the class of each sample from a file. The name of the file tells the format:
//
//	.npy    integers of one dimension, or of one column
//	.ivecs  vectors of one int32
//	.txt    a label a line
//	.csv    the column named "label", "labels" or "class", or else the only one
//	.jsonl  a string or an integer a line, or an object with a key of such a name
//	.npz .safetensors .parquet  the labels of [OpenRows]
//	…idx1-ubyte                 labels of the MNIST family, with or without .gz
//
// Labels that are all integers from 0 to 1<<31 − 1 are returned as they are, without
// classes. Else those of text are names, and the classes are the names in sorted order.
// There is at least one label.
func ReadLabels(path string) (labels []int, classes []string, err error) {
	base := strings.ToLower(filepath.Base(path))
	if plain := strings.TrimSuffix(base, ".gz"); strings.HasSuffix(plain, "idx1-ubyte") {
		_, values, err := idx.Read(path, "number of labels")
		if err != nil {
			return nil, nil, fmt.Errorf("idx: %w", err)
		}
		for _, v := range values {
			labels = append(labels, int(v))
		}
		return labels, nil, nil
	}
	var read func(f io.ReaderAt, size int64) ([]int, []string, error)
	switch filepath.Ext(base) {
	case ".npy":
		read = npyLabels
	case ".ivecs":
		read = ivecsLabels
	case ".txt":
		read = textLabels
	case ".csv":
		read = csvLabels
	case ".jsonl":
		read = jsonlLabels
	case ".npz", ".safetensors", ".parquet":
		r, err := OpenRows(path)
		if err != nil {
			return nil, nil, err
		}
		defer r.Close()
		if r.Labels() == nil {
			return nil, nil, r.wrapPath(fmt.Errorf("labels: got none, want an array or a column of that name"))
		}
		return r.Labels(), r.Classes(), nil
	default:
		return nil, nil, fmt.Errorf("labels: %s: extension: got %s, want one of .npy .ivecs .txt .csv .jsonl .npz .safetensors .parquet, or idx1-ubyte", path, input.Quoted(filepath.Ext(base)))
	}
	err = readFile(path, func(f io.ReaderAt, size int64) error {
		labels, classes, err = read(f, size)
		return err
	})
	return labels, classes, err
}

// ReadTriplets reads triplets from a file, of the indices of an anchor, of a positive and
// of a negative sample, from 0 to 1<<31 − 1. The extension of its name tells the format:
// .ivecs of dimension 3, .npy of integers in three columns, .csv with three fields a line
// and perhaps their names in the first, or .jsonl with an array of three a line, or an object
// of "anchor", "positive" and "negative". There is at least one triplet. Whether there are
// samples of those indices is for the caller to check.
func ReadTriplets(path string) (triplets [][3]int, err error) {
	var read func(f io.ReaderAt, size int64) ([][3]int, error)
	extension := strings.ToLower(filepath.Ext(path))
	switch extension {
	case ".ivecs":
		read = ivecsTriplets
	case ".npy":
		read = npyTriplets
	case ".csv":
		read = csvTriplets
	case ".jsonl":
		read = jsonlTriplets
	default:
		return nil, fmt.Errorf("triplets: %s: extension: got %s, want one of .ivecs .npy .csv .jsonl", path, input.Quoted(extension))
	}
	err = readFile(path, func(f io.ReaderAt, size int64) error {
		triplets, err = read(f, size)
		return err
	})
	return triplets, err
}

// readFile calls read with a file. Errors name the format, by the extension, and the file.
func readFile(path string, read func(f io.ReaderAt, size int64) error) error {
	format := strings.ToLower(filepath.Ext(path))[1:]
	f, size, err := input.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", format, err)
	}
	defer f.Close()
	if err := read(f, size); err != nil {
		return fmt.Errorf("%s: %s: %w", format, path, err)
	}
	return nil
}

// npyIntegers returns the integers of a file of NumPy of the given columns; one column may
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

// ivecs returns the integers of a file of vectors of that dimension.
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

// checkLabels reads an array of one column without keeping any of it.
func (a *array) checkLabels() error { return a.integers("label", func(int) {}) }

// labels reads an array of one column, which is checked before memory is taken: an integer may have
// eight times as many bytes as in the file.
func (a *array) labels() ([]int, error) {
	if err := a.checkLabels(); err != nil {
		return nil, err
	}
	return a.readLabels()
}

// readLabels reads an array of one column that was checked.
func (a *array) readLabels() ([]int, error) {
	if a.rows > math.MaxInt/8 {
		return nil, fmt.Errorf("%d labels do not fit in memory", a.rows)
	}
	labels := make([]int, 0, a.rows)
	err := a.integers("label", func(v int) { labels = append(labels, v) })
	return labels, err
}

// triplets reads an array of three columns, which is checked before likewise.
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

// textLabels returns the labels of a text, one a line.
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
