package images

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// cifarImage returns an image of a file, of a class, whose channels are constant.
func cifarImage(class, red, green, blue byte) []byte {
	b := []byte{class}
	for _, v := range []byte{red, green, blue} {
		b = append(b, bytes.Repeat([]byte{v}, 1024)...)
	}
	return b
}

func TestReadCIFAR10(t *testing.T) {
	first := cifarImage(3, 10, 20, 30)
	first[1+33], first[1+1024+33], first[1+2048+33] = 1, 2, 3 // row 1, column 1
	train, test, err := ReadCIFAR10(filetest.Folder(t, map[string][]byte{
		"data_batch_1.bin": filetest.Join(first, cifarImage(9, 1, 1, 1)),
		"data_batch_4.bin": cifarImage(0, 2, 2, 2),
		"test_batch.bin":   cifarImage(5, 7, 8, 9),
		"batches.meta.txt": []byte("not read"),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 3 || test.Len() != 1 || !slices.Equal(train.Labels, []int{3, 9, 0}) || !slices.Equal(test.Labels, []int{5}) {
		t.Fatalf("%d images of %v, %d of %v", train.Len(), train.Labels, test.Len(), test.Labels)
	}
	if train.Classes[3] != "cat" || test.Classes[5] != "dog" || train.Width != 32 || train.Height != 32 || train.Channels != 3 {
		t.Errorf("classes %q, size %d×%d×%d", train.Classes, train.Width, train.Height, train.Channels)
	}
	if m := train.At(0); !slices.Equal(m[3*32:3*34], []byte{10, 20, 30, 1, 2, 3}) || !slices.Equal(m[3*1023:], []byte{10, 20, 30}) {
		t.Errorf("pixels %v of row 1", m[3*32:3*34])
	}
	if m := test.At(0); !slices.Equal(m[:6], []byte{7, 8, 9, 7, 8, 9}) {
		t.Errorf("pixels %v", m[:6])
	}
	five := bytes.Repeat(cifarImage(1, 1, 1, 1), 5)
	train, test, err = ReadCIFAR10(filetest.Folder(t, map[string][]byte{"test_batch.bin": five}))
	if err != nil || train.Len() != 4 || test.Len() != 1 {
		t.Errorf("one file is split into %d and %d, error %v", train.Len(), test.Len(), err)
	}
	dir := t.TempDir()
	_, _, err = ReadCIFAR10(dir)
	filetest.CheckError(t, err, "cifar: "+dir, ": no file of images: want data_batch_1.bin or test_batch.bin")
}

// badCIFAR returns files of images that break a rule.
func badCIFAR() []badFile {
	two := filetest.Join(cifarImage(1, 1, 2, 3), cifarImage(2, 1, 2, 3))
	return []badFile{
		{"empty", nil, "offset 0: number of images: got 0, want at least 1"},
		{"label only", two[:1], "offset 0: length of data: got 1 bytes, want a multiple of 3073"},
		{"last byte missing", two[:len(two)-1], "offset 3073: length of data: got 6145 bytes, want a multiple of 3073"},
		{"trailing byte", append(two, 0), "offset 6146: length of data: got 6147 bytes, want a multiple of 3073"},
		{"class 10", filetest.Patch(two, 3073, 10), "offset 3073: class of image 1: got 10, want from 0 to 9"},
		{"class 255", filetest.Patch(two, 0, 255), "offset 0: class of image 0: got 255, want from 0 to 9"},
		{"CIFAR-100", bytes.Repeat(append([]byte{1}, cifarImage(1, 1, 2, 3)...), 3), "offset 9219: length of data: got 9222 bytes, want a multiple of 3073"},
		{"compressed", filetest.Gzipped(two), "offset 0: length of data: got"},
	}
}

func readCIFARFolder(path string) error {
	_, _, err := ReadCIFAR10(filepath.Dir(path))
	return err
}
