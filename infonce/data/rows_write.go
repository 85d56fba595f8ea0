package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

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
	extension := strings.ToLower(filepath.Ext(path))
	var header []byte
	switch extension {
	case ".npy":
		header = npyHeader(m.Rows, m.Cols)
	case ".safetensors", ".fvecs", ".csv", ".jsonl":
	default:
		return fmt.Errorf("rows: %s: extension: got %s, want one of .npy .safetensors .fvecs .csv .jsonl", path, quoted(extension))
	}
	refuse := func(err error) error { return fmt.Errorf("%s: %s: %w", extension[1:], path, err) }
	switch {
	case m.Rows < 1 || m.Cols < 1:
		return refuse(fmt.Errorf("shape: got [%d %d], want at least one row and one column", m.Rows, m.Cols))
	case extension == ".fvecs" && m.Cols > maxVec:
		return refuse(fmt.Errorf("dimension: got %d, want at most %d", m.Cols, maxVec))
	case extension == ".csv" && m.Cols > maxFields, extension == ".jsonl" && m.Cols > maxFields:
		return refuse(fmt.Errorf("number of fields: got %d, want at most %d", m.Cols, maxFields))
	}
	for i := range m.Rows {
		if j := nonFinite(m.Row(i)); j >= 0 {
			return refuse(fmt.Errorf("number of row %d, column %d: got %v, want a finite float32", i, j, m.Row(i)[j]))
		}
	}
	if extension == ".safetensors" {
		var err error
		if header, err = tensorHeader(m.Rows, m.Cols); err != nil {
			return refuse(err)
		}
	}
	err := WriteAtomic(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		switch extension {
		case ".csv":
			return writeText(w, m, "", "\n")
		case ".jsonl":
			return writeText(w, m, "[", "]\n")
		case ".fvecs":
			return writeRows(w, m, 4)
		}
		return writeRows(w, m, 0)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", extension[1:], err)
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
