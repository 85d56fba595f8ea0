package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// WriteRows replaces the file at path by one of the rows of m, as [WriteAtomic] does.
// The extension tells the format: .npy, .safetensors (one tensor, "embeddings") or
// .fvecs, all of float32, or text, .csv without names of columns or .jsonl with an array a
// line, in the fewest digits that are read as the same number. The same rows give the same bytes. It
// refuses, before anything is written, what [OpenRows] would not read: no rows, no columns, over
// 1,048,576 columns but in .npy and .safetensors, and numbers that are not finite.
func WriteRows(path string, m simd.Matrix) error {
	m.Check("data.WriteRows", "m", -1, -1)
	f, err := newRowFile(path, m.Rows, m.Cols)
	if err != nil {
		return err
	}
	if err := f.finite(m, 0); err != nil {
		return err
	}
	return f.write(func(w io.Writer) error { return f.rows(w, m) })
}

// WriteRowsFrom is [WriteRows] of n rows of dim columns that need not be in memory at once: read stores those
// from first on in dst, as many as it has. On an error, of read or of a number that is not finite, what was at path
// is untouched.
func WriteRowsFrom(path string, n, dim int, read func(dst simd.Matrix, first int) error) error {
	f, err := newRowFile(path, n, dim)
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
			if err := f.finite(some, first); err != nil {
				return err
			}
			if err := f.rows(w, some); err != nil {
				return err
			}
		}
		return nil
	})
}

// A rowFile is a file of rows to be written.
type rowFile struct {
	path, format string
	header       []byte
	rows         func(w io.Writer, m simd.Matrix) error
}

func newRowFile(path string, rows, cols int) (f rowFile, err error) {
	extension := strings.ToLower(filepath.Ext(path))
	binaryRows := func(head int) func(w io.Writer, m simd.Matrix) error {
		return func(w io.Writer, m simd.Matrix) error { return writeRows(w, m, head) }
	}
	most := maxFields
	switch extension {
	case ".npy", ".safetensors":
		most, f.rows = math.MaxInt, binaryRows(0)
	case ".fvecs":
		most, f.rows = maxVec, binaryRows(4)
	case ".csv":
		f.rows = func(w io.Writer, m simd.Matrix) error { return writeText(w, m, "", "\n") }
	case ".jsonl":
		f.rows = func(w io.Writer, m simd.Matrix) error { return writeText(w, m, "[", "]\n") }
	default:
		return f, fmt.Errorf("rows: %s: extension: got %s, want one of .npy .safetensors .fvecs .csv .jsonl", path, input.Quoted(extension))
	}
	f.path, f.format = path, extension[1:]
	switch {
	case rows < 1 || cols < 1:
		return f, f.refuse(fmt.Errorf("shape: got [%d %d], want at least one row and one column", rows, cols))
	case cols > most && extension == ".fvecs":
		return f, f.refuse(fmt.Errorf("dimension: got %d, want at most %d", cols, most))
	case cols > most:
		return f, f.refuse(fmt.Errorf("number of fields: got %d, want at most %d", cols, most))
	case extension == ".npy":
		f.header = npyHeader(rows, cols)
	case extension == ".safetensors":
		if f.header, err = tensorHeader(rows, cols); err != nil {
			return f, f.refuse(err)
		}
	}
	return f, nil
}

func (f rowFile) refuse(err error) error { return fmt.Errorf("%s: %s: %w", f.format, f.path, err) }

// finite returns an error that names the first number that is not; row 0 of m is row first of the file.
func (f rowFile) finite(m simd.Matrix, first int) error {
	for i := range m.Rows {
		if j := number.NonFinite(m.Row(i)); j >= 0 {
			return f.refuse(fmt.Errorf("number of row %d, column %d: got %v, want a finite float32", first+i, j, m.Row(i)[j]))
		}
	}
	return nil
}

// write replaces the file by its header and what rows writes.
func (f rowFile) write(rows func(w io.Writer) error) error {
	err := WriteAtomic(f.path, func(w io.Writer) error {
		if _, err := w.Write(f.header); err != nil {
			return err
		}
		return rows(w)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.format, err)
	}
	return nil
}

// writeText writes rows in decimal, a line each.
func writeText(w io.Writer, m simd.Matrix, start, end string) error {
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
}

// writeRows writes rows in little-endian, each after its length if head is 4.
func writeRows(w io.Writer, m simd.Matrix, head int) error {
	buf := make([]byte, head+4*m.Cols)
	for i := range m.Rows {
		if head > 0 {
			binary.LittleEndian.PutUint32(buf, uint32(m.Cols))
		}
		for j, v := range m.Row(i) {
			binary.LittleEndian.PutUint32(buf[head+4*j:], math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}
