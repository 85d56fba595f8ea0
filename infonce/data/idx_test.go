package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// idxBytes returns a file of unsigned bytes.
func idxBytes(data []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

// ramp returns n bytes that count up.
func ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// patch returns b with the byte at i replaced; i counts from the end if
// negative.
func patch(b []byte, i int, v byte) []byte {
	b = bytes.Clone(b)
	if i < 0 {
		i += len(b)
	}
	b[i] = v
	return b
}

// folder returns a new folder of the given files.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadIDX(t *testing.T) {
	images := func(n, from int) Images {
		m := Images{Width: 3, Height: 2, Channels: 1, Pixels: make([]byte, 0, 6*n)}
		for i := range 6 * n {
			m.Pixels = append(m.Pixels, byte(from+i))
		}
		return m
	}
	labelled := func(m Images, classes int, labels ...int) Images {
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
		train, test Images
	}{
		{
			name: "both sets",
			files: map[string][]byte{
				"train-images-idx3-ubyte": idxBytes(ramp(18), 3, 2, 3),
				"train-labels-idx1-ubyte": idxBytes([]byte{0, 1, 0}, 3),
				"t10k-images-idx3-ubyte":  idxBytes(ramp(12), 2, 2, 3),
				"t10k-labels-idx1-ubyte":  idxBytes([]byte{1, 2}, 2),
			},
			train: labelled(images(3, 0), 3, 0, 1, 0),
			test:  labelled(images(2, 0), 3, 1, 2),
		},
		{
			name: "compressed, dots",
			files: map[string][]byte{
				"train-images.idx3-ubyte.gz": gzipped(idxBytes(ramp(18), 3, 2, 3)),
				"train-labels.idx1-ubyte":    idxBytes([]byte{0, 1, 0}, 3),
				"t10k-images.idx3-ubyte":     idxBytes(ramp(12), 2, 2, 3),
				"t10k-labels-idx1-ubyte.gz":  gzipped(idxBytes([]byte{1, 2}, 2)),
			},
			train: labelled(images(3, 0), 3, 0, 1, 0),
			test:  labelled(images(2, 0), 3, 1, 2),
		},
		{
			name: "compression and name disagree",
			files: map[string][]byte{
				"train-images-idx3-ubyte":   gzipped(idxBytes(ramp(18), 3, 2, 3)),
				"t10k-images-idx3-ubyte.gz": idxBytes(ramp(12), 2, 2, 3),
			},
			train: images(3, 0),
			test:  images(2, 0),
		},
		{
			name: "plain before compressed",
			files: map[string][]byte{
				"train-images-idx3-ubyte":    idxBytes(ramp(18), 3, 2, 3),
				"train-images-idx3-ubyte.gz": []byte("not read"),
				"train-images.idx3-ubyte":    []byte("not read"),
				"t10k-images-idx3-ubyte":     idxBytes(ramp(12), 2, 2, 3),
			},
			train: images(3, 0),
			test:  images(2, 0),
		},
		{
			name: "only t10k is split",
			files: map[string][]byte{
				"t10k-images-idx3-ubyte": idxBytes(ramp(72), 12, 2, 3),
				"t10k-labels-idx1-ubyte": idxBytes([]byte{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}, 12),
			},
			train: labelled(twelve.Subset([]int{0, 1, 2, 3, 5, 6, 7, 8, 10, 11}), 6, 0, 1, 2, 3, 5, 0, 1, 2, 4, 5),
			test:  labelled(twelve.Subset([]int{4, 9}), 6, 4, 3),
		},
		{
			name: "only train is split",
			files: map[string][]byte{
				"train-images-idx3-ubyte": idxBytes(ramp(36), 6, 2, 3),
			},
			train: images(6, 0).Subset([]int{0, 1, 2, 3, 5}),
			test:  images(6, 0).Subset([]int{4}),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			train, held, err := ReadIDX(folder(t, test.files))
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
	train, test, err := ReadIDX(folder(t, map[string][]byte{
		"t10k-images-idx3-ubyte.gz": gzipped(idxBytes(pixels, 300, 10, 100)),
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
	good := idxBytes(ramp(12), 2, 2, 3)
	zipped := gzipped(good)
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
		{"first byte set", patch(good, 0, 1), "offset 0: two zero bytes: got 0x0100, want 0x0000"},
		{"second byte set", patch(good, 1, 0x8b), "offset 0: two zero bytes: got 0x008b, want 0x0000"},
		{"text", []byte("<html><body>404 Not Found"), "offset 0: two zero bytes: got 0x3c68"},
		{"little-endian magic", patch(patch(good, 0, 3), 3, 0), "offset 0: two zero bytes: got 0x0300"},
		{"no type", patch(good, 2, 0), "offset 2: element type: got 0x00, want 0x08"},
		{"int8", patch(good, 2, 9), "offset 2: element type: got 0x09, want 0x08"},
		{"int16", patch(good, 2, 0xb), "offset 2: element type: got 0x0b, want 0x08"},
		{"int32", patch(good, 2, 0xc), "offset 2: element type: got 0x0c, want 0x08"},
		{"float32", patch(good, 2, 0xd), "offset 2: element type: got 0x0d, want 0x08"},
		{"float64", patch(good, 2, 0xe), "offset 2: element type: got 0x0e, want 0x08"},
		{"no dimensions", patch(good, 3, 0), "offset 3: number of dimensions: got 0, want 3"},
		{"labels for images", idxBytes(ramp(12), 12), "offset 3: number of dimensions: got 1, want 3"},
		{"four dimensions", idxBytes(ramp(12), 2, 2, 3, 1), "offset 3: number of dimensions: got 4, want 3"},
		{"255 dimensions", patch(good, 3, 255), "offset 3: number of dimensions: got 255, want 3"},
		{"no images", idxBytes(nil, 0, 2, 3), "offset 4: number of images: got 0, want at least 1"},
		{"no rows", idxBytes(nil, 2, 0, 3), "offset 8: rows: got 0, want at least 1"},
		{"no columns", idxBytes(nil, 2, 2, 0), "offset 12: columns: got 0, want at least 1"},
		{"little-endian dimension", idxBytes(ramp(12), 2<<24, 2, 3), "offset 4: product of dimensions: got 201326592 bytes, want at most the 12"},
		{"over the limit", idxBytes(ramp(12), 1<<20, 1<<5, 1<<5+1), "offset 12: product of dimensions: got 1107296256 bytes so far, want at most 1073741824"},
		{"over 32 bits", idxBytes(ramp(12), 1<<16, 1<<16, 3), "offset 8: product of dimensions: got 4294967296 bytes so far"},
		{"zero in 32 bits", idxBytes(nil, 1<<16, 1<<8, 1<<8), "offset 12: product of dimensions: got 4294967296 bytes so far"},
		{"negative in 32 bits", idxBytes(ramp(12), max, 2, 3), "offset 4: product of dimensions: got 4294967295 bytes so far"},
		{"over 64 bits", idxBytes(ramp(12), max, max, max), "offset 4: product of dimensions: got 4294967295 bytes so far"},

		{"compressed: two bytes", zipped[:2], "offset 0: header of compression: unexpected EOF"},
		{"compressed: method", patch(zipped, 2, 7), "offset 0: header of compression: gzip: invalid header"},
		{"compressed: header only", zipped[:10], "offset 0: length of data: got end of file, want 16 more bytes"},
		{"compressed: truncated", zipped[:len(zipped)-20], "length of data: got end of file"},
		{"compressed: no checksum", zipped[:len(zipped)-8], "offset 28: end of data: unexpected EOF"},
		{"compressed: wrong checksum", patch(zipped, -8, zipped[len(zipped)-8]+1), "offset 28: end of data: gzip: invalid checksum"},
		{"compressed: wrong length", patch(zipped, -1, 1), "offset 28: end of data: gzip: invalid checksum"},
		{"compressed: not deflate", patch(zipped, 10, 0xff), "offset 0: flate: corrupt input"},
		{"compressed: trailing bytes", append(bytes.Clone(zipped), "junk"...), "offset 28: end of data: unexpected EOF"},
		{"compressed: another file", append(bytes.Clone(zipped), zipped...), "offset 28: end of data: got more bytes, want end of file"},
		{"compressed: last byte missing", gzipped(good[:27]), "offset 27: length of data: got end of file, want 1 more bytes"},
		{"compressed: trailing byte", gzipped(append(bytes.Clone(good), 0)), "offset 28: end of data: got more bytes"},
		{"compressed: bomb", gzipped(append(bytes.Clone(good), make([]byte, 1<<24)...)), "offset 28: end of data: got more bytes"},
		{"compressed: more than can be", gzipped(idxBytes(ramp(12), 1000, 10, 100)), "offset 4: product of dimensions: got 1000000 bytes, want at most the"},
		{"compressed: twice", gzipped(zipped), "offset 0: two zero bytes: got 0x1f8b"},
	}
}

func readIDXFolder(path string) error {
	_, _, err := ReadIDX(filepath.Dir(path))
	return err
}

// TestReadIDXMismatch has files each well formed, or missing.
func TestReadIDXMismatch(t *testing.T) {
	const train, labels, held = "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"
	two := idxBytes(ramp(12), 2, 2, 3)
	for _, test := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"no files", nil, ": no file of images: want train-images-idx3-ubyte or t10k-images-idx3-ubyte"},
		{"labels only", map[string][]byte{labels: idxBytes(ramp(2), 2)}, ": no file of images"},
		{"fewer labels", map[string][]byte{train: two, labels: idxBytes(ramp(1), 1)}, labels + ": offset 4: as many labels as images: got 1, want 2"},
		{"more labels", map[string][]byte{train: two, labels: idxBytes(ramp(3), 3)}, labels + ": offset 4: as many labels as images: got 3, want 2"},
		{"images for labels", map[string][]byte{train: two, labels: two}, labels + ": offset 3: number of dimensions: got 3, want 1"},
		{"no label", map[string][]byte{train: two, labels: idxBytes(nil, 0)}, labels + ": offset 4: number of labels: got 0, want at least 1"},
		{"truncated labels", map[string][]byte{train: two, labels: idxBytes(ramp(1), 2)}, labels + ": offset 4: product of dimensions: got 2 bytes, want at most the 1"},
		{"other size", map[string][]byte{train: two, held: idxBytes(ramp(12), 2, 3, 2)}, ": t10k images: offset 8: rows and columns as in the train images: got 3 and 2, want 2 and 3"},
		{"one good, one bad", map[string][]byte{train: two, held: two[:20]}, held + ": offset 4: product of dimensions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := folder(t, test.files)
			_, _, err := ReadIDX(dir)
			checkMalformed(t, err, "idx: "+dir, test.want)
		})
	}
	t.Run("no folder", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "missing")
		_, _, err := ReadIDX(dir)
		checkMalformed(t, err, "idx: "+dir, ": no file of images")
	})
	t.Run("a folder for a file", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, train), 0o777); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadIDX(dir)
		checkMalformed(t, err, "idx: "+filepath.Join(dir, train), ": not a regular file")
	})
}

