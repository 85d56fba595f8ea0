package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// tensorFile returns a file of the given header and n bytes of data.
func tensorFile(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), filetest.Ramp(n)...)
}

func readTensors(file []byte) ([]Tensor, map[string]string, error) {
	return ReadSafetensors(bytes.NewReader(file), int64(len(file)))
}

func TestSafetensorsRoundTrip(t *testing.T) {
	long := make([]float32, 3*tensorChunk/4+1)
	for i := range long {
		long[i] = float32(i)
	}
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)),
		math.SmallestNonzeroFloat32, math.MaxFloat32, math.Float32frombits(0x7fc00000), math.Float32frombits(0xffa12345)}
	for _, test := range []struct {
		name    string
		tensors []Tensor // sorted
		meta    map[string]string
	}{
		{"nothing", []Tensor{}, nil},
		{"metadata alone", []Tensor{}, map[string]string{"step": "12", "": "empty key", "empty value": ""}},
		{"one number", []Tensor{{"x", nil, []float32{1}}}, nil},
		{"no numbers", []Tensor{{"x", []int{0}, []float32{}}}, nil},
		{"special values", []Tensor{{"x", []int{2, 4}, special}}, nil},
		{"longer than the buffer", []Tensor{{"x", []int{len(long)}, long}}, nil},
		{"several", []Tensor{
			{"", []int{1}, []float32{1}},
			{"a", []int{2, 1, 3}, []float32{1, 2, 3, 4, 5, 6}},
			{"b", []int{3, 0, 2}, []float32{}},
			{"c", []int{0}, []float32{}},
			{"d", []int{1, 1}, []float32{7}},
		}, map[string]string{"format": "test", "a": "b"}},
		{"odd names", []Tensor{
			{"\x00\n\"\\/<&>", []int{1}, []float32{1}},
			{"Größe.重み.😀", []int{1}, []float32{2}},
			{"dtype", []int{1}, []float32{3}},
		}, map[string]string{"__metadata__": "\u2028{}[]", "dtype": "F32"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			shuffled := slices.Clone(test.tensors)
			slices.Reverse(shuffled)
			var first, second bytes.Buffer
			if err := WriteSafetensors(&first, test.tensors, test.meta); err != nil {
				t.Fatal(err)
			}
			if err := WriteSafetensors(&second, shuffled, test.meta); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("the order of the tensors changes the file")
			}
			if n := binary.LittleEndian.Uint64(first.Bytes()); n%8 != 0 {
				t.Errorf("data starts %d bytes after the length", n)
			}
			tensors, meta, err := readTensors(first.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(meta, test.meta) {
				t.Errorf("metadata is %q, want %q", meta, test.meta)
			}
			if len(tensors) != len(test.tensors) {
				t.Fatalf("%d tensors, want %d", len(tensors), len(test.tensors))
			}
			for i, got := range tensors {
				want := test.tensors[i]
				if got.Name != want.Name || !slices.Equal(got.Shape, want.Shape) || !slices.EqualFunc(got.Data, want.Data, sameBits) {
					t.Errorf("tensor %d is %q %d, want %q %d, or the data differs", i, got.Name, got.Shape, want.Name, want.Shape)
				}
			}
		})
	}
}

func sameBits(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }

// TestSafetensorsGolden holds the file to bytes written out by hand and, for data
// longer than the buffer, to a hash.
func TestSafetensorsGolden(t *testing.T) {
	var b bytes.Buffer
	err := WriteSafetensors(&b, []Tensor{{"w", []int{1, 2}, []float32{1, -2.5}}, {"b", nil, []float32{3}}}, map[string]string{"z": "1", "a": "<"})
	if err != nil {
		t.Fatal(err)
	}
	const header = `{"__metadata__":{"a":"\u003c","z":"1"},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}     `
	want := "\x98\x00\x00\x00\x00\x00\x00\x00" + header + "\x00\x00\x40\x40\x00\x00\x80\x3f\x00\x00\x20\xc0"
	if b.String() != want {
		t.Errorf("wrote\n%q, want\n%q", b.String(), want)
	}

	data := make([]float32, 100_000)
	for i := range data {
		data[i] = float32(i) / 8
	}
	b.Reset()
	if err := WriteSafetensors(&b, []Tensor{{"x", []int{100, 1000}, data}}, nil); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	if got, want := hex.EncodeToString(sum[:]), "eb9cb65b7ef45dbffc38dff01c611aff8f560b7f894dd2b09afc649bac8d87eb"; got != want {
		t.Errorf("SHA-256 is %s, want %s", got, want)
	}
}

