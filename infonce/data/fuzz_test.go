package data

import (
	"archive/zip"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// checkFuzzedVectors requires a file of rows to be refused, or to hold the same finite numbers
// however it is read.
func checkFuzzedVectors(t *testing.T, path string, file []byte) {
	var all simd.Matrix
	err := filetest.Fenced(t, len(file), func() (err error) {
		all, err = ReadVectors(path)
		return err
	})
	if err != nil {
		filetest.CheckError(t, err, filepath.Ext(path)[1:]+": "+path+": ", ": ")
		return
	}
	if len(all.Data) < 1 || number.NonFinite(all.Data) >= 0 {
		t.Fatalf("%d rows of %d, number %d is not finite", all.Rows, all.Cols, number.NonFinite(all.Data))
	}
	r, err := OpenVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Len() != all.Rows || r.Dim() != all.Cols {
		t.Fatalf("%d rows of %d, but %d of %d are read", r.Len(), r.Dim(), all.Rows, all.Cols)
	}
	if labels := r.Labels(); labels != nil {
		if len(labels) != r.Len() {
			t.Fatalf("%d labels of %d rows", len(labels), r.Len())
		}
		checkFuzzedLabels(t, labels, r.Classes())
	}
	n := min(all.Rows, 40)
	last := simd.NewMatrix(n, all.Cols)
	if err := r.Read(last, all.Rows-n); err != nil {
		t.Fatal(err)
	}
	indices := make([]int, n) // the first, in pairs, the last pair first
	for i := range indices {
		indices[i] = min((n-1-i)/2*2+i%2, n-1)
	}
	some := simd.NewMatrix(n, all.Cols)
	if err := r.Gather(some, indices); err != nil {
		t.Fatal(err)
	}
	for i, index := range indices {
		if !slices.Equal(last.Row(i), all.Row(all.Rows-n+i)) || !slices.Equal(some.Row(i), all.Row(index)) {
			t.Fatalf("row %d or %d of %d is not the same however it is read", all.Rows-n+i, index, all.Rows)
		}
	}
}

func checkFuzzedLabels(t *testing.T, labels []int, classes []string) {
	if len(labels) == 0 {
		t.Fatal("no labels and no error")
	}
	limit := math.MaxInt32
	if classes != nil {
		limit = len(classes) - 1
	}
	if low, high := slices.Min(labels), slices.Max(labels); low < 0 || high > limit {
		t.Fatalf("labels from %d to %d, want from 0 to %d", low, high, limit)
	}
	if !slices.IsSorted(classes) || len(slices.Compact(slices.Clone(classes))) != len(classes) {
		t.Fatalf("classes %q are not sorted", classes)
	}
}

// twoRows are the good rows of seeds.
var twoRows = npyFile("<f4", "False", "(2, 3)", encode("<f4", 1, 2, 3, 4, 5, 6))

func FuzzNPY(f *testing.F) {
	filetest.Fuzz(f, badCorpora, "bad.npy", checkFuzzedVectors, twoRows, npyFile(">f8", "True", "(2, 3)", encode(">f8", 1, 4, 2, 5, 3, 6)), npyText(2, "{'shape': (1, 1), 'descr': '|u1', 'fortran_order': False}", []byte{7}))
}

// FuzzNPZ reads archives, and what is no archive as an array in one, where it must be what
// it is alone.
func FuzzNPZ(f *testing.F) {
	check := func(t *testing.T, path string, file []byte) {
		checkFuzzedVectors(t, path, file)
		array := strings.TrimSuffix(path, ".npz") + ".npy"
		if err := os.WriteFile(array, file, 0o666); err != nil {
			t.Fatal(err)
		}
		want, refused := ReadVectors(array)
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			whole := archive(packed{"x.npy", method, file})
			if err := os.WriteFile(path, whole, 0o666); err != nil {
				t.Fatal(err)
			}
			var got simd.Matrix
			err := filetest.Fenced(t, len(whole), func() (err error) {
				got, err = ReadVectors(path)
				return err
			})
			if refused != nil {
				filetest.CheckError(t, err, "npz: "+path+": ", ": ")
				continue
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("method %d: error %v or other rows", method, err)
			}
		}
	}
	filetest.Fuzz(f, badCorpora, "bad.npz", check, twoRows, archive(packed{"x.npy", zip.Store, twoRows}), archive(packed{"x.npy", zip.Deflate, twoRows},
		packed{"label.npy", zip.Deflate, npyFile("<i4", "False", "(2,)", encode("<i4", 0, 1))}))
}

func FuzzTensorVectors(f *testing.F) {
	filetest.Fuzz(f, badCorpora, "bad.safetensors", checkFuzzedVectors, tableFile(`"x":`+tensorText("F32", "[2,1]", 0, 8)+`,"label":`+tensorText("I8", "[2]", 8, 10), "\x00\x00\x80\x3f\x00\x00\x80\x3f\x05\x06"))
}

