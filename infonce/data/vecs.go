package data

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// maxVec is the highest dimension of vectors in .fvecs, .bvecs and .ivecs, by which files of
// another kind are recognised. faiss accepts less than a million.
const maxVec = 1 << 20

func openFvecs(f io.ReaderAt, size int64) (content, error) {
	return openVecs(f, size, number.Float32)
}

func encodeFvecs(_, cols int) (encoder, error) {
	if cols > maxVec {
		return encoder{}, fmt.Errorf("dimension: got %d, want at most %d", cols, maxVec)
	}
	dimension := binary.LittleEndian.AppendUint32(nil, uint32(cols))
	return encoder{rows: func(w io.Writer, m simd.Matrix) error { return writeFloats(w, m, dimension) }}, nil
}

func openBvecs(f io.ReaderAt, size int64) (content, error) {
	return openVecs(f, size, number.Uint8)
}

func openVecs(f io.ReaderAt, size int64, of number.Type) (content, error) {
	a, err := newVecs(f, size, of)
	if err != nil {
		return content{}, err
	}
	return content{table: a, n: a.rows, dim: a.cols}, nil
}

// newVecs returns the array of a file of vectors of one dimension, each after that dimension as a
// little-endian int32. The format is that of corpus-texmex.irisa.fr.
func newVecs(f io.ReaderAt, size int64, of number.Type) (*array, error) {
	head := make([]byte, 4)
	if err := input.ReadAt(f, head[:min(size, 4)], 0); err != nil {
		return nil, err
	}
	if size < 4 {
		return nil, input.Short(io.ErrUnexpectedEOF, size, 4)
	}
	d := int32(binary.LittleEndian.Uint32(head))
	if d < 1 || d > maxVec {
		return nil, input.Malformed(0, "dimension of row 0", d, fmt.Sprintf("from 1 to %d", maxVec))
	}
	a := &array{file: f, head: 4, cols: int(d), of: of, order: binary.LittleEndian}
	n := size / a.stride()
	if rest := size - n*a.stride(); rest != 0 {
		return nil, input.Malformed(n*a.stride(), "length of data", fmt.Sprintf("%d bytes", size), fmt.Sprintf("a multiple of %d for dimension %d of %s", a.stride(), d, of.Name))
	}
	if a.rows = int(n); int64(a.rows) != n {
		return nil, input.Malformed(0, "number of rows", n, "as many as fit this machine")
	}
	return a, nil
}