func TestWriteSafetensorsRefuses(t *testing.T) {
	one := []float32{1}
	for _, test := range []struct {
		name    string
		tensors []Tensor
		meta    map[string]string
		want    string
	}{
		{"name twice", []Tensor{{"a", nil, one}, {"b", nil, one}, {"a", nil, one}}, nil, `tensor "a": given twice`},
		{"reserved name", []Tensor{{"__metadata__", nil, one}}, nil, `tensor "__metadata__": name is reserved`},
		{"name not UTF-8", []Tensor{{"a\xff", nil, one}}, nil, `tensor "a\xff": name is not UTF-8`},
		{"name of U+FFFD", []Tensor{{"a\ufffd", nil, one}}, nil, `tensor "a\ufffd": name is not UTF-8`},
		{"key not UTF-8", nil, map[string]string{"k\xff": ""}, `metadata "k\xff": not UTF-8`},
		{"value not UTF-8", nil, map[string]string{"k": "\xc0\x80"}, `metadata "k": not UTF-8`},
		{"too few data", []Tensor{{"a", []int{2}, one}}, nil, `tensor "a": 1 elements for shape [2]`},
		{"too many data", []Tensor{{"a", []int{0}, one}}, nil, `tensor "a": 1 elements for shape [0]`},
		{"negative shape", []Tensor{{"a", []int{-1, -1}, one}}, nil, `tensor "a": 1 elements for shape [-1 -1]`},
		{"overflowing shape", []Tensor{{"a", []int{1 << 30, 1 << 30, 1 << 4}, nil}}, nil, `tensor "a": 0 elements for shape [1073741824 1073741824 16]`},
		{"many dimensions", []Tensor{{"a", slices.Repeat([]int{1}, 65), one}}, nil, `tensor "a": 65 dimensions, want at most 64`},
		{"long header", nil, map[string]string{"k": strings.Repeat("x", maxHeader)}, "header of 16777248 bytes, want at most 16777216"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			err := WriteSafetensors(&b, test.tensors, test.meta)
			filetest.CheckError(t, err, "safetensors: ", test.want)
			if b.Len() > 0 {
				t.Errorf("%d bytes written before the error", b.Len())
			}
		})
	}
}

// TestSafetensorsKeys adds one key to a file of as many as there may be. The
// error must be at that key, the last.
func TestSafetensorsKeys(t *testing.T) {
	tensors := make([]Tensor, maxKeys)
	meta := make(map[string]string)
	for i := range tensors {
		tensors[i] = Tensor{Name: fmt.Sprint(i), Shape: []int{0}}
		meta[fmt.Sprint(i)] = ""
	}
	for _, test := range []struct {
		what      string
		tensors   []Tensor
		meta      map[string]string
		end, more string // the end of the header, and what to put before it
	}{
		{"tensors", tensors, nil, "}", `,"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`},
		{"metadata", nil, meta, "}}", `,"x":""`},
	} {
		var b bytes.Buffer
		if err := WriteSafetensors(&b, test.tensors, test.meta); err != nil {
			t.Fatal(err)
		}
		header := strings.TrimSuffix(strings.TrimRight(b.String()[8:], " "), test.end)
		_, _, err := readTensors(tensorFile(header+test.more+test.end, 0))
		want := fmt.Sprintf("safetensors: offset %d: number of %s: got more, want at most 65536", 8+len(header+`,"x"`), test.what)
		filetest.CheckError(t, err, want, "")
	}

	tensors, meta["x"] = append(tensors, Tensor{Name: "x", Shape: []int{0}}), ""
	const want = "65537 tensors or metadata, want at most 65536"
	filetest.CheckError(t, WriteSafetensors(io.Discard, tensors, nil), "safetensors: ", want)
	filetest.CheckError(t, WriteSafetensors(io.Discard, nil, meta), "safetensors: ", want)
}

// A failingWriter takes n bytes.
type failingWriter struct{ n int }

var errFull = errors.New("no space")

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, errFull
	}
	w.n -= len(p)
	return len(p), nil
}

