package data

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

func TestReadLabels(t *testing.T) {
	pets := []string{"cat", "dog"}
	for _, test := range []struct {
		name    string
		file    []byte
		labels  []int
		classes []string
	}{
		{"a.npy", npyFile("<i8", "False", "(3,)", encode("<i8", 5, 0, 1<<31-1)), []int{5, 0, 1<<31 - 1}, nil},
		{"b.npy", npyFile("|u1", "True", "(3, 1)", []byte{3, 255, 0}), []int{3, 255, 0}, nil},
		{"c.npy", npyFile(">i2", "False", "(2,)", encode(">i2", 258, 1)), []int{258, 1}, nil},
		{"a.ivecs", filetest.Join(ivec(1, 4), ivec(1, 9)), []int{4, 9}, nil},
		{"a.txt", []byte("3\r\n1\n2"), []int{3, 1, 2}, nil},
		{"b.TXT", []byte("dog\ncat\n\ndog\n"), []int{1, 0, 1}, pets},
		{"c.txt", []byte("label\n1\n"), []int{1, 0}, []string{"1", "label"}},
		{"d.txt", []byte("dog\rcat\r"), []int{1, 0}, pets},
		{"a.csv", []byte("2\n1\n"), []int{2, 1}, nil},
		{"b.csv", []byte("label\ndog\ncat\n"), []int{1, 0}, pets},
		{"c.csv", []byte("path,class\na.png,dog\nb.png,cat\n"), []int{1, 0}, pets},
		{"a.jsonl", []byte("\"dog\"\n\"cat\"\n\"dog\"\n"), []int{1, 0, 1}, pets},
		{"b.jsonl", []byte("3\n1\n"), []int{3, 1}, nil},
		{"c.jsonl", []byte("{\"text\":\"x\",\"label\":4}\n{\"class\":\"2\"}\n"), []int{4, 2}, nil},
		{"t10k-labels-idx1-ubyte", filetest.IDX([]byte{7, 2}, 2), []int{7, 2}, nil},
		{"t10k-labels.idx1-ubyte.gz", filetest.Gzipped(filetest.IDX([]byte{7, 2}, 2)), []int{7, 2}, nil},
		{"a.safetensors", tableFile(`"x":`+tensorText("F32", "[2,1]", 0, 8)+`,"label":`+tensorText("I8", "[2]", 8, 10), "\x00\x00\x00\x00\x00\x00\x00\x00\x05\x06"), []int{5, 6}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			labels, classes, err := ReadLabels(saveFile(t, test.name, test.file))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(labels, test.labels) || !reflect.DeepEqual(classes, test.classes) {
				t.Errorf("labels %v of %q, want %v of %q", labels, classes, test.labels, test.classes)
			}
		})
	}
}

func TestReadTriplets(t *testing.T) {
	want := [][3]int{{1, 2, 3}, {4, 0, 1<<31 - 1}}
	for name, file := range map[string][]byte{
		"a.ivecs": filetest.Join(ivec(3, 1, 2, 3), ivec(3, 4, 0, 1<<31-1)),
		"a.npy":   npyFile(">u4", "False", "(2, 3)", encode(">u4", 1, 2, 3, 4, 0, 1<<31-1)),
		"a.csv":   []byte("1,2,3\n4, 0,2147483647\n"),
		"b.csv":   []byte("anchor,positive,negative\n1,2,3\n4,0,2147483647\n"),
		"a.jsonl": []byte("[1,2,3]\n[4,0,2147483647]\n"),
		"b.jsonl": []byte("{\"anchor\":1,\"positive\":2,\"negative\":3,\"id\":9}\n{\"negative\":2147483647,\"positive\":0,\"anchor\":4}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadTriplets(saveFile(t, name, file))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("triplets %v, want %v", got, want)
			}
		})
	}
}

func TestReadLabelsRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, prefix, want string }{
		{"a.png", "labels: ", `a.png: extension: got ".png", want one of .npy .npz .safetensors .parquet .ivecs .csv .jsonl .txt idx1-ubyte idx1-ubyte.gz`},
		{"a", "labels: ", `a: extension: got "", want one of`},
		{"a.npy", "npy: ", "no such file"},
		{"x-idx1-ubyte", "idx1-ubyte: ", "no such file"},
		{"a.npz", "npz: ", "no such file"},
	} {
		_, _, err := ReadLabels(filepath.Join(dir, test.name))
		filetest.CheckError(t, err, test.prefix, test.want)
	}
	path := saveFile(t, "a.safetensors", tableFile(`"x":`+tensorText("F32", "[1,1]", 0, 4), "\x00\x00\x00\x00"))
	_, _, err := ReadLabels(path)
	filetest.CheckError(t, err, "safetensors: "+path+": ", "labels: got none, want an array or a column of that name")
	_, err = ReadTriplets(filepath.Join(dir, "a.txt"))
	filetest.CheckError(t, err, "triplets: ", `a.txt: extension: got ".txt", want one of .npy .ivecs .csv .jsonl`)
	_, err = ReadTriplets(filepath.Join(dir, "a.csv"))
	filetest.CheckError(t, err, "csv: ", "no such file")
}