func FuzzFvecs(f *testing.F) {
	filetest.Fuzz(f, badCorpora, "bad.fvecs", checkFuzzedVectors, filetest.Join(vec(3, 1, 2, 3), vec(3, 4, 5, 6)))
}

func FuzzBvecs(f *testing.F) {
	filetest.Fuzz(f, badCorpora, "bad.bvecs", checkFuzzedVectors, []byte{2, 0, 0, 0, 0, 255, 2, 0, 0, 0, 7, 8})
}

func FuzzCSV(f *testing.F) {
	filetest.Fuzz(f, badCorpora, "bad.csv", checkFuzzedVectors, []byte("1,2.5\n-3,4e-3\n"), []byte("\ufeffid,label,x,\"y \"\"\"\n3,dog,1,2\r\n4,cat,3,4"))
}

func FuzzJSONL(f *testing.F) {
	filetest.Fuzz(f, badCorpora, "bad.jsonl", checkFuzzedVectors, []byte("[1,2.5]\n[-3,4e-3]\n"), []byte("{\"text\":\"{\",\"label\":\"a\\u0041\",\"embedding\":[1,2],\"x\":[]}\n{\"embedding\":[3,4],\"label\":7}\n"))
}

// seedKinds adds the malformed files of a name, and a good one, in each format that can be of use.
// It returns the paths of files in these formats, which the first argument of the fuzz target
// chooses from.
func seedKinds(f *testing.F, name string, can func(Format) bool, good map[string][]byte) (paths []string) {
	filetest.LowerLimit(f, 8<<20)
	dir := f.TempDir()
	for _, format := range Formats() {
		if !can(format) {
			continue
		}
		kind := uint8(len(paths))
		for _, c := range badCorpora {
			if c.File != name+format.Extension {
				continue
			}
			for _, bad := range c.Files {
				f.Add(kind, bad.File)
			}
		}
		f.Add(kind, good[format.Extension])
		paths = append(paths, filepath.Join(dir, name+format.Extension))
	}
	return paths
}

// FuzzLabels has a file of each format, which kind chooses.
func FuzzLabels(f *testing.F) {
	paths := seedKinds(f, "labels", func(f Format) bool { return f.Labels }, map[string][]byte{
		".npy":          npyFile("<i8", "False", "(2,)", encode("<i8", 5, 0)),
		".npz":          archive(packed{"x.npy", zip.Store, twoRows}, packed{"class.npy", zip.Store, npyFile("|u1", "False", "(2,)", []byte{1, 2})}),
		".ivecs":        filetest.Join(ivec(1, 4), ivec(1, 9)),
		".csv":          []byte("path,class\na,dog\nb,\"cat\"\n"),
		".jsonl":        []byte("{\"label\":4}\n{\"class\":\"2\"}\n"),
		".txt":          []byte("dog\ncat\n"),
		"idx1-ubyte":    filetest.IDX([]byte{7, 2}, 2),
		"idx1-ubyte.gz": filetest.Gzipped(filetest.IDX([]byte{7, 2}, 2)),
	})
	f.Fuzz(func(t *testing.T, kind uint8, file []byte) {
		path := paths[int(kind)%len(paths)]
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		var labels []int
		var classes []string
		err := filetest.Fenced(t, len(file), func() (err error) {
			labels, classes, err = ReadLabels(path)
			return err
		})
		if err != nil {
			filetest.CheckError(t, err, "", ": "+path+": ")
			return
		}
		checkFuzzedLabels(t, labels, classes)
	})
}

// FuzzTriplets has a file of each format, which kind chooses.
func FuzzTriplets(f *testing.F) {
	paths := seedKinds(f, "triplets", func(f Format) bool { return f.Triplets }, map[string][]byte{
		".npy":   npyFile(">u4", "False", "(1, 3)", encode(">u4", 1, 2, 3)),
		".ivecs": ivec(3, 1, 2, 3),
		".csv":   []byte("anchor,positive,negative\n1,2,3\n"),
		".jsonl": []byte("[1,2,3]\n{\"anchor\":1,\"negative\":3,\"positive\":2}"),
	})
	f.Fuzz(func(t *testing.T, kind uint8, file []byte) {
		path := paths[int(kind)%len(paths)]
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		var triplets [][3]int
		err := filetest.Fenced(t, len(file), func() (err error) {
			triplets, err = ReadTriplets(path)
			return err
		})
		if err != nil {
			filetest.CheckError(t, err, filepath.Ext(path)[1:]+": "+path+": ", ": ")
			return
		}
		if len(triplets) == 0 {
			t.Fatal("no triplets and no error")
		}
		for _, triplet := range triplets {
			if slices.Min(triplet[:]) < 0 || slices.Max(triplet[:]) > math.MaxInt32 {
				t.Fatalf("triplet %v", triplet)
			}
		}
	})
}