func TestWriteSafetensorsError(t *testing.T) {
	tensors := []Tensor{{"a", []int{4}, make([]float32, 4)}, {"b", []int{40000}, make([]float32, 40000)}}
	var b bytes.Buffer
	if err := WriteSafetensors(&b, tensors, nil); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 8, 100, 136, 152, 160, 70000, b.Len() - 1} {
		if err := WriteSafetensors(&failingWriter{n}, tensors, nil); !errors.Is(err, errFull) {
			t.Errorf("after %d bytes of %d: error %v, want %v", n, b.Len(), err, errFull)
		}
	}
	if err := WriteSafetensors(&failingWriter{b.Len()}, tensors, nil); err != nil {
		t.Errorf("with room for all: %v", err)
	}
}

func TestReadSafetensorsAccepts(t *testing.T) {
	for _, test := range []struct {
		name string
		file []byte
		want []Tensor
	}{
		{"spaces and key order", tensorFile(" {}"[1:]+"     ", 0), []Tensor{}},
		{"white space inside", tensorFile("{ \"a\"\n:\t{\"data_offsets\":[0 ,4],\"shape\":[ 1 ],\"dtype\":\"F32\"}\r}", 4),
			[]Tensor{{"a", []int{1}, []float32{math.Float32frombits(0x03020100)}}}},
		{"order of data, not of names", tensorFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8),
			[]Tensor{{"b", []int{1}, []float32{math.Float32frombits(0x03020100)}}, {"a", []int{1}, []float32{math.Float32frombits(0x07060504)}}}},
		{"escaped name", tensorFile(`{"\u0061\ud83d\ude00":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0),
			[]Tensor{{"a😀", []int{0}, []float32{}}}},
		{"metadata is no tensor", tensorFile(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"__metadata__":{"a":"b"}}`, 0),
			[]Tensor{{"a", []int{0}, []float32{}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := readTensors(test.file)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("read %v, want %v", got, test.want)
			}
		})
	}
}

