package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// rowsName is the name of the array with the vectors, among several arrays or when it is written.
const rowsName = "embeddings"

// isLabels reports whether an array or column of that name has labels.
func isLabels(name string) bool {
	switch strings.ToLower(name) {
	case "label", "labels", "class":
		return true
	}
	return false
}

// A named array is one of several in a file.
type named struct {
	name  string
	shape []int64
	of    number.Type
}

// choose returns the indices of the arrays that hold vectors and labels by the rules of
// OpenVectors; labels is −1 if there are none. The offset is for errors.
func choose(arrays []named, offset int64) (rows, labels int, err error) {
	rows, labels = -1, -1
	tables, unread := 0, -1 // arrays that could have the vectors; and one of other things than numbers
	flags := true           // the tables are of bool, and so only taken if there are no others
	for i, a := range arrays {
		switch {
		case a.of.Size == 0 && (a.name == rowsName || isLabels(a.name)):
			return 0, 0, input.Malformed(offset, "element type of "+input.Quoted(a.name), input.Quoted(a.of.Name), "numbers")
		case a.of.Size == 0:
			unread = i
		case len(a.shape) == 2:
			if flags && a.of != number.Bool {
				tables, flags = 0, false
			}
			if flags != (a.of == number.Bool) {
				continue
			}
			if tables++; tables == 1 || a.name == rowsName {
				rows = i
			}
		case isLabels(a.name):
			if labels >= 0 {
				return 0, 0, input.Malformed(offset, "arrays of labels", input.Quoted(arrays[labels].name)+" and "+input.Quoted(a.name), "one")
			}
			labels = i
		}
	}
	switch {
	case tables == 0 && unread >= 0:
		return 0, 0, input.Malformed(offset, "arrays of two dimensions", input.Quoted(arrays[unread].name)+" of "+input.Quoted(arrays[unread].of.Name), "one of numbers")
	case tables == 0:
		return 0, 0, input.Malformed(offset, "arrays of two dimensions", "none", "one")
	case tables > 1 && arrays[rows].name != rowsName:
		return 0, 0, input.Malformed(offset, "arrays of two dimensions", tables, fmt.Sprintf("one, or one named %q", rowsName))
	case labels >= 0 && (len(arrays[labels].shape) != 1 || !arrays[labels].of.IsInteger()):
		return 0, 0, input.Malformed(offset, "array "+input.Quoted(arrays[labels].name), fmt.Sprintf("shape %d of %s", arrays[labels].shape, arrays[labels].of.Name), "one dimension of integers")
	case labels >= 0 && arrays[labels].shape[0] != arrays[rows].shape[0]:
		return 0, 0, input.Malformed(offset, "length of "+input.Quoted(arrays[labels].name), arrays[labels].shape[0], fmt.Sprintf("%d, as many labels as rows", arrays[rows].shape[0]))
	}
	return rows, labels, nil
}

// openTensor opens the vectors of a .safetensors.
func openTensor(f io.ReaderAt, size int64) (content, error) {
	entries, _, start, err := readHeader(io.NewSectionReader(f, 0, size), size, elementTypes, true, math.MaxInt64)
	if err != nil {
		return content{}, err
	}
	arrays := make([]named, len(entries))
	for i, e := range entries {
		arrays[i] = named{name: e.name, of: e.of}
		for _, d := range e.shape {
			arrays[i].shape = append(arrays[i].shape, int64(d))
		}
	}
	rows, labels, err := choose(arrays, 8)
	if err != nil {
		return content{}, err
	}
	open := func(i int) (*array, error) {
		e := entries[i]
		return newArray(f, start+e.begin, start+e.end, arrays[i].shape, e.of, binary.LittleEndian)
	}
	if err := checkTable(8, arrays[rows].shape); err != nil {
		return content{}, err
	}
	a, err := open(rows)
	if err != nil {
		return content{}, err
	}
	c := content{table: a, n: a.rows, dim: a.cols}
	if labels < 0 {
		return c, nil
	}
	if a, err = open(labels); err != nil {
		return content{}, err
	}
	c.labels, err = a.labels()
	return c, err
}

func encodeTensor(rows, cols int) (encoder, error) {
	header, err := encodeHeader([]Tensor{{Name: rowsName, Shape: []int{rows, cols}}}, nil)
	return encoder{header, writePlain}, err
}
