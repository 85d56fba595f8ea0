package data

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// A packed is an entry of an archive to be written.
type packed struct {
	name   string
	method uint16
	data   []byte
}

// archive returns an archive of those entries, with sizes before data as Python writes it.
func archive(entries ...packed) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		content := e.data
		if e.method == zip.Deflate {
			content = deflated(e.data)
		}
		f, err := w.CreateRaw(&zip.FileHeader{
			Name: e.name, Method: e.method, CRC32: crc32.ChecksumIEEE(e.data),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(e.data)),
		})
		if err != nil {
			panic(err)
		}
		f.Write(content)
	}
	w.Close()
	return b.Bytes()
}

func deflated(data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func TestNPZ(t *testing.T) {
	want := matrix(2, 3, 1, 2, 3, 4, 5, 6)
	rows := npyFile("<f4", "False", "(2, 3)", encode("<f4", 1, 2, 3, 4, 5, 6))
	turned := npyFile(">f8", "True", "(2, 3)", encode(">f8", 1, 4, 2, 5, 3, 6))
	labels := npyFile("<i8", "False", "(2,)", encode("<i8", 7, 3))
	names := npyFile("<U3", "False", "(1,)", make([]byte, 12))
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		for _, test := range []struct {
			name    string
			entries []packed
			labels  []int
		}{
			{"alone", []packed{{"arr_0.npy", method, rows}}, nil},
			{"columns first", []packed{{"arr_0.npy", method, turned}}, nil},
			{"labels", []packed{{"labels.npy", method, labels}, {"x.npy", method, rows}}, []int{7, 3}},
			{"several", []packed{{"embeddings.npy", method, rows}, {"x.npy", method, turned}, {"Class.npy", method, labels}}, []int{7, 3}},
			{"others", []packed{{"README", method, []byte("text")}, {"../../names.npy", method, names}, {"ids.npy", method, labels}, {"x.npy", method, rows}}, nil},
		} {
			t.Run(fmt.Sprint(test.name, method), func(t *testing.T) {
				path := saveFile(t, "a.npz", archive(test.entries...))
				checkVectors(t, path, want)
				r, err := OpenVectors(path)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if !reflect.DeepEqual(r.Labels(), test.labels) || r.Classes() != nil {
					t.Errorf("labels %v of %q, want %v", r.Labels(), r.Classes(), test.labels)
				}
				_, loaded := r.table.(loaded)
				if stored := method == zip.Store && test.name != "columns first"; loaded == stored {
					t.Errorf("method %d: in memory %v", method, loaded)
				}
			})
		}
	}
}

// TestNPZLarge reads a compressed array that is longer than a buffer.
func TestNPZLarge(t *testing.T) {
	const rows, cols = 300, 700
	x := make([]float64, rows*cols)
	want := matrix(rows, cols, make([]float32, rows*cols)...)
	for i := range x {
		x[i] = float64(i % 251)
		want.Data[i] = float32(i % 251)
	}
	file := npyFile("|u1", "False", fmt.Sprintf("(%d, %d)", rows, cols), encode("|u1", x...))
	checkVectors(t, saveFile(t, "a.npz", archive(packed{"a.npy", zip.Deflate, file})), want)
}