// badSafetensors returns files of tensors that break a rule.
func badSafetensors() []badFile {
	const a = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	const b = `"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}`
	good := tensorFile("{"+a+"}", 8)
	length := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), good[8:]...) }
	// tensor is a file with the tensor a of the given description.
	tensor := func(text string, n int) []byte { return tensorFile(`{"a":{`+text+`}}`, n) }
	shape := func(text string, n int) []byte {
		return tensor(fmt.Sprintf(`"dtype":"F32","shape":%s,"data_offsets":[0,%d]`, text, n), n)
	}
	offsets := func(text string) []byte { return tensor(`"dtype":"F32","shape":[2],"data_offsets":`+text, 8) }

	return []badFile{
		// The length of the header.
		{"empty", nil, "offset 0: length of data: got end of file, want 8 more bytes"},
		{"seven bytes", good[:7], "offset 7: length of data: got end of file, want 1 more bytes"},
		{"length only", good[:8], "offset 0: length of header: got 54, want at most the 0 that follow"},
		{"length 0", length(0), "offset 0: length of header: got 0, want at least 2"},
		{"length 1", length(1), "offset 0: length of header: got 1, want at least 2"},
		{"length one over", tensorFile("{}", 0)[:9], "offset 0: length of header: got 2, want at most the 1 that follow"},
		{"length over the file", length(63), "offset 0: length of header: got 63, want at most the 62 that follow"},
		{"length over the limit", length(maxHeader + 1), "offset 0: length of header: got 16777217, want at most 16777216"},
		{"length 1<<63", length(1 << 63), "offset 0: length of header: got 9223372036854775808, want at most"},
		{"length 1<<64-1", length(1<<64 - 1), "offset 0: length of header: got 18446744073709551615, want at most"},
		{"big-endian length", length(54 << 56), "offset 0: length of header: got 3891110078048108544, want at most"},

		// JSON.
		{"header cut", tensorFile("{"+a, 8), "header: got end of header, want the rest of it"},
		{"header cut in a string", tensorFile(`{"a`, 0), "offset 9: key of header: got end of header"},
		{"header cut in a tensor", tensorFile(`{"a":{"dtype"`, 0), `dtype of tensor "a": got end of header`},
		{"no object", tensorFile(`[]`, 0), `offset 8: first byte of header: got "[", want "{"`},
		{"a string", tensorFile(`"{}"`, 0), `offset 8: first byte of header: got "\"", want "{"`},
		{"leading space", tensorFile(` {}`, 0), `offset 8: first byte of header: got " ", want "{"`},
		{"byte order mark", tensorFile("\ufeff{}", 0), `offset 8: first byte of header: got "\xef", want "{"`},
		{"trailing newline", tensorFile("{}\n", 0), `offset 10: padding of header: got "\n", want " "`},
		{"trailing NUL", tensorFile("{} \x00", 0), `offset 11: padding of header: got "\x00", want " "`},
		{"two objects", tensorFile("{}{}", 0), `offset 10: padding of header: got "{", want " "`},
		{"trailing comma", tensorFile("{"+a+",}", 8), "header: JSON: invalid character '}'"},
		{"no comma", tensorFile("{"+a+b+"}", 12), "key of header: JSON: invalid character"},
		{"no colon", tensorFile(`{"a"{}}`, 0), `tensor "a": JSON: invalid character`},
		{"wrong bracket", tensorFile(`{"a":{]}`, 0), `tensor "a": JSON: invalid character ']'`},
		{"comment", tensorFile("{/**/}", 0), "key of header: JSON: invalid character '/'"},
		{"single quotes", tensorFile("{'a':{}}", 0), `key of header: JSON: invalid character '\''`},
		{"number for a key", tensorFile("{1:{}}", 0), "key of header: JSON: invalid character '1'"},
		{"control character", tensorFile("{\"a\n\":{}}", 0), `key of header: JSON: invalid character '\n' in string literal`},
		{"not UTF-8", tensorFile("{\"a\xff\":{}}", 0), "offset 11: UTF-8: got 0xff, want a character"},
		{"overlong UTF-8", tensorFile("{\"\xc0\xaf\":{}}", 0), "offset 10: UTF-8: got 0xc0, want a character"},
		{"surrogate in UTF-8", tensorFile("{\"\xed\xa0\x80\":{}}", 0), "offset 10: UTF-8: got 0xed, want a character"},
		{"escaped surrogate", tensorFile(`{"\ud800":{}}`, 0), `key of header: got "\ufffd", want text without U+FFFD`},
		{"deep nesting", tensorFile(`{"a":`+strings.Repeat("[", 100_000), 0), `tensor "a": got [, want {`},

		// Names and keys.
		{"name twice", tensorFile("{"+a+","+a+"}", 8), `offset 65: key of header: got "a" twice, want once`},
		{"name twice, escaped", tensorFile("{"+a+`,"\u0061":{}}`, 8), `key of header: got "a" twice, want once`},
		{"metadata twice", tensorFile(`{"__metadata__":{},"__metadata__":{}}`, 0), `key of header: got "__metadata__" twice, want once`},
		{"metadata key twice", tensorFile(`{"__metadata__":{"k":"1","k":"1"}}`, 0), `key of metadata: got "k" twice, want once`},
		{"metadata is null", tensorFile(`{"__metadata__":null}`, 0), "metadata: got null, want {"},
		{"metadata is an array", tensorFile(`{"__metadata__":[]}`, 0), "metadata: got [, want {"},
		{"metadata of a number", tensorFile(`{"__metadata__":{"k":1}}`, 0), `metadata "k": got a number, want a string`},
		{"metadata of null", tensorFile(`{"__metadata__":{"k":null}}`, 0), `metadata "k": got null, want a string`},
		{"metadata of an object", tensorFile(`{"__metadata__":{"k":{}}}`, 0), `metadata "k": got {, want a string`},
		{"metadata of a tensor", tensorFile(`{"__metadata__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0), `metadata "shape": got [, want a string`},
		{"key twice", tensor(`"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]`, 0), `key of tensor "a": got "dtype" twice, want once`},
		{"key unknown", tensor(`"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1`, 0), `key of tensor "a": got "x", want dtype, shape or data_offsets`},
		{"key in capitals", tensor(`"DTYPE":"F32","shape":[0],"data_offsets":[0,0]`, 0), `key of tensor "a": got "DTYPE", want dtype, shape or data_offsets`},
		{"tensor is null", tensorFile(`{"a":null}`, 0), `tensor "a": got null, want {`},
		{"tensor is a number", tensorFile(`{"a":1}`, 0), `tensor "a": got a number, want {`},
		{"tensor is empty", tensor(``, 0), `dtype of tensor "a": got none, want "F32"`},
		{"long name", tensorFile(`{"`+strings.Repeat("x", 1000)+`":1}`, 0), `tensor "` + strings.Repeat("x", 64) + `"…: got a number`},

		// The element type.
		{"no dtype", tensor(`"shape":[0],"data_offsets":[0,0]`, 0), `dtype of tensor "a": got none, want "F32"`},
		{"dtype unknown", tensor(`"dtype":"F33"`, 0), `dtype of tensor "a": got "F33", want "F32"`},
		{"dtype F64", tensor(`"dtype":"F64","shape":[1],"data_offsets":[0,8]`, 8), `dtype of tensor "a": got "F64", want "F32"`},
		{"dtype BF16", tensor(`"dtype":"BF16","shape":[1],"data_offsets":[0,2]`, 2), `dtype of tensor "a": got "BF16", want "F32"`},
		{"dtype in lower case", tensor(`"dtype":"f32"`, 0), `dtype of tensor "a": got "f32", want "F32"`},
		{"dtype is empty", tensor(`"dtype":""`, 0), `dtype of tensor "a": got "", want "F32"`},
		{"dtype is a number", tensor(`"dtype":32`, 0), `dtype of tensor "a": got a number, want a string`},

		// The shape.
		{"no shape", tensor(`"dtype":"F32","data_offsets":[0,4]`, 4), `shape of tensor "a": got none, want an array`},
		{"shape is a number", shape("2", 8), `shape of tensor "a": got a number, want [`},
		{"shape is null", shape("null", 4), `shape of tensor "a": got null, want [`},
		{"shape of a string", shape(`["2"]`, 8), `shape of tensor "a": got a string, want an integer`},
		{"shape of a boolean", shape(`[true]`, 4), `shape of tensor "a": got a boolean, want an integer`},
		{"shape of an array", shape(`[[2]]`, 8), `shape of tensor "a": got [, want an integer`},
		{"shape negative", shape("[-2]", 8), `shape of tensor "a": got "-2", want an integer from 0`},
		{"shape negative twice", shape("[-1,-2]", 8), `shape of tensor "a": got "-1", want an integer from 0`},
		{"shape minus zero", shape("[-0]", 0), `shape of tensor "a": got "-0", want an integer from 0`},
		{"shape with a fraction", shape("[2.0]", 8), `shape of tensor "a": got "2.0", want an integer from 0`},
		{"shape with an exponent", shape("[2e0]", 8), `shape of tensor "a": got "2e0", want an integer from 0`},
		{"shape with a leading zero", shape("[02]", 8), `shape of tensor "a": JSON: invalid character '2'`},
		{"shape over 64 bits", shape("[18446744073709551618]", 8), `shape of tensor "a": got "18446744073709551618", want an integer from 0`},
		{"shape product over 64 bits", shape("[1000000000,1000000000,1000000000]", 8), `shape of tensor "a": got [1000000000 1000000000 1000000000], want a product that fits`},
		{"shape product 0 in 64 bits", shape("[1073741824,1073741824,16]", 0), `shape of tensor "a": got [1073741824 1073741824 16], want a product that fits`},
		{"shape product 0 after overflow", shape("[1073741824,1073741824,1073741824,0]", 0), `shape of tensor "a": got [1073741824 1073741824 1073741824 0], want a product that fits`},
		{"shape bytes over 63 bits", shape("[1073741824,1073741824,2]", 0), `shape of tensor "a": got [1073741824 1073741824 2], want a product that fits`},
		{"65 dimensions", shape("["+strings.Repeat("1,", 64)+"1]", 4), `dimensions of tensor "a": got more, want at most 64`},
		{"shape too small", shape("[1]", 8), `data_offsets of tensor "a": got 8 bytes, want 4 for shape [1]`},
		{"shape too large", shape("[3]", 8), `data_offsets of tensor "a": got 8 bytes, want 12 for shape [3]`},
		{"shape empty", shape("[]", 8), `data_offsets of tensor "a": got 8 bytes, want 4 for shape []`},

		// The place of the data.
		{"no offsets", tensor(`"dtype":"F32","shape":[2]`, 8), `data_offsets of tensor "a": got none, want two`},
		{"offsets null", offsets("null"), `data_offsets of tensor "a": got null, want [`},
		{"offsets empty", offsets("[]"), `data_offsets of tensor "a": got 0, want two`},
		{"one offset", offsets("[8]"), `data_offsets of tensor "a": got 1, want two`},
		{"three offsets", offsets("[0,8,8]"), `data_offsets of tensor "a": got more, want two`},
		{"offset negative", offsets("[-8,0]"), `data_offsets of tensor "a": got "-8", want an integer from 0`},
		{"offset with a fraction", offsets("[0,8.5]"), `data_offsets of tensor "a": got "8.5", want an integer from 0`},
		{"offset over 63 bits", offsets("[0,9223372036854775808]"), `data_offsets of tensor "a": got "9223372036854775808", want an integer from 0`},
		{"offsets reversed", offsets("[8,0]"), `data_offsets of tensor "a": got 8 and 0, want begin before end`},
		{"offsets not of whole elements", offsets("[0,7]"), `data_offsets of tensor "a": got 7 bytes, want 8 for shape [2]`},
		{"offsets past the file", offsets("[8,16]"), `offset 63: no hole before tensor "a": got 8, want 0`},
		{"offsets at the end of 63 bits", offsets("[9223372036854775799,9223372036854775807]"), `no hole before tensor "a": got 9223372036854775799, want 0`},
		{"hole at the start", offsets("[4,12]"), `offset 63: no hole before tensor "a": got 4, want 0`},
		{"hole", tensorFile("{"+a+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16), `no hole before tensor "b": got 12, want 8`},
		{"overlap", tensorFile("{"+a+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), `no overlap with tensor "b": got 4, want 8`},
		{"same data", tensorFile("{"+a+`,"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), `no overlap with tensor "b": got 0, want 8`},
		{"data inside", tensorFile(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 16), `no overlap with tensor "b": got 4, want 16`},
		{"no elements inside", tensorFile("{"+a+`,"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`, 8), `no overlap with tensor "b": got 4, want 8`},
		{"trailing byte", append(bytes.Clone(good), 0), "offset 70: length of data: got 9 bytes, want 8"},
		{"last byte missing", good[:69], "offset 69: length of data: got 7 bytes, want 8"},
		{"no data", good[:62], "offset 62: length of data: got 0 bytes, want 8"},
		{"data without tensors", tensorFile("{}", 4), "offset 10: length of data: got 4 bytes, want 0"},
		{"second tensor missing", tensorFile("{"+a+","+b+"}", 8), "length of data: got 8 bytes, want 12"},
	}
}

func readTensorFile(path string) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, _, err = readTensors(file)
	return err
}

// TestReadSafetensorsShort has a reader that ends or fails before the size that
// was promised.
func TestReadSafetensorsShort(t *testing.T) {
	file := tensorFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8)
	for n := range len(file) {
		_, _, err := ReadSafetensors(bytes.NewReader(file[:n]), int64(len(file)))
		filetest.CheckError(t, err, fmt.Sprintf("safetensors: offset %d: ", n), "length of data: got end of file")
		_, _, err = ReadSafetensors(io.MultiReader(bytes.NewReader(file[:n]), failingReader{}), int64(len(file)))
		if !errors.Is(err, errFull) {
			t.Errorf("reader that fails after %d bytes: error %v", n, err)
		}
	}
}

// A failingReader gives nothing.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errFull }

// TestReadSafetensorsMemory has headers that promise more than there is.
func TestReadSafetensorsMemory(t *testing.T) {
	for _, test := range []struct{ header, want string }{
		{`{"a":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}`, "length of data: got 16 bytes, want 1073741824"},
		{`{"a":{"dtype":"F32","shape":[` + strings.Repeat("1,", 1<<20), "got more, want at most 64"},
		{`{"a":` + strings.Repeat("[", 1<<21), "got [, want {"},
	} {
		file := tensorFile(test.header, 16)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := readTensors(file)
		runtime.ReadMemStats(&after)
		filetest.CheckError(t, err, "safetensors: offset ", test.want)
		if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+2*len(file)); got > limit {
			t.Errorf("%d bytes allocated for a file of %d", got, len(file))
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	const a = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	f.Add(tensorFile("{"+a+"}", 8))
	f.Add(tensorFile("{"+a+`,"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}  `, 12))
	f.Add(tensorFile(`{"__metadata__":{"k":"v"},"c":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}`, 0))
	f.Add(tensorFile(`{"\u0061\ud83d\ude00":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, meta, err := readTensors(file)
		if err != nil {
			filetest.CheckError(t, err, "safetensors: offset ", ": ")
			return
		}
		// What is read can be written, and is then the same.
		var b bytes.Buffer
		if err := WriteSafetensors(&b, tensors, meta); err != nil {
			t.Fatal(err)
		}
		tensors2, meta2, err := readTensors(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var b2 bytes.Buffer
		if err := WriteSafetensors(&b2, tensors2, meta2); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), b2.Bytes()) || len(tensors) != len(tensors2) {
			t.Fatalf("read %v %q, written and read %v %q", tensors, meta, tensors2, meta2)
		}
	})
}
