package data

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// npyText returns a file of NumPy with the given text for a header.
func npyText(major byte, text string, data []byte) []byte {
	b := append([]byte(npyMagic), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	}
	return append(append(b, text...), data...)
}

// npyFile returns a file of NumPy.
func npyFile(descr, order, shape string, data []byte) []byte {
	return npyText(1, fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape), data)
}

// encode returns numbers as a type of NumPy.
func encode(descr string, x ...float64) []byte {
	of, order, ok := npyDescr(descr)
	if !ok {
		panic(descr)
	}
	var b []byte
	for _, v := range x {
		var u uint64
		switch {
		case of == number.Float16:
			u = uint64(toHalf(float32(v)))
		case of == number.Float32:
			u = uint64(math.Float32bits(float32(v)))
		case of == number.Float64:
			u = math.Float64bits(v)
		case v < 0:
			u = uint64(int64(v))
		default:
			u = uint64(v)
		}
		var n [8]byte
		order.PutUint64(n[:], u)
		if order == binary.ByteOrder(binary.BigEndian) {
			b = append(b, n[8-of.Size:]...)
		} else {
			b = append(b, n[:of.Size]...)
		}
	}
	return b
}

// toHalf returns the binary16 whose value is x, by search.
func toHalf(x float32) uint16 {
	var b [2]byte
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(b[:], uint16(h))
		if v := float32(number.Float16.Float64(b[:], binary.LittleEndian)); math.Float32bits(v) == math.Float32bits(x) {
			return uint16(h)
		}
	}
	panic(fmt.Sprintf("%v is no binary16", x))
}

// saveFile writes a file of the given name and returns its path.
func saveFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func matrix(rows, cols int, x ...float32) simd.Matrix {
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: x}
}

// checkVectors requires a file to hold those rows.
func checkVectors(t *testing.T, path string, want simd.Matrix) {
	t.Helper()
	got, err := ReadVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestNPYTypes(t *testing.T) {
	want := matrix(2, 3, 1, 2, 3, 4, 5, 6)
	for _, kind := range []string{"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"} {
		for _, order := range []string{"<", ">"} {
			descr := order + kind
			if kind[1] == '1' {
				descr = "|" + kind
			}
			t.Run(descr, func(t *testing.T) {
				checkVectors(t, saveFile(t, "a.npy", npyFile(descr, "False", "(2, 3)", encode(descr, 1, 2, 3, 4, 5, 6))), want)
				checkVectors(t, saveFile(t, "f.npy", npyFile(descr, "True", "(2, 3)", encode(descr, 1, 4, 2, 5, 3, 6))), want)
			})
		}
	}
	for _, test := range []struct {
		descr string
		x     float64
	}{
		{"|i1", -128}, {"|u1", 255}, {"<i2", -32768}, {">u2", 65535}, {"<i4", -1 << 31}, {">u4", 1<<32 - 256},
		{"<i8", -1 << 62}, {">u8", 1 << 63}, {"<f2", -65504}, {">f2", 0x1p-24}, {"<f8", -0x1p-149}, {">f4", math.MaxFloat32},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			checkVectors(t, saveFile(t, "a.npy", npyFile(test.descr, "False", "(1, 1)", encode(test.descr, test.x))), matrix(1, 1, float32(test.x)))
		})
	}
}

