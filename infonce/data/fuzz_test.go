package data

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/simd"
)

// fuzzFiles fuzzes check with a file of that name, from all malformed ones on and the good ones.
func fuzzFiles(f *testing.F, name string, check func(t *testing.T, path string, file []byte), good ...[]byte) {
	const large = 1 << 16 // mutations of it are slow and find nothing more
	for _, file := range good {
		f.Add(file)
	}
	for _, c := range badCorpora {
		if c.file != name || c.bytes {
			continue
		}
		for _, bad := range c.files {
			if len(bad.file) < large {
				f.Add(bad.file)
			}
		}
	}
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		check(t, path, file)
	})
}

// fenced calls read, which must not take more than 64 MiB and twice the size of a file.
func fenced(t *testing.T, size int, read func() error) error {
	t.Helper()
	var err error
	took := allocated(func() { err = read() })
	if limit := uint64(64<<20 + 2*size); took > limit {
		t.Errorf("%d bytes allocated for a file of %d, error %v", took, size, err)
	}
	return err
}

// checkFuzzedRows requires a file of rows to be refused, or to hold the same finite numbers
// however it is read.
func checkFuzzedRows(t *testing.T, path string, file []byte) {
	var all simd.Matrix
	err := fenced(t, len(file), func() (err error) {
		all, err = ReadRows(path)
		return err
	})
	if err != nil {
		checkMalformed(t, err, filepath.Ext(path)[1:]+": "+path+": ", ": ")
		return
	}
	if len(all.Data) < 1 || nonFinite(all.Data) >= 0 {
		t.Fatalf("%d rows of %d, number %d is not finite", all.Rows, all.Cols, nonFinite(all.Data))
	}
	r, err := OpenRows(path)
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
	fuzzFiles(f, "bad.npy", checkFuzzedRows, twoRows, npyFile(">f8", "True", "(2, 3)", encode(">f8", 1, 4, 2, 5, 3, 6)), npyText(2, "{'shape': (1, 1), 'descr': '|u1', 'fortran_order': False}", []byte{7}))
}

// FuzzNPZ reads archives, and what is no archive as an array in one, where it must be what
// it is alone.
func FuzzNPZ(f *testing.F) {
	check := func(t *testing.T, path string, file []byte) {
		checkFuzzedRows(t, path, file)
		array := strings.TrimSuffix(path, ".npz") + ".npy"
		if err := os.WriteFile(array, file, 0o666); err != nil {
			t.Fatal(err)
		}
		want, refused := ReadRows(array)
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			whole := archive(packed{"x.npy", method, file})
			if err := os.WriteFile(path, whole, 0o666); err != nil {
				t.Fatal(err)
			}
			var got simd.Matrix
			err := fenced(t, len(whole), func() (err error) {
				got, err = ReadRows(path)
				return err
			})
			if refused != nil {
				checkMalformed(t, err, "npz: "+path+": ", ": ")
				continue
			}
			if len(file) > freeRatio && len(file)/maxRatio > len(whole) {
				continue // too good a compression
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("method %d: error %v or other rows", method, err)
			}
		}
	}
	fuzzFiles(f, "bad.npz", check, twoRows, archive(packed{"x.npy", zip.Store, twoRows}), archive(packed{"x.npy", zip.Deflate, twoRows},
		packed{"label.npy", zip.Deflate, npyFile("<i4", "False", "(2,)", encode("<i4", 0, 1))}))
}

func FuzzTensorRows(f *testing.F) {
	fuzzFiles(f, "bad.safetensors", checkFuzzedRows, tableFile(`"x":`+tensorText("F32", "[2,1]", 0, 8)+`,"label":`+tensorText("I8", "[2]", 8, 10), "\x00\x00\x80\x3f\x00\x00\x80\x3f\x05\x06"))
}

func FuzzFvecs(f *testing.F) {
	fuzzFiles(f, "bad.fvecs", checkFuzzedRows, join(vec(3, 1, 2, 3), vec(3, 4, 5, 6)))
}

func FuzzBvecs(f *testing.F) {
	fuzzFiles(f, "bad.bvecs", checkFuzzedRows, []byte{2, 0, 0, 0, 0, 255, 2, 0, 0, 0, 7, 8})
}

func FuzzCSV(f *testing.F) {
	fuzzFiles(f, "bad.csv", checkFuzzedRows, []byte("1,2.5\n-3,4e-3\n"), []byte("\ufeffid,label,x,\"y \"\"\"\n3,dog,1,2\r\n4,cat,3,4"))
}