// TestNPZMemory has compressed arrays of which the last number, or the checksum, is wrong: no
// memory is taken for the others.
func TestNPZMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n, labels = 20 << 20, 10 << 20
	x := make([]byte, 2*n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(x); i += 96 { // as much as is no bomb
		x[i] = byte(rng.IntN(256))
	}
	nan := slices.Clone(x)
	copy(nan[2*n-2:], "\xff\xff")
	negative := slices.Clone(x[:labels])
	for i := range negative {
		negative[i] &= 127
	}
	negative[labels-1] = 255
	shape := fmt.Sprintf("(%d, 4)", n/4)
	sum := archive(packed{"x.npy", zip.Deflate, npyFile("<f2", "False", shape, x)})
	sum[bytes.LastIndex(sum, []byte("PK\x01\x02"))+16]++ // the checksum in the list of entries
	for _, test := range []struct {
		name, want string
		rows       uint64 // bytes of rows that are good
		file       []byte
	}{
		{"NaN", fmt.Sprintf("number of row %d, column 3: got NaN", n/4-1), 0, archive(packed{"x.npy", zip.Deflate, npyFile("<f2", "False", shape, nan)})},
		{"checksum", "zip: checksum error", 0, sum},
		{"label", fmt.Sprintf("label of row %d: got -1", labels-1), 4 * labels, archive(packed{"x.npy", zip.Deflate, npyFile("|u1", "False", fmt.Sprintf("(%d, 1)", labels), x[:labels])},
			packed{"label.npy", zip.Deflate, npyFile("|i1", "False", fmt.Sprintf("(%d,)", labels), negative)})},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := saveFile(t, "a.npz", test.file)
			var err error
			took := filetest.Allocated(func() { _, err = OpenVectors(path) })
			filetest.CheckError(t, err, "npz: "+path+": ", test.want)
			if took > 64<<20+2*uint64(len(test.file))+test.rows {
				t.Errorf("%d bytes allocated for a file of %d", took, len(test.file))
			}
		})
	}
}

