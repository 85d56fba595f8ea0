package data

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/idx"
	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// A Format is a kind of file, which the end of its name tells.
type Format struct {
	Extension string // the end of the name, in any case
	Doc       string // the vectors or, in a format without them, the labels that such a file holds

	Vectors  bool // OpenVectors reads it
	Writable bool // WriteVectors writes it
	Labels   bool // ReadLabels reads it
	Triplets bool // ReadTriplets reads it
}

// Formats returns all formats.
func Formats() []Format {
	var all []Format
	for _, f := range formats {
		all = append(all, Format{f.extension, f.doc, f.open != nil, f.encode != nil, f.labels != nil, f.triplets != nil})
	}
	return all
}

// A fileFormat is a row of the table of formats.
type fileFormat struct {
	extension string
	doc       string

	// Each is nil where such a file cannot be read, or written, as what it says.
	open     func(f io.ReaderAt, size int64) (content, error)
	encode   func(rows, cols int) (encoder, error)
	labels   func(f io.ReaderAt, size int64) (labels []int, classes []string, err error)
	triplets func(f io.ReaderAt, size int64) ([][3]int, error)
}

// formats is the table that everything about formats is computed from: a new one is its file, its
// test and its row.
var formats = []fileFormat{
	{".npy", "an array of two dimensions, of integers or floats", openNPY, encodeNPY, npyLabels, npyTriplets},
	{".npz", `the array of two dimensions, or of several the one named "embeddings"`, openNPZ, nil, labelsBeside(openNPZ), nil},
	{".safetensors", `the tensor of two dimensions, or of several the one named "embeddings"`, openTensor, encodeTensor, labelsBeside(openTensor), nil},
	{".parquet", `the column of lists of numbers, or every column of numbers`, openParquet, nil, labelsBeside(openParquet), nil},
	{".fvecs", "float32 vectors, each after its dimension as int32", openFvecs, encodeFvecs, nil, nil},
	{".bvecs", "vectors of bytes, each after its dimension as int32", openBvecs, nil, nil, nil},
	{".ivecs", "a label each, after the dimension 1 as int32", nil, nil, ivecsLabels, ivecsTriplets},
	{".csv", "columns of numbers, separated by commas or tabs", openCSV, encodeCSV, csvLabels, csvTriplets},
	{".jsonl", "in each line an array, or an object with one", openJSONL, encodeJSONL, jsonlLabels, jsonlTriplets},
	{".txt", "a label a line", nil, nil, textLabels, nil},
	{"idx1-ubyte", "labels of the MNIST family", nil, nil, idxLabels, nil},
	{"idx1-ubyte.gz", "labels of the MNIST family, compressed", nil, nil, idxLabels, nil},
}

// formatOf returns the format of a file among those that can serve. The noun is for errors.
func formatOf(noun, path string, can func(*fileFormat) bool) (*fileFormat, error) {
	name := strings.ToLower(filepath.Base(path))
	var want []string
	for i := range formats {
		f := &formats[i]
		if !can(f) {
			continue
		}
		if strings.HasSuffix(name, f.extension) {
			return f, nil
		}
		want = append(want, f.extension)
	}
	return nil, fmt.Errorf("%s: %s: extension: got %s, want one of %s", noun, path, input.Quoted(filepath.Ext(name)), strings.Join(want, " "))
}

// name returns what errors call the format.
func (f *fileFormat) name() string { return strings.TrimPrefix(f.extension, ".") }

// wrap adds the format to an error that names the file.
func (f *fileFormat) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", f.name(), err)
}

// wrapPath adds the format and the name of the file to an error.
func (f *fileFormat) wrapPath(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", f.name(), path, err)
}

// read opens a file and calls use with it.
func (f *fileFormat) read(path string, use func(file io.ReaderAt, size int64) error) error {
	file, size, err := input.Open(path)
	if err != nil {
		return f.wrap(err)
	}
	defer file.Close()
	return f.wrapPath(path, use(file, size))
}

// labelsBeside returns the function that reads the labels of a file of vectors.
func labelsBeside(open func(f io.ReaderAt, size int64) (content, error)) func(io.ReaderAt, int64) ([]int, []string, error) {
	return func(f io.ReaderAt, size int64) ([]int, []string, error) {
		c, err := open(f, size)
		if err == nil && c.labels == nil {
			err = fmt.Errorf("labels: got none, want an array or a column of that name")
		}
		return c.labels, c.classes, err
	}
}

func idxLabels(f io.ReaderAt, size int64) (labels []int, classes []string, err error) {
	_, values, err := idx.Decode(io.NewSectionReader(f, 0, size), size, "number of labels")
	for _, v := range values {
		labels = append(labels, int(v))
	}
	return labels, nil, err
}