func readAllLabels(path string) error {
	_, _, err := ReadLabels(path)
	return err
}

func readAllTriplets(path string) error {
	_, err := ReadTriplets(path)
	return err
}

// badNPYLabels returns files of NumPy that break a rule of labels.
func badNPYLabels() []badFile {
	file := func(descr, shape string, x ...float64) []byte {
		return npyFile(descr, "False", shape, encode(descr, x...))
	}
	return []badFile{
		{"empty", nil, "offset 0: length of data"},
		{"floats", file("<f4", "(2,)", 1, 2), "element type: got float32, want integers"},
		{"none", file("<i4", "(0,)"), "shape: got [0 1], want at least one row"},
		{"two columns", file("<i4", "(1, 2)", 1, 2), "number of columns: got 2, want 1"},
		{"no dimension", file("<i4", "()", 1), "number of dimensions: got 0, want 2"},
		{"negative", file("<i4", "(2,)", 1, -2), "label of row 1: got -2, want an integer from 0 to 2147483647"},
		{"over 31 bits", file(">u4", "(1,)", 1<<31), "label of row 0: got 2147483648, want an integer"},
		{"over 63 bits", npyFile("<u8", "False", "(1,)", []byte("\xff\xff\xff\xff\xff\xff\xff\xff")), "label of row 0: got 18446744073709551615, want"},
		{"a billion", file("|u1", "(1000000000,)", 1), "length of data: got 1 bytes, want 1000000000 for shape [1000000000 1] of uint8"},
	}
}

// badNPYTriplets returns files of NumPy that break a rule of triplets.
func badNPYTriplets() []badFile {
	data := encode("<i4", 1, 2, 3, 4, 5, 6)
	return []badFile{
		{"floats", npyFile("<f4", "False", "(2, 3)", data), "element type: got float32, want integers"},
		{"two columns", npyFile("<i4", "False", "(3, 2)", data), "number of columns: got 2, want 3"},
		{"one dimension", npyFile("<i4", "False", "(6,)", data), "number of dimensions: got 1, want 2"},
		{"Fortran", npyFile("<i4", "True", "(2, 3)", data), "fortran_order: got True, want False for indices"},
		{"negative", npyFile("<i4", "False", "(1, 3)", encode("<i4", 1, -2, 3)), "index of row 0: got -2, want an integer from 0"},
	}
}

// badIvecs returns files of vectors that break a rule of triplets.
func badIvecs() []badFile {
	return []badFile{
		{"empty", nil, "offset 0: length of data: got end of file, want 4 more bytes"},
		{"dimension 2", ivec(2, 1, 2), "offset 0: dimension of row 0: got 2, want 3"},
		{"dimension negative", ivec(-1, 1, 2), "offset 0: dimension of row 0: got -1, want from 1"},
		{"last byte missing", ivec(3, 1, 2, 3)[:15], "offset 0: length of data: got 15 bytes, want a multiple of 16 for dimension 3 of int32"},
		{"another dimension", filetest.Join(ivec(3, 1, 2, 3), ivec(2, 1, 2, 3)), "offset 16: dimension of row 1: got 2, want 3 as in row 0"},
		{"negative", filetest.Join(ivec(3, 1, 2, 3), ivec(3, 1, -2, 3)), "offset 24: index of row 1: got -2, want an integer from 0"},
	}
}

// badIvecsLabels returns files of vectors that break a rule of labels.
func badIvecsLabels() []badFile {
	return []badFile{
		{"empty", nil, "offset 0: length of data: got end of file, want 4 more bytes"},
		{"triplets", ivec(3, 1, 2, 3), "offset 0: dimension of row 0: got 3, want 1"},
		{"last byte missing", ivec(1, 1)[:7], "offset 0: length of data: got 7 bytes, want a multiple of 8 for dimension 1 of int32"},
		{"negative", filetest.Join(ivec(1, 1), ivec(1, -2)), "offset 12: label of row 1: got -2, want an integer from 0"},
	}
}

// badText returns texts that break a rule of labels.
func badText() []badFile {
	return []badFile{
		{"empty", nil, "line 1: labels: got end of file, want at least one"},
		{"not UTF-8", []byte("a\nb\xc3\n"), `line 2: label: got "b\xc3", want a name in UTF-8`},
		{"negative", []byte("1\n-1\n"), `line 2: label: got "-1", want an integer from 0`},
	}
}