// checkMalformed requires an error of one line that starts with prefix and
// contains want.
func checkMalformed(t *testing.T, err error, prefix, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), want):
		t.Errorf("error %q, want %q to start it and %q in it", err, prefix, want)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("error of several lines: %q", err)
	}
}

// TestReadIDXMemory has a header that promises 1 GiB where there is 1 MiB. The
// file could hold it, had it compressed that well.
func TestReadIDXMemory(t *testing.T) {
	const size = 1 << 20
	file := gzipped(idxBytes(ramp(size), 1<<10, 1<<10, 1<<10))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := decodeIDX(bytes.NewReader(file), size, []string{"n", "rows", "columns"})
	runtime.ReadMemStats(&after)
	checkMalformed(t, err, "offset 1048592: ", "length of data: got end of file, want 1072693248 more bytes")
	if got := after.TotalAlloc - before.TotalAlloc; got > 8*size {
		t.Errorf("%d bytes allocated for a file of %d", got, size)
	}
}

func FuzzIDX(f *testing.F) {
	good := idxBytes(ramp(12), 2, 2, 3)
	f.Add(good)
	f.Add(gzipped(good))
	f.Add(idxBytes(ramp(5), 5))
	f.Add(good[:20])
	f.Add(idxBytes(nil, 1<<16, 1<<8, 1<<8))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, names := range [][]string{{"labels"}, {"images", "rows", "columns"}} {
			dims, data, err := decodeIDX(bytes.NewReader(file), int64(len(file)), names)
			if err != nil {
				checkMalformed(t, err, "offset ", ": ")
				continue
			}
			n := make([]uint32, len(dims))
			product := 1
			for i, d := range dims {
				n[i] = uint32(d)
				product *= d
			}
			if product != len(data) {
				t.Fatalf("%d bytes of dimensions %d", len(data), dims)
			}
			if again := idxBytes(data, n...); file[0] == 0 && !bytes.Equal(again, file) {
				t.Fatalf("%x decoded to dimensions %d and %x", file, dims, data)
			}
		}
	})
}