func FuzzJSONL(f *testing.F) {
	fuzzFiles(f, "bad.jsonl", checkFuzzedRows, []byte("[1,2.5]\n[-3,4e-3]\n"), []byte("{\"text\":\"{\",\"label\":\"a\\u0041\",\"embedding\":[1,2],\"x\":[]}\n{\"embedding\":[3,4],\"label\":7}\n"))
}

// FuzzLabels has a file of each format, which kind chooses.
func FuzzLabels(f *testing.F) {
	extensions := []string{".npy", ".ivecs", ".txt", ".csv", ".jsonl", ".npz", ".safetensors", "-idx1-ubyte"}
	dir := f.TempDir()
	paths := make([]string, len(extensions))
	for kind, extension := range extensions {
		paths[kind] = filepath.Join(dir, "labels"+extension)
		for _, c := range badCorpora {
			for _, bad := range c.files {
				if filepath.Ext(c.file) == extension && strings.HasPrefix(c.file, "labels") {
					f.Add(uint8(kind), bad.file)
				}
			}
		}
	}
	for kind, file := range [][]byte{npyFile("<i8", "False", "(2,)", encode("<i8", 5, 0)), join(ivec(1, 4), ivec(1, 9)), []byte("dog\ncat\n"), []byte("path,class\na,dog\nb,\"cat\"\n"),
		[]byte("{\"label\":4}\n{\"class\":\"2\"}\n"), archive(packed{"x.npy", zip.Store, twoRows}, packed{"class.npy", zip.Store, npyFile("|u1", "False", "(2,)", []byte{1, 2})}), nil, idxBytes([]byte{7, 2}, 2)} {
		f.Add(uint8(kind), file)
	}
	f.Fuzz(func(t *testing.T, kind uint8, file []byte) {
		path := paths[int(kind)%len(paths)]
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		var labels []int
		var classes []string
		err := fenced(t, len(file), func() (err error) {
			labels, classes, err = ReadLabels(path)
			return err
		})
		if err != nil {
			checkMalformed(t, err, "", ": "+path+": ")
			return
		}
		checkFuzzedLabels(t, labels, classes)
	})
}