func TestNPYHeaders(t *testing.T) {
	data := encode("<f4", 1, 2, 3, 4, 5, 6)
	for name, file := range map[string][]byte{
		"version 2":        npyText(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", data),
		"version 3":        npyText(3, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", data),
		"other quotes":     npyText(1, `{"descr": "<f4", "fortran_order": False, "shape": (2, 3), }`, data),
		"other order":      npyText(1, `{'shape':(2,3,),'descr':'<f4','fortran_order':False}      `, data),
		"Python 2":         npyText(1, `{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }`, data),
		"spaces":           npyText(1, "{ 'descr' :\t'<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 ) , } \r\n", data),
		"as it is written": append(npyHeader(2, 3), data...),
	} {
		t.Run(name, func(t *testing.T) {
			checkVectors(t, saveFile(t, "a.NPY", file), matrix(2, 3, 1, 2, 3, 4, 5, 6))
		})
	}
}

// badNPY returns files of NumPy that break a rule.
func badNPY() []badFile {
	data := encode("<f4", 1, 2, 3, 4, 5, 6)
	good := npyFile("<f4", "False", "(2, 3)", data)
	start := len(good) - 24
	text := func(text string) []byte { return npyText(1, text, data) }
	shape := func(shape string) []byte { return npyFile("<f4", "False", shape, data) }
	descr := func(descr string) []byte { return npyFile(descr, "False", "(2, 3)", data) }
	length := func(n uint32) []byte {
		return append(binary.LittleEndian.AppendUint32(append([]byte(npyMagic), 2, 0), n), good[10:]...)
	}
	nan, inf := math.NaN(), math.Inf(1)
	const want = "f2, f4, f8, b1, i1 to i8 or u1 to u8 with its byte order"
	return []badFile{
		// The start.
		{"empty", nil, "offset 0: length of data: got end of file, want 8 more bytes"},
		{"magic only", good[:6], "offset 6: length of data: got end of file, want 2 more bytes"},
		{"no length", good[:8], "offset 8: length of data: got end of file, want 2 more bytes"},
		{"half a length", good[:9], "offset 9: length of data: got end of file, want 1 more bytes"},
		{"half a length of version 2", length(0)[:10], "offset 10: length of data: got end of file, want 2 more bytes"},
		{"magic", filetest.Patch(good, 0, 'N'), `offset 0: magic: got "NNUMPY", want "\x93NUMPY"`},
		{"pickle", append([]byte("\x80\x04\x95"), data...), `offset 0: magic: got "\x80\x04\x95`},
		{"zip", append([]byte("PK\x03\x04"), data...), `offset 0: magic: got "PK\x03\x04`},
		{"version 0", filetest.Patch(good, 6, 0), "offset 6: version: got 0.0, want 1.0, 2.0 or 3.0"},
		{"version 4", filetest.Patch(good, 6, 4), "offset 6: version: got 4.0"},
		{"version 1.1", filetest.Patch(good, 7, 1), "offset 6: version: got 1.1"},
		{"header over the file", filetest.Patch(good, 9, 1), "offset 8: length of header: got"},
		{"header one over", npyText(1, "{}", nil)[:11], "offset 8: length of header: got 2, want at most the 1 that follow"},
		{"header over the limit", length(1<<16 + 1), "offset 8: length of header: got 65537, want at most 65536"},
		{"header of 4 GiB", length(1<<32 - 1), "offset 8: length of header: got 4294967295, want at most 65536"},
		{"no header", npyText(1, "", data), `offset 10: header: got end of header, want "{"`},

		// The dictionary.
		{"not a dictionary", text("[1, 2]"), `offset 10: header: got "[1, 2]", want "{"`},
		{"empty dictionary", text("{}"), "offset 10: descr of header: got none, want an element type"},
		{"dictionary cut", text("{'descr': '<f4'"), `offset 25: header: got end of header, want "}"`},
		{"no colon", text("{'descr' '<f4'}"), `offset 19: header after key: got "'<f4'}", want ":"`},
		{"no comma", text("{'descr': '<f4' 'shape': (2, 3)}"), `offset 26: header: got "'shape': (2, 3)}", want "}"`},
		{"key without quotes", text("{descr: '<f4'}"), `offset 11: key of header: got "descr: '<f4'}", want a string`},
		{"key without end", text("{'descr"), `offset 12: key of header: got "descr", want a string of one line`},
		{"key with an escape", text(`{'de\x73cr': '<f4'}`), `want a string of one line without escapes`},
		{"unknown key", text("{'descr': '<f4', 'order': 'C'}"), `offset 27: key of header: got "order", want descr, fortran_order or shape`},
		{"key twice", text("{'descr': '<f4', 'descr': '<f4'}"), `offset 27: key of header: got "descr" twice, want once`},
		{"shape twice", text("{'shape': (2, 3), 'shape': (2, 3)}"), `got "shape" twice, want once`},
		{"order twice", text("{'fortran_order': False, 'fortran_order': False}"), `got "fortran_order" twice, want once`},
		{"no descr", text("{'fortran_order': False, 'shape': (2, 3)}"), "descr of header: got none"},
		{"no order", text("{'descr': '<f4', 'shape': (2, 3)}"), "fortran_order of header: got none"},
		{"no shape", text("{'descr': '<f4', 'fortran_order': False}"), "shape of header: got none"},
		{"order a number", npyFile("<f4", "0", "(2, 3)", data), `fortran_order: got "0, 'shape': (2, ", want True or False`},
		{"order of JSON", npyFile("<f4", "false", "(2, 3)", data), `fortran_order: got "false, 'shape': `},
		{"text after it", text("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}; import os"), `end of header: got "; import os", want spaces and a newline`},

		// The element type.
		{"object", descr("|O"), `offset 20: element type: got "|O", want ` + want},
		{"list", text("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 3)}"), `offset 20: element type: got "[('x', '<f4')], ", want a string`},
		{"complex", descr("<c8"), `element type: got "<c8"`},
		{"text", descr("<U4"), `element type: got "<U4"`},
		{"bytes", descr("|S4"), `element type: got "|S4"`},
		{"complex", descr("<c8"), `offset 20: element type: got "<c8"`},
		{"long double", descr("<f16"), `element type: got "<f16"`},
		{"native order", descr("=f4"), `element type: got "=f4"`},
		{"no order of bytes", descr("f4"), `element type: got "f4"`},
		{"order of no bytes", descr("|f4"), `element type: got "|f4"`},
		{"no type", descr(""), `element type: got ""`},
		{"order only", descr("<"), `element type: got "<"`},

		// The shape.
		{"shape a list", shape("[2, 3]"), `shape: got "[2, 3], }\n", want "("`},
		{"shape a number", shape("(6)"), `shape: got "), }\n", want ","`},
		{"shape negative", shape("(-2, 3)"), `shape: got "-2, 3), }\n", want an integer from 0`},
		{"shape with a fraction", shape("(2.0, 3)"), `shape: got ".0, 3), }\n", want ","`},
		{"shape a name", shape("(n, 3)"), `shape: got "n, 3), }\n", want an integer`},
		{"shape of 64 bits", shape("(9223372036854775808, 3)"), `shape: got "9223372036854775", want an integer`},
		{"shape cut", npyText(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3", data), `shape: got end of header, want ")"`},
		{"shape without comma", shape("(2 3)"), `shape: got "3), }\n", want ","`},
		{"no dimension", shape("()"), "number of dimensions: got 0, want 2, rows and columns"},
		{"one dimension", shape("(6,)"), "number of dimensions: got 1, want 2"},
		{"three dimensions", shape("(1, 2, 3)"), "number of dimensions: got 3, want 2"},
		{"65 dimensions", shape("(" + strings.Repeat("1, ", 65) + ")"), "want at most 64 dimensions"},
		{"no rows", npyFile("<f4", "False", "(0, 3)", nil), "shape: got [0 3], want at least one row and one column"},
		{"no columns", npyFile("<f4", "False", "(2, 0)", nil), "shape: got [2 0], want at least one row"},
		{"product over 63 bits", shape("(4611686018427387904, 4)"), "want"},
		{"product 0 in 64 bits", shape("(4294967296, 4294967296)"), "want"},
		{"bytes over 63 bits", shape("(1152921504606846976, 2)"), "want"},
		{"a billion rows", shape("(1000000000, 3)"), "length of data: got 24 bytes, want 12000000000 for shape [1000000000 3] of float32"},
		{"Fortran of a billion", npyFile("<f4", "True", "(1000000000, 3)", data), "length of data: got 24 bytes, want 12000000000"},

		// The data.
		{"no data", good[:start], "length of data: got 0 bytes, want 24 for shape [2 3] of float32"},
		{"last byte missing", good[:start+23], fmt.Sprintf("offset %d: length of data: got 23 bytes, want 24", start+23)},
		{"trailing byte", append(good[:start+24:start+24], 0), fmt.Sprintf("offset %d: length of data: got 25 bytes, want 24", start+24)},
		{"half the type", descr("<f8"), "length of data: got 24 bytes, want 48 for shape [2 3] of float64"},
		{"twice the type", descr("<f2"), "length of data: got 24 bytes, want 12 for shape [2 3] of float16"},
		{"NaN", npyFile("<f4", "False", "(2, 3)", encode("<f4", 1, 2, 3, 4, nan, 6)), "number of row 1, column 1: got NaN, want a finite float32"},
		{"infinite", npyFile(">f4", "False", "(2, 3)", encode(">f4", 1, 2, -inf, 4, 5, 6)), "number of row 0, column 2: got -Inf, want a finite float32"},
		{"NaN of Fortran", npyFile("<f4", "True", "(2, 3)", encode("<f4", 1, 2, 3, 4, nan, 6)), fmt.Sprintf("number of row 0, column 2: got NaN")},
		{"infinite float16", npyFile("<f2", "False", "(1, 2)", []byte{0, 0, 0, 0x7c}), "number of row 0, column 1: got +Inf"},
		{"infinite float64", npyFile("<f8", "False", "(1, 1)", encode("<f8", inf)), "number of row 0, column 0: got +Inf"},
		{"too large for float32", npyFile("<f8", "False", "(1, 1)", encode("<f8", 1e39)), "number of row 0, column 0: got 1e+39, want a finite float32"},
	}
}
