package images

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

func TestReadIDX(t *testing.T) {
	images := func(n, from int) Set {
		m := Set{Width: 3, Height: 2, Channels: 1, Pixels: make([]byte, 0, 6*n)}
		for i := range 6 * n {
			m.Pixels = append(m.Pixels, byte(from+i))
		}
		return m
	}
	labelled := func(m Set, classes int, labels ...int) Set {
		m.Labels = labels
		for c := range classes {
			m.Classes = append(m.Classes, string(rune('0'+c)))
		}
		return m
	}
	twelve := images(12, 0)
	twelve.Labels = []int{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}

	tests := []struct {
		name        string
		files       map[string][]byte
		train, test Set
	}{
		{
			name: "both sets",
			files: map[string][]byte{
				"train-images-idx3-ubyte": filetest.IDX(filetest.Ramp(18), 3, 2, 3),
				"train-labels-idx1-ubyte": filetest.IDX([]byte{0, 1, 0}, 3),
				"t10k-images-idx3-ubyte":  filetest.IDX(filetest.Ramp(12), 2, 2, 3),
				"t10k-labels-idx1-ubyte":  filetest.IDX([]byte{1, 2}, 2),
			},
			train: labelled(images(3, 0), 3, 0, 1, 0),
			test:  labelled(images(2, 0), 3, 1, 2),
		},
		{
			name: "compressed, dots",
			files: map[string][]byte{
				"train-images.idx3-ubyte.gz": filetest.Gzipped(filetest.IDX(filetest.Ramp(18), 3, 2, 3)),
				"train-labels.idx1-ubyte":    filetest.IDX([]byte{0, 1, 0}, 3),
				"t10k-images.idx3-ubyte":     filetest.IDX(filetest.Ramp(12), 2, 2, 3),
				"t10k-labels-idx1-ubyte.gz":  filetest.Gzipped(filetest.IDX([]byte{1, 2}, 2)),
			},
			train: labelled(images(3, 0), 3, 0, 1, 0),
			test:  labelled(images(2, 0), 3, 1, 2),
		},
		{
			name: "compression and name disagree",
			files: map[string][]byte{
				"train-images-idx3-ubyte":   filetest.Gzipped(filetest.IDX(filetest.Ramp(18), 3, 2, 3)),
				"t10k-images-idx3-ubyte.gz": filetest.IDX(filetest.Ramp(12), 2, 2, 3),
			},
			train: images(3, 0),
			test:  images(2, 0),
		},
		{
			name: "plain before compressed",
			files: map[string][]byte{
				"train-images-idx3-ubyte":    filetest.IDX(filetest.Ramp(18), 3, 2, 3),
				"train-images-idx3-ubyte.gz": []byte("not read"),
				"train-images.idx3-ubyte":    []byte("not read"),
				"t10k-images-idx3-ubyte":     filetest.IDX(filetest.Ramp(12), 2, 2, 3),
			},
			train: images(3, 0),
			test:  images(2, 0),
		},
		{
			name: "only t10k is split",
			files: map[string][]byte{
				"t10k-images-idx3-ubyte": filetest.IDX(filetest.Ramp(72), 12, 2, 3),
				"t10k-labels-idx1-ubyte": filetest.IDX([]byte{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}, 12),
			},
			train: labelled(twelve.Subset([]int{0, 1, 2, 3, 5, 6, 7, 8, 10, 11}), 6, 0, 1, 2, 3, 5, 0, 1, 2, 4, 5),
			test:  labelled(twelve.Subset([]int{4, 9}), 6, 4, 3),
		},
		{
			name: "only train is split",
			files: map[string][]byte{
				"train-images-idx3-ubyte": filetest.IDX(filetest.Ramp(36), 6, 2, 3),
			},
			train: images(6, 0).Subset([]int{0, 1, 2, 3, 5}),
			test:  images(6, 0).Subset([]int{4}),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			train, held, err := ReadIDX(filetest.Folder(t, test.files))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(train, test.train) {
				t.Errorf("train is %v, want %v", train, test.train)
			}
			if !reflect.DeepEqual(held, test.test) {
				t.Errorf("test is %v, want %v", held, test.test)
			}
		})
	}
}

