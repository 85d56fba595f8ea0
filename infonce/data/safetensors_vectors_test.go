package data

import (
	"archive/zip"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

func TestTensorVectors(t *testing.T) {
	want := matrix(2, 1, 1, -2)
	for _, test := range []struct{ dtype, bytes string }{
		{"F32", "\x00\x00\x80\x3f\x00\x00\x00\xc0"},
		{"F64", "\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00\xc0"},
		{"F16", "\x00\x3c\x00\xc0"},
		{"BF16", "\x80\x3f\x00\xc0"},
		{"I8", "\x01\xfe"},
		{"I16", "\x01\x00\xfe\xff"},
		{"I32", "\x01\x00\x00\x00\xfe\xff\xff\xff"},
		{"I64", "\x01\x00\x00\x00\x00\x00\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff"},
	} {
		t.Run(test.dtype, func(t *testing.T) {
			checkVectors(t, saveFile(t, "a.safetensors", tableFile(`"x":`+tensorText(test.dtype, "[2,1]", 0, len(test.bytes)), test.bytes)), want)
		})
	}
	for _, test := range []struct{ dtype, bytes string }{
		{"U8", "\x01\x02"}, {"U16", "\x01\x00\x02\x00"}, {"U32", "\x01\x00\x00\x00\x02\x00\x00\x00"}, {"U64", "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"},
	} {
		t.Run(test.dtype, func(t *testing.T) {
			checkVectors(t, saveFile(t, "a.safetensors", tableFile(`"x":`+tensorText(test.dtype, "[2,1]", 0, len(test.bytes)), test.bytes)), matrix(2, 1, 1, 2))
		})
	}
}

func TestTensorVectorsLabels(t *testing.T) {
	path := saveFile(t, "a.safetensors", tableFile(
		`"weights":`+tensorText("F32", "[1,1]", 0, 4)+`,"embeddings":`+tensorText("F32", "[2,1]", 4, 12)+`,"Labels":`+tensorText("I16", "[2]", 12, 16),
		"\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\xc0\x07\x00\x03\x01"))
	r, err := OpenVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, want := r.Labels(), []int{7, 259}; !reflect.DeepEqual(got, want) || r.Classes() != nil {
		t.Errorf("labels %v of classes %q, want %v without names", got, r.Classes(), want)
	}
	checkVectors(t, path, matrix(2, 1, 1, -2))
}

// badTensorVectors returns files of tensors that are well formed but hold no rows.
func badTensorVectors() []badFile {
	one := tensorText("F32", "[1,1]", 0, 4)
	return []badFile{
		{"no tensors", tableFile("", ""), "offset 8: arrays of two dimensions: got none, want one"},
		{"one dimension", tableFile(`"a":`+tensorText("F32", "[1]", 0, 4), "1234"), "offset 8: arrays of two dimensions: got none, want one"},
		{"two tables", tableFile(`"a":`+one+`,"b":`+tensorText("F32", "[1,1]", 4, 8), "12345678"), `offset 8: arrays of two dimensions: got 2, want one, or one named "embeddings"`},
		{"no rows", tableFile(`"a":`+tensorText("F32", "[0,1]", 0, 0), ""), "offset 8: shape: got [0 1], want at least one row"},
		{"complex", tableFile(`"a":`+tensorText("C64", "[1,1]", 0, 8), "12345678"), `offset 8: arrays of two dimensions: got "a" of "C64", want one of numbers`},
		{"size of another type", tableFile(`"a":`+tensorText("F64", "[1,1]", 0, 4), "1234"), `data_offsets of tensor "a": got 4 bytes, want 8 for shape [1 1]`},
		{"another number of labels", tableFile(`"a":`+one+`,"labels":`+tensorText("U8", "[2]", 4, 6), "123456"), `offset 8: length of "labels": got 2, want 1, as many labels as rows`},
		{"labels of floats", tableFile(`"a":`+one+`,"label":`+tensorText("F32", "[1]", 4, 8), "12345678"), `array "label": got shape [1] of float32, want one dimension of integers`},
		{"labels twice", tableFile(`"a":`+one+`,"label":`+tensorText("U8", "[1]", 4, 5)+`,"class":`+tensorText("U8", "[1]", 5, 6), "123456"), `arrays of labels: got "label" and "class", want one`},
		{"label negative", tableFile(`"a":`+one+`,"label":`+tensorText("I8", "[1]", 4, 5), "1234\xff"), `label of row 0: got -1, want an integer from 0 to 2147483647`},
		{"label over 31 bits", tableFile(`"a":`+one+`,"label":`+tensorText("U64", "[1]", 4, 12), "1234\xff\xff\xff\xff\xff\xff\xff\xff"), `label of row 0: got 18446744073709551615, want an integer`},
		{"NaN", tableFile(`"a":`+one, "\x00\x00\xc0\x7f"), "number of row 0, column 0: got NaN, want a finite float32"},
		{"infinite BF16", tableFile(`"a":`+tensorText("BF16", "[1,2]", 0, 4), "\x00\x00\x80\x7f"), "number of row 0, column 1: got +Inf"},
		{"too large", tableFile(`"a":`+tensorText("F64", "[1,1]", 0, 8), string(encode("<f8", math.MaxFloat64))), "number of row 0, column 0: got 1.7976931348623157e+308, want a finite float32"},
	}
}

// tensorText returns the description of a tensor in a header.
func tensorText(dtype, shape string, begin, end int) string {
	return fmt.Sprintf(`{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, dtype, shape, begin, end)
}

// tableFile returns a file of tensors with that header, without its braces, and data.
func tableFile(header, data string) []byte {
	return append(tensorFile("{"+header+"}", 0), data...)
}

// TestOtherElementTypes has arrays of bool and of types that are not read. They are left out beside
// vectors.
func TestOtherElementTypes(t *testing.T) {
	const rows = "\x00\x00\x80\x3f\x00\x00\x00\x40"
	x := `"x":` + tensorText("F32", "[2,1]", 0, 8)
	want := matrix(2, 1, 1, 2)
	for name, dtype := range map[string]string{"bool": "BOOL", "float8": "F8_E4M3", "unknown": "X"} {
		checkVectors(t, saveFile(t, name+".safetensors", tableFile(x+`,"mask":`+tensorText(dtype, "[2,1]", 8, 10), rows+"\x00\x01")), want)
		checkVectors(t, saveFile(t, name+"1.safetensors", tableFile(x+`,"mask":`+tensorText(dtype, "[2]", 8, 10), rows+"\x00\x01")), want)
	}
	flags := npyFile("|b1", "False", "(2, 1)", []byte{0, 1})
	checkVectors(t, saveFile(t, "mask.npz", archive(packed{"mask.npy", zip.Store, flags}, packed{"x.npy", zip.Store, npyFile("<f4", "False", "(2, 1)", []byte(rows))})), want)

	want = matrix(2, 1, 0, 1)
	checkVectors(t, saveFile(t, "flags.npy", flags), want)
	checkVectors(t, saveFile(t, "flags.npz", archive(packed{"mask.npy", zip.Store, flags})), want)
	checkVectors(t, saveFile(t, "flags.safetensors", tableFile(`"x":`+tensorText("BOOL", "[2,1]", 0, 2), "\x00\x01")), want)

	for name, message := range map[string]string{"embeddings": `element type of "embeddings": got "C64", want numbers`, "label": `element type of "label": got "C64", want numbers`} {
		_, err := ReadVectors(saveFile(t, "a.safetensors", tableFile(x+`,"`+name+`":`+tensorText("C64", "[2,1]", 8, 24), rows+"0123456789012345")))
		filetest.CheckError(t, err, "safetensors: ", message)
	}
}
