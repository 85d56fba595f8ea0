package images

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarRecord = 1 + 3*cifarPlane // a label, then the red, green and blue pixels
	maxCIFAR    = 1 << 30          // bytes of a file
)

var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// ReadCIFAR10 reads CIFAR-10 in its binary version from a folder: the images to train on from
// data_batch_1.bin to data_batch_5.bin, as far as they are present, and those to test on from
// test_batch.bin. If only one of these sets is present, it is split as by [ReadIDX].
//
// The format is that of Krizhevsky (www.cs.toronto.edu/~kriz/cifar.html): for each image a byte
// with its class, from 0 to 9, and 1,024 bytes of each channel.
func ReadCIFAR10(dir string) (train, test Set, err error) {
	m := Set{Width: cifarSide, Height: cifarSide, Channels: 3, Classes: cifarClasses}
	train, test = m, m
	for n := 1; n <= 5; n++ {
		if train, err = readCIFAR(train, filepath.Join(dir, fmt.Sprintf("data_batch_%d.bin", n))); err != nil {
			return Set{}, Set{}, fmt.Errorf("cifar: %w", err)
		}
	}
	if test, err = readCIFAR(test, filepath.Join(dir, "test_batch.bin")); err != nil {
		return Set{}, Set{}, fmt.Errorf("cifar: %w", err)
	}
	switch {
	case train.Len() == 0 && test.Len() == 0:
		return Set{}, Set{}, fmt.Errorf("cifar: %s: no file of images: want data_batch_1.bin or test_batch.bin", dir)
	case train.Len() == 0:
		train, test = splitFifth(test)
	case test.Len() == 0:
		train, test = splitFifth(train)
	}
	return train, test, nil
}

// readCIFAR appends the images of a file to m. If there is no such file, it returns m.
func readCIFAR(m Set, path string) (Set, error) {
	f, size, err := input.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return Set{}, err
	}
	defer f.Close()
	if m, err = decodeCIFAR(m, f, size); err != nil {
		return Set{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// decodeCIFAR appends the images of a file of size bytes to m.
func decodeCIFAR(m Set, f *os.File, size int64) (Set, error) {
	switch {
	case size == 0:
		return Set{}, input.Malformed(0, "number of images", 0, "at least 1")
	case size > maxCIFAR:
		return Set{}, input.Malformed(0, "length of data", fmt.Sprintf("%d bytes", size), fmt.Sprintf("at most %d", maxCIFAR))
	case size%cifarRecord != 0:
		return Set{}, input.Malformed(size-size%cifarRecord, "length of data", fmt.Sprintf("%d bytes", size), fmt.Sprintf("a multiple of %d", cifarRecord))
	}
	record := make([]byte, cifarRecord)
	pixels := make([]uint8, 0, len(m.Pixels)+int(size/cifarRecord)*3*cifarPlane)
	pixels = append(pixels, m.Pixels...)
	for at := int64(0); at < size; at += cifarRecord {
		if err := input.ReadAt(f, record, at); err != nil {
			return Set{}, err
		}
		label := int(record[0])
		if label >= len(cifarClasses) {
			return Set{}, input.Malformed(at, fmt.Sprintf("class of image %d", at/cifarRecord), label, fmt.Sprintf("from 0 to %d", len(cifarClasses)-1))
		}
		m.Labels = append(m.Labels, label)
		red, green, blue := record[1:1+cifarPlane], record[1+cifarPlane:1+2*cifarPlane], record[1+2*cifarPlane:]
		for i := range red {
			pixels = append(pixels, red[i], green[i], blue[i])
		}
	}
	m.Pixels = pixels
	return m, nil
}