// badNPZ returns archives that break a rule.
func badNPZ() []badFile {
	rows := npyFile("<f4", "False", "(2, 3)", encode("<f4", 1, 2, 3, 4, 5, 6))
	labels := npyFile("<i4", "False", "(2,)", encode("<i4", 0, 1))
	good := archive(packed{"x.npy", zip.Store, rows})
	pressed := archive(packed{"x.npy", zip.Deflate, rows})
	one := func(data []byte) []byte { return archive(packed{"x.npy", zip.Store, data}) }
	deflate := func(data []byte) []byte { return archive(packed{"x.npy", zip.Deflate, data}) }
	// at returns b with the bytes of the field at an offset of the list of entries replaced.
	at := func(b []byte, offset int, field ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[bytes.LastIndex(b, []byte("PK\x01\x02"))+offset:], field)
		return b
	}
	size := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	var many []packed
	for i := range maxEntries + 1 {
		many = append(many, packed{fmt.Sprint(i), zip.Store, nil})
	}
	var long []packed
	for i := range 100 {
		long = append(long, packed{fmt.Sprint(i, strings.Repeat("x", 60000)), zip.Store, nil})
	}
	zeros := npyFile("|u1", "False", "(4096, 4096)", make([]byte, 1<<24))
	headEnd := 30 + len("x.npy")
	return []badFile{
		// The archive.
		{"empty", nil, "list of entries: zip: not a valid zip file"},
		{"no archive", rows, "list of entries: zip: not a valid zip file"},
		{"cut", good[:len(good)-1], "list of entries: "},
		{"half", good[:len(good)/2], "list of entries: "},
		{"no list", good[len(good)-22:], "list of entries: "},
		{"too many entries", archive(many...), "number of entries: got 4097, want at most 4096"},
		{"list too long", archive(long...), "list of entries: list of entries too long"},
		{"no entries", archive(), "offset 0: arrays of two dimensions: got none, want one"},
		{"name twice", archive(packed{"x.npy", zip.Store, rows}, packed{"x.npy", zip.Store, rows}), `entry "x.npy": name: got it twice, want it once`},
		{"encrypted", at(good, 8, 1), `entry "x.npy": encryption: got some, want none`},
		{"method 12", at(good, 10, 12), `entry "x.npy": method of compression: got 12, want 0 or 8`},
		{"stored under another size", at(good, 24, size(99999)...), `entry "x.npy": size: got`},
		{"larger than the file", at(pressed, 20, size(99999)...), `entry "x.npy": compressed size: got 99999 bytes, want at most the`},
		{"more than fits in memory", deflate(npyFile("|u1", "False", "(1048577, 256)", nil)), `entry "x.npy": shape: got [1048577 256], want at most 268435456 numbers`},
		{"bomb under another size", at(deflate(zeros), 24, size(1<<19)...), `entry "x.npy": offset`},
		{"wrong checksum", at(good, 16, 1, 2, 3, 4), `entry "x.npy": zip: checksum error`},
		{"wrong checksum of deflate", at(pressed, 16, 1, 2, 3, 4), `entry "x.npy": zip: checksum error`},
		{"data changed", filetest.Patch(good, headEnd+len(rows)-2, 1), `entry "x.npy": zip: checksum error`},
		{"not deflate", filetest.Patch(pressed, headEnd, 0xff), `entry "x.npy": offset 0: flate: corrupt input`},
		{"deflate ends early", at(pressed, 24, size(uint32(len(rows)+1))...), `entry "x.npy": `},
		{"deflate ends late", at(pressed, 24, size(uint32(len(rows)-1))...), `entry "x.npy": `},
		{"no data at its place", at(good, 42, size(7)...), `entry "x.npy": zip: not a valid zip file`},
		{"place past the end", at(good, 42, size(1<<31)...), `entry "x.npy": `},

		// Its arrays.
		{"no array", archive(packed{"x.txt", zip.Store, rows}), "arrays of two dimensions: got none, want one"},
		{"entry no array", one([]byte("hello, world")), `entry "x.npy": offset 0: magic: got "hello,"`},
		{"entry empty", one(nil), `entry "x.npy": offset 0: length of data`},
		{"entry cut", one(rows[:len(rows)-1]), `length of data: got 23 bytes, want 24 for shape [2 3] of float32`},
		{"entry longer", deflate(append(bytes.Clone(rows), 0)), `length of data: got 25 bytes, want 24`},
		{"a billion rows", deflate(npyFile("<f4", "False", "(1000000000, 3)", nil)), "shape: got [1000000000 3], want at most 268435456 numbers"},
		{"object", one(npyFile("|O", "False", "(2, 3)", []byte("\x80\x04\x95"))), `entry "x.npy": offset 20: element type: got "|O"`},
		{"one dimension", one(labels), "arrays of two dimensions: got none, want one"},
		{"two tables", archive(packed{"x.npy", zip.Store, rows}, packed{"y.npy", zip.Deflate, rows}), `arrays of two dimensions: got 2, want one, or one named "embeddings"`},
		{"no rows", one(npyFile("<f4", "False", "(0, 3)", nil)), `entry "x.npy": offset 60: shape: got [0 3], want at least one row`},
		{"NaN", one(npyFile("<f4", "False", "(1, 2)", encode("<f4", 1, math.NaN()))), "number of row 0, column 1: got NaN, want a finite float32"},
		{"NaN of deflate", deflate(npyFile("<f4", "False", "(1, 2)", encode("<f4", 1, math.NaN()))), `entry "x.npy": offset 74: number of row 0, column 1: got NaN`},
		{"fewer labels", archive(packed{"x.npy", zip.Store, rows}, packed{"labels.npy", zip.Store, npyFile("<i4", "False", "(1,)", encode("<i4", 0))}), `length of "labels": got 1, want 2, as many labels as rows`},
		{"labels of floats", archive(packed{"x.npy", zip.Store, rows}, packed{"label.npy", zip.Store, npyFile("<f4", "False", "(2,)", encode("<f4", 0, 1))}), `array "label": got shape [2] of float32, want one dimension of integers`},
		{"label negative", archive(packed{"x.npy", zip.Store, rows}, packed{"label.npy", zip.Deflate, npyFile("<i4", "False", "(2,)", encode("<i4", 0, -1))}), `entry "label.npy": offset 72: label of row 1: got -1, want an integer from 0`},
		{"labels cut", archive(packed{"x.npy", zip.Store, rows}, packed{"label.npy", zip.Deflate, labels[:len(labels)-1]}), `entry "label.npy": offset 75: length of data: got 7 bytes, want 8`},
	}
}
