package data

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// vec returns a vector of a file of .fvecs.
func vec(d int32, x ...float32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(d))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// ivec returns a vector of a file of .ivecs.
func ivec(d int32, x ...int32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(d))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

func TestVecs(t *testing.T) {
	checkVectors(t, saveFile(t, "a.fvecs", filetest.Join(vec(3, 1, 2, 3), vec(3, 4, 5, -0.5))), matrix(2, 3, 1, 2, 3, 4, 5, -0.5))
	checkVectors(t, saveFile(t, "a.bvecs", []byte{2, 0, 0, 0, 0, 255, 2, 0, 0, 0, 7, 8}), matrix(2, 2, 0, 255, 7, 8))
}

// badFvecs returns files of float32 vectors that break a rule.
func badFvecs() []badFile {
	one, two := vec(3, 1, 2, 3), vec(3, 4, 5, 6)
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	const from = "want from 1 to 1048576"
	return []badFile{
		{"empty", nil, "offset 0: length of data: got end of file, want 4 more bytes"},
		{"three bytes", one[:3], "offset 3: length of data: got end of file, want 1 more bytes"},
		{"dimension only", one[:4], "offset 0: length of data: got 4 bytes, want a multiple of 16 for dimension 3 of float32"},
		{"dimension 0", vec(0, 1), "offset 0: dimension of row 0: got 0, " + from},
		{"dimension negative", vec(-3, 1, 2, 3), "offset 0: dimension of row 0: got -3, " + from},
		{"dimension over the limit", vec(1<<20+1, 1), "offset 0: dimension of row 0: got 1048577, " + from},
		{"dimension of 31 bits", vec(math.MaxInt32, 1), "offset 0: dimension of row 0: got 2147483647, " + from},
		{"big-endian dimension", vec(3<<24, 1, 2, 3), "offset 0: dimension of row 0: got 50331648, " + from},
		{"text", []byte("1.0 2.0 3.0 4.0\n"), "offset 0: dimension of row 0: got 540028465, " + from},
		{"last byte missing", filetest.Join(one, two)[:31], "offset 16: length of data: got 31 bytes, want a multiple of 16"},
		{"trailing byte", append(one, 0), "offset 16: length of data: got 17 bytes, want a multiple of 16"},
		{"another dimension", filetest.Join(one, vec(2, 4, 5), vec(2, 4, 5), vec(1, 1)), "offset 16: dimension of row 1: got 2, want 3 as in row 0"},
		{"another dimension at the end", filetest.Join(one, two, vec(0, 1, 2, 3)), "offset 32: dimension of row 2: got 0, want 3 as in row 0"},
		{"negative dimension inside", filetest.Join(one, vec(-3, 1, 2, 3)), "offset 16: dimension of row 1: got -3, want 3"},
		{"NaN", filetest.Join(one, vec(3, 1, nan, 3)), "offset 24: number of row 1, column 1: got NaN, want a finite float32"},
		{"infinite", vec(3, inf, 2, 3), "offset 4: number of row 0, column 0: got -Inf, want a finite float32"},
	}
}

// badBvecs returns files of vectors of bytes that break a rule.
func badBvecs() []badFile {
	return []badFile{
		{"dimension 0", []byte{0, 0, 0, 0, 1}, "offset 0: dimension of row 0: got 0"},
		{"last byte missing", []byte{2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1}, "offset 6: length of data: got 11 bytes, want a multiple of 6 for dimension 2 of uint8"},
		{"another dimension", []byte{2, 0, 0, 0, 1, 2, 1, 0, 0, 0, 1, 2}, "offset 6: dimension of row 1: got 1, want 2 as in row 0"},
	}
}