// TestReadIDXLarge reads more than is allocated at once of a compressed file.
func TestReadIDXLarge(t *testing.T) {
	pixels := make([]byte, 300*1000)
	for i := range pixels {
		pixels[i] = byte(i >> 8)
	}
	train, test, err := ReadIDX(filetest.Folder(t, map[string][]byte{
		"t10k-images-idx3-ubyte.gz": filetest.Gzipped(filetest.IDX(pixels, 300, 10, 100)),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 240 || test.Len() != 60 {
		t.Fatalf("split into %d and %d images, want 240 and 60", train.Len(), test.Len())
	}
	for i := range 300 {
		got, want := train, i-i/5
		if i%5 == 4 {
			got, want = test, i/5
		}
		if !bytes.Equal(got.At(want), pixels[i*1000:(i+1)*1000]) {
			t.Fatalf("image %d differs", i)
		}
	}
}

// badIDX returns files of images that break a rule.
func badIDX() []badFile {
	good := filetest.IDX(filetest.Ramp(12), 2, 2, 3)
	zipped := filetest.Gzipped(good)
	const max = 0xffffffff
	return []badFile{
		{"empty", nil, "offset 0: length of data: got end of file, want 16 more bytes"},
		{"one byte", good[:1], "offset 1: length of data: got end of file, want 15 more bytes"},
		{"magic only", good[:4], "offset 4: length of data: got end of file, want 12 more bytes"},
		{"half a dimension", good[:10], "offset 10: length of data: got end of file, want 6 more bytes"},
		{"no last dimension", good[:12], "offset 12: length of data: got end of file, want 4 more bytes"},
		{"no data", good[:16], "offset 4: product of dimensions: got 12 bytes, want at most the 0 that the file can hold"},
		{"last byte missing", good[:27], "offset 4: product of dimensions: got 12 bytes, want at most the 11"},
		{"trailing byte", append(bytes.Clone(good), 0), "offset 28: end of data: got more bytes, want end of file"},
		{"first byte set", filetest.Patch(good, 0, 1), "offset 0: two zero bytes: got 0x0100, want 0x0000"},
		{"second byte set", filetest.Patch(good, 1, 0x8b), "offset 0: two zero bytes: got 0x008b, want 0x0000"},
		{"text", []byte("<html><body>404 Not Found"), "offset 0: two zero bytes: got 0x3c68"},
		{"little-endian magic", filetest.Patch(filetest.Patch(good, 0, 3), 3, 0), "offset 0: two zero bytes: got 0x0300"},
		{"no type", filetest.Patch(good, 2, 0), "offset 2: element type: got 0x00, want 0x08"},
		{"int8", filetest.Patch(good, 2, 9), "offset 2: element type: got 0x09, want 0x08"},
		{"int16", filetest.Patch(good, 2, 0xb), "offset 2: element type: got 0x0b, want 0x08"},
		{"int32", filetest.Patch(good, 2, 0xc), "offset 2: element type: got 0x0c, want 0x08"},
		{"float32", filetest.Patch(good, 2, 0xd), "offset 2: element type: got 0x0d, want 0x08"},
		{"float64", filetest.Patch(good, 2, 0xe), "offset 2: element type: got 0x0e, want 0x08"},
		{"no dimensions", filetest.Patch(good, 3, 0), "offset 3: number of dimensions: got 0, want 3"},
		{"labels for images", filetest.IDX(filetest.Ramp(12), 12), "offset 3: number of dimensions: got 1, want 3"},
		{"four dimensions", filetest.IDX(filetest.Ramp(12), 2, 2, 3, 1), "offset 3: number of dimensions: got 4, want 3"},
		{"255 dimensions", filetest.Patch(good, 3, 255), "offset 3: number of dimensions: got 255, want 3"},
		{"no images", filetest.IDX(nil, 0, 2, 3), "offset 4: number of images: got 0, want at least 1"},
		{"no rows", filetest.IDX(nil, 2, 0, 3), "offset 8: rows: got 0, want at least 1"},
		{"no columns", filetest.IDX(nil, 2, 2, 0), "offset 12: columns: got 0, want at least 1"},
		{"little-endian dimension", filetest.IDX(filetest.Ramp(12), 2<<24, 2, 3), "offset 4: product of dimensions: got 201326592 bytes, want at most the 12"},
		{"over the limit", filetest.IDX(filetest.Ramp(12), 1<<20, 1<<5, 1<<5+1), "offset 12: product of dimensions: got 1107296256 bytes so far, want at most 1073741824"},
		{"over 32 bits", filetest.IDX(filetest.Ramp(12), 1<<16, 1<<16, 3), "offset 8: product of dimensions: got 4294967296 bytes so far"},
		{"zero in 32 bits", filetest.IDX(nil, 1<<16, 1<<8, 1<<8), "offset 12: product of dimensions: got 4294967296 bytes so far"},
		{"negative in 32 bits", filetest.IDX(filetest.Ramp(12), max, 2, 3), "offset 4: product of dimensions: got 4294967295 bytes so far"},
		{"over 64 bits", filetest.IDX(filetest.Ramp(12), max, max, max), "offset 4: product of dimensions: got 4294967295 bytes so far"},

		{"compressed: two bytes", zipped[:2], "offset 0: header of compression: unexpected EOF"},
		{"compressed: method", filetest.Patch(zipped, 2, 7), "offset 0: header of compression: gzip: invalid header"},
		{"compressed: header only", zipped[:10], "offset 0: length of data: got end of file, want 16 more bytes"},
		{"compressed: truncated", zipped[:len(zipped)-20], "length of data: got end of file"},
		{"compressed: no checksum", zipped[:len(zipped)-8], "offset 28: end of data: unexpected EOF"},
		{"compressed: wrong checksum", filetest.Patch(zipped, -8, zipped[len(zipped)-8]+1), "offset 28: end of data: gzip: invalid checksum"},
		{"compressed: wrong length", filetest.Patch(zipped, -1, 1), "offset 28: end of data: gzip: invalid checksum"},
		{"compressed: not deflate", filetest.Patch(zipped, 10, 0xff), "offset 0: flate: corrupt input"},
		{"compressed: trailing bytes", append(bytes.Clone(zipped), "junk"...), "offset 28: end of data: unexpected EOF"},
		{"compressed: another file", append(bytes.Clone(zipped), zipped...), "offset 28: end of data: got more bytes, want end of file"},
		{"compressed: last byte missing", filetest.Gzipped(good[:27]), "offset 27: length of data: got end of file, want 1 more bytes"},
		{"compressed: trailing byte", filetest.Gzipped(append(bytes.Clone(good), 0)), "offset 28: end of data: got more bytes"},
		{"compressed: bomb", filetest.Gzipped(append(bytes.Clone(good), make([]byte, 1<<24)...)), "offset 28: end of data: got more bytes"},
		{"compressed: more than can be", filetest.Gzipped(filetest.IDX(filetest.Ramp(12), 1000, 10, 100)), "offset 4: product of dimensions: got 1000000 bytes, want at most the"},
		{"compressed: twice", filetest.Gzipped(zipped), "offset 0: two zero bytes: got 0x1f8b"},
	}
}

func readIDXFolder(path string) error {
	_, _, err := ReadIDX(filepath.Dir(path))
	return err
}

// TestReadIDXMismatch has files each well formed, or missing.
func TestReadIDXMismatch(t *testing.T) {
	const train, labels, held = "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"
	two := filetest.IDX(filetest.Ramp(12), 2, 2, 3)
	for _, test := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"no files", nil, ": no file of images: want train-images-idx3-ubyte or t10k-images-idx3-ubyte"},
		{"labels only", map[string][]byte{labels: filetest.IDX(filetest.Ramp(2), 2)}, ": no file of images"},
		{"fewer labels", map[string][]byte{train: two, labels: filetest.IDX(filetest.Ramp(1), 1)}, labels + ": offset 4: as many labels as images: got 1, want 2"},
		{"more labels", map[string][]byte{train: two, labels: filetest.IDX(filetest.Ramp(3), 3)}, labels + ": offset 4: as many labels as images: got 3, want 2"},
		{"images for labels", map[string][]byte{train: two, labels: two}, labels + ": offset 3: number of dimensions: got 3, want 1"},
		{"no label", map[string][]byte{train: two, labels: filetest.IDX(nil, 0)}, labels + ": offset 4: number of labels: got 0, want at least 1"},
		{"truncated labels", map[string][]byte{train: two, labels: filetest.IDX(filetest.Ramp(1), 2)}, labels + ": offset 4: product of dimensions: got 2 bytes, want at most the 1"},
		{"other size", map[string][]byte{train: two, held: filetest.IDX(filetest.Ramp(12), 2, 3, 2)}, ": t10k images: offset 8: rows and columns as in the train images: got 3 and 2, want 2 and 3"},
		{"one good, one bad", map[string][]byte{train: two, held: two[:20]}, held + ": offset 4: product of dimensions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filetest.Folder(t, test.files)
			_, _, err := ReadIDX(dir)
			filetest.CheckError(t, err, "idx: "+dir, test.want)
		})
	}
	t.Run("no folder", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "missing")
		_, _, err := ReadIDX(dir)
		filetest.CheckError(t, err, "idx: "+dir, ": no file of images")
	})
	t.Run("a folder for a file", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, train), 0o777); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadIDX(dir)
		filetest.CheckError(t, err, "idx: "+filepath.Join(dir, train), ": not a regular file")
	})
}