// FuzzTriplets has a file of each format, which kind chooses.
func FuzzTriplets(f *testing.F) {
	extensions := []string{".npy", ".ivecs", ".csv", ".jsonl"}
	dir := f.TempDir()
	paths := make([]string, len(extensions))
	for kind, extension := range extensions {
		paths[kind] = filepath.Join(dir, "triplets"+extension)
		for _, c := range badCorpora {
			for _, bad := range c.files {
				if c.file == "triplets"+extension {
					f.Add(uint8(kind), bad.file)
				}
			}
		}
	}
	for kind, file := range [][]byte{npyFile(">u4", "False", "(1, 3)", encode(">u4", 1, 2, 3)), ivec(3, 1, 2, 3), []byte("anchor,positive,negative\n1,2,3\n"), []byte("[1,2,3]\n{\"anchor\":1,\"negative\":3,\"positive\":2}")} {
		f.Add(uint8(kind), file)
	}
	f.Fuzz(func(t *testing.T, kind uint8, file []byte) {
		path := paths[int(kind)%len(paths)]
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		var triplets [][3]int
		err := fenced(t, len(file), func() (err error) {
			triplets, err = ReadTriplets(path)
			return err
		})
		if err != nil {
			checkMalformed(t, err, filepath.Ext(path)[1:]+": "+path+": ", ": ")
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

func FuzzCIFAR10(f *testing.F) {
	check := func(t *testing.T, path string, file []byte) {
		var train, test Images
		err := fenced(t, len(file), func() (err error) {
			train, test, err = ReadCIFAR10(filepath.Dir(path))
			return err
		})
		if err != nil {
			checkMalformed(t, err, "cifar: "+path+": ", ": ")
			return
		}
		if n := len(file) / cifarRecord; n*cifarRecord != len(file) || train.Len()+test.Len() != n || len(train.Labels) != train.Len() || len(test.Labels) != test.Len() {
			t.Fatalf("%d and %d images of %d bytes", train.Len(), test.Len(), len(file))
		}
		for _, m := range []Images{train, test} {
			for _, label := range m.Labels {
				if label < 0 || label > 9 {
					t.Fatalf("class %d", label)
				}
			}
		}
		if blue := file[1+2*cifarPlane+5]; train.At(0)[3*5+2] != blue {
			t.Fatalf("blue of pixel 5 is %d, want %d", train.At(0)[3*5+2], blue)
		}
	}
	fuzzFiles(f, "data_batch_1.bin", check, join(cifarImage(3, 1, 2, 3), cifarImage(9, 4, 5, 6)))
}

// summed returns a PNG with the right checksums, without which mutations would not come far.
func summed(file []byte) []byte {
	file = slices.Clone(file)
	for at := 8; at+12 <= len(file); {
		n := binary.BigEndian.Uint32(file[at:])
		if int64(n) > int64(len(file)-at-12) {
			break
		}
		end := at + 8 + int(n)
		binary.BigEndian.PutUint32(file[end:], crc32.ChecksumIEEE(file[at+4:end]))
		at = end + 4
	}
	return file
}

// FuzzPicture reads a picture of any format in a folder, in its size and in another. The bound of
// memory is of pixels too, since a good picture takes much more than its file.
func FuzzPicture(f *testing.F) {
	check := func(t *testing.T, path string, file []byte) {
		if strings.HasPrefix(string(file), "\x89PNG") {
			file = summed(file)
			if err := os.WriteFile(path, file, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		const pixel = 16 // bytes: 12 of coefficients of JPEG, and the picture
		fence := len(file) + pixel/2*len(file)*pixelsPerByte
		for _, size := range []ImageSize{{}, {5, 7, 3}, {300, 2, 1}} {
			var m Images
			err := fenced(t, fence, func() (err error) {
				m, err = ReadImageFolder(filepath.Dir(path), size)
				return err
			})
			if err != nil {
				checkMalformed(t, err, "images: "+path+": ", ": ")
				if size != (ImageSize{}) {
					continue
				}
				return
			}
			if m.Len() != 1 || m.Labels != nil || m.Width < 1 || m.Height < 1 || m.Channels != 1 && m.Channels != 3 ||
				size != (ImageSize{}) && size != (ImageSize{m.Width, m.Height, m.Channels}) {
				t.Fatalf("%d images of %d×%d with %d channels, want size %v", m.Len(), m.Width, m.Height, m.Channels, size)
			}
		}
	}
	fuzzFiles(f, "bad.png", check, pgm(2, 2, 1, 2, 3, 4), []byte("P3 1 1 7 # comment\n1 2 3"), []byte("P6 1 1 300\n\x01\x00\x00\x01\x00\x05"), goodPicture("png"), goodPicture("jpg"), goodPicture("gif"), goodPicture("bmp"))
}

// FuzzImageFolder has a folder of two images with names of the fuzzer.
func FuzzImageFolder(f *testing.F) {
	f.Add("s1", "1.pgm", pgm(1, 1, 1), "s2", "1.pgm", pgm(1, 1, 2))
	f.Add("train", "1.pgm", pgm(1, 1, 1), "test", "2.pgm", pgm(1, 1, 2))
	f.Add("", "train-images-idx3-ubyte", idxBytes(ramp(12), 2, 2, 3), "", "train-labels-idx1-ubyte", idxBytes([]byte{0, 1}, 2))
	f.Add("", "data_batch_1.bin", cifarImage(1, 2, 3, 4), "", "test_batch.bin", cifarImage(1, 2, 3, 4))
	f.Add("", "a.png", goodPicture("png"), ".git", "b.jpg", []byte{0xff})
	parent := f.TempDir()
	f.Fuzz(func(t *testing.T, class1, name1 string, file1 []byte, class2, name2 string, file2 []byte) {
		dir := filepath.Join(parent, "images")
		defer os.RemoveAll(dir)
		for i, name := range []string{class1, name1, class2, name2} {
			if strings.ContainsAny(name, "/\\\x00") || name == ".." || len(name) > 100 || i%2 > 0 && (name == "" || name == ".") {
				return // no name of a file
			}
		}
		for _, file := range []struct {
			path string
			data []byte
		}{{filepath.Join(dir, class1, name1), file1}, {filepath.Join(dir, class2, name2), file2}} {
			if os.MkdirAll(filepath.Dir(file.path), 0o777) != nil || os.WriteFile(file.path, file.data, 0o666) != nil {
				return // a file and a folder of one name
			}
		}
		total := len(file1) + len(file2)
		var train, test Images
		err := fenced(t, total+8*total*pixelsPerByte, func() (err error) {
			train, test, err = OpenImages(dir, ImageSize{})
			return err
		})
		if err != nil {
			checkMalformed(t, err, "", dir)
			return
		}
		for _, m := range []Images{train, test} {
			if m.Labels != nil && len(m.Labels) != m.Len() || len(m.Pixels) != m.Len()*m.size() {
				t.Fatalf("%d images with %d labels", m.Len(), len(m.Labels))
			}
			for _, label := range m.Labels {
				if label < 0 || label >= len(m.Classes) {
					t.Fatal(fmt.Sprintf("class %d of %q", label, m.Classes))
				}
			}
		}
	})
}
