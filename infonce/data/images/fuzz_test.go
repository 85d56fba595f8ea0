package images

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

func FuzzCIFAR10(f *testing.F) {
	check := func(t *testing.T, path string, file []byte) {
		var train, test Set
		err := filetest.Fenced(t, len(file), func() (err error) {
			train, test, err = ReadCIFAR10(filepath.Dir(path))
			return err
		})
		if err != nil {
			filetest.CheckError(t, err, "cifar: "+path+": ", ": ")
			return
		}
		if n := len(file) / cifarRecord; n*cifarRecord != len(file) || train.Len()+test.Len() != n || len(train.Labels) != train.Len() || len(test.Labels) != test.Len() {
			t.Fatalf("%d and %d images of %d bytes", train.Len(), test.Len(), len(file))
		}
		for _, m := range []Set{train, test} {
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
	filetest.Fuzz(f, badCorpora, "data_batch_1.bin", check, filetest.Join(cifarImage(3, 1, 2, 3), cifarImage(9, 4, 5, 6)))
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

// fuzzedPicture is the most bytes of a picture in fuzz tests, so that they are fast.
const fuzzedPicture = 8 << 20

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
		const fence = fuzzedPicture
		for _, size := range []Size{{}, {5, 7, 3}, {300, 2, 1}} {
			var m Set
			err := filetest.Fenced(t, fence, func() (err error) {
				m, err = ReadFolder(filepath.Dir(path), size)
				return err
			})
			if err != nil {
				filetest.CheckError(t, err, "images: "+path+": ", ": ")
				if size != (Size{}) {
					continue
				}
				return
			}
			if m.Len() != 1 || m.Labels != nil || m.Width < 1 || m.Height < 1 || m.Channels != 1 && m.Channels != 3 ||
				size != (Size{}) && size != (Size{m.Width, m.Height, m.Channels}) {
				t.Fatalf("%d images of %d×%d with %d channels, want size %v", m.Len(), m.Width, m.Height, m.Channels, size)
			}
		}
	}
	filetest.Fuzz(f, badCorpora, "bad.png", check, pgm(2, 2, 1, 2, 3, 4), []byte("P3 1 1 7 # comment\n1 2 3"), []byte("P6 1 1 300\n\x01\x00\x00\x01\x00\x05"), goodPicture("png"), goodPicture("jpg"), goodPicture("gif"), goodPicture("bmp"))
}

// FuzzOpen has a folder of two images with names of the fuzzer.
func FuzzOpen(f *testing.F) {
	filetest.LowerLimit(f, fuzzedPicture)
	f.Add("s1", "1.pgm", pgm(1, 1, 1), "s2", "1.pgm", pgm(1, 1, 2))
	f.Add("train", "1.pgm", pgm(1, 1, 1), "test", "2.pgm", pgm(1, 1, 2))
	f.Add("", "train-images-idx3-ubyte", filetest.IDX(filetest.Ramp(12), 2, 2, 3), "", "train-labels-idx1-ubyte", filetest.IDX([]byte{0, 1}, 2))
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
		var train, test Set
		err := filetest.Fenced(t, total+2*fuzzedPicture, func() (err error) {
			train, test, err = Open(dir, Size{})
			return err
		})
		if err != nil {
			filetest.CheckError(t, err, "", dir)
			return
		}
		for _, m := range []Set{train, test} {
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
