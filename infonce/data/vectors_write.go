package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// WriteVectors replaces the file at path by one with the rows of m, as [WriteAtomic] does. The end
// of its name tells the format:
//
//	.npy           an array of float32
//	.safetensors   a tensor of float32, named "embeddings"
//	.fvecs         float32 vectors, each after its dimension as int32
//	.csv           numbers between commas, without names of columns
//	.jsonl         an array a line
//
// Text has the fewest digits that are read as the same float32. The same rows give the same bytes.
//
// Before anything is written, WriteVectors refuses what [OpenVectors] would not read: no rows, no
// columns, numbers that are not finite, and more than 1,048,576 columns except in .npy and
// .safetensors.
func WriteVectors(path string, m simd.Matrix) error {
	m.Check("data.WriteVectors", "m", -1, -1)
	f, err := newVectorFile(path, m.Rows, m.Cols)
	if err != nil {
		return err
	}
	if err := f.checkFinite(m, 0); err != nil {
		return err
	}
	return f.write(func(w io.Writer) error { return f.rows(w, m) })
}

// WriteVectorsFrom is [WriteVectors] of n vectors of dimension dim that need not be in memory at
// once: read stores vectors first to first+dst.Rows−1 in dst. If read fails or a number is not
// finite, the file at path stays untouched.
func WriteVectorsFrom(path string, n, dim int, read func(dst simd.Matrix, first int) error) error {
	f, err := newVectorFile(path, n, dim)
	if err != nil {
		return err
	}
	const at = 1024 // rows at a time
	m := simd.NewMatrix(min(n, at), dim)
	return f.write(func(w io.Writer) error {
		for first := 0; first < n; first += at {
			some := m.Slice(0, min(at, n-first))
			if err := read(some, first); err != nil {
				return err
			}
			if err := f.checkFinite(some, first); err != nil {
				return err
			}
			if err := f.rows(w, some); err != nil {
				return err
			}
		}
		return nil
	})
}

// An encoder is how vectors of one shape become a file.
type encoder struct {
	header []byte
	rows   func(w io.Writer, m simd.Matrix) error
}

// A vectorFile is a file of vectors to be written.
type vectorFile struct {
	*fileFormat
	path string
	encoder
}

func newVectorFile(path string, rows, cols int) (f vectorFile, err error) {
	f.path = path
	if f.fileFormat, err = formatOf("vectors", path, func(f *fileFormat) bool { return f.encode != nil }); err != nil {
		return f, err
	}
	if rows < 1 || cols < 1 {
		return f, f.wrapPath(path, fmt.Errorf("shape: got [%d %d], want at least one row and one column", rows, cols))
	}
	f.encoder, err = f.encode(rows, cols)
	return f, f.wrapPath(path, err)
}

// checkFinite returns an error that names the first number that is not finite. Row 0 of m is row
// first of the file.
func (f vectorFile) checkFinite(m simd.Matrix, first int) error {
	for i := range m.Rows {
		if j := number.NonFinite(m.Row(i)); j >= 0 {
			return f.wrapPath(f.path, fmt.Errorf("number of row %d, column %d: got %v, want a finite float32", first+i, j, m.Row(i)[j]))
		}
	}
	return nil
}

// write replaces the file by its header and what rows writes.
func (f vectorFile) write(rows func(w io.Writer) error) error {
	return f.wrap(WriteAtomic(f.path, func(w io.Writer) error {
		if _, err := w.Write(f.header); err != nil {
			return err
		}
		return rows(w)
	}))
}

// encodeText returns the encoder of rows in decimal, a line each.
func encodeText(cols int, start, end string) (encoder, error) {
	if cols > maxFields {
		return encoder{}, fmt.Errorf("number of fields: got %d, want at most %d", cols, maxFields)
	}
	return encoder{rows: func(w io.Writer, m simd.Matrix) error {
		var line []byte
		for i := range m.Rows {
			line = append(line[:0], start...)
			for j, v := range m.Row(i) {
				if j > 0 {
					line = append(line, ',')
				}
				line = strconv.AppendFloat(line, float64(v), 'g', -1, 32)
			}
			if _, err := w.Write(append(line, end...)); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// writeFloats writes rows in little-endian, each after head.
func writeFloats(w io.Writer, m simd.Matrix, head []byte) error {
	buf := make([]byte, len(head)+4*m.Cols)
	numbers := buf[copy(buf, head):]
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			binary.LittleEndian.PutUint32(numbers[4*j:], math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// writePlain writes rows in little-endian and nothing between them.
func writePlain(w io.Writer, m simd.Matrix) error { return writeFloats(w, m, nil) }
