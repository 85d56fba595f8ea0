package images

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/contrast-go/contrast/infonce/data/internal/idx"
	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// ReadIDX reads a dataset of the MNIST family from a folder: the images of train-images-idx3-ubyte
// and t10k-images-idx3-ubyte and the classes of train-labels-idx1-ubyte and t10k-labels-idx1-ubyte.
// A file may be compressed by gzip, whether or not its name ends with .gz, and its name may have a
// dot before idx. If a file is present under several names, a plain one is preferred, and then one
// with a hyphen.
//
// Images without a file of labels are unlabelled. If only one of the two sets is present, it is
// split: every fifth image, the first being image 4, goes to test, and the others to train.
//
// A file of pixels or labels may hold up to 1 GiB. Offsets in errors are those in the file, or in
// what it decompresses to.
//
// The format is that of LeCun, Cortes and Burges: two zero bytes, 8 for unsigned bytes, the number
// of dimensions, each dimension as a big-endian uint32, and the data.
func ReadIDX(dir string) (train, test Set, err error) {
	train, trainOK, err := readIDXSet(dir, "train")
	if err != nil {
		return Set{}, Set{}, fmt.Errorf("idx: %w", err)
	}
	test, testOK, err := readIDXSet(dir, "t10k")
	if err != nil {
		return Set{}, Set{}, fmt.Errorf("idx: %w", err)
	}
	switch {
	case !trainOK && !testOK:
		return Set{}, Set{}, fmt.Errorf("idx: %s: no file of images: want train-images-idx3-ubyte or t10k-images-idx3-ubyte, plain or .gz", dir)
	case !trainOK:
		train, test = splitFifth(test)
	case !testOK:
		train, test = splitFifth(train)
	case train.Width != test.Width || train.Height != test.Height:
		return Set{}, Set{}, fmt.Errorf("idx: %s: t10k images: %w", dir, input.Malformed(8, "rows and columns as in the train images",
			fmt.Sprintf("%d and %d", test.Height, test.Width), fmt.Sprintf("%d and %d", train.Height, train.Width)))
	}
	classes := 0
	for _, label := range slices.Concat(train.Labels, test.Labels) {
		classes = max(classes, label+1)
	}
	for c := range classes {
		train.Classes = append(train.Classes, strconv.Itoa(c))
	}
	test.Classes = train.Classes
	return train, test, nil
}

// readIDXSet reads the images whose file names start with prefix, and their labels. It reports
// whether there are any.
func readIDXSet(dir, prefix string) (m Set, ok bool, err error) {
	path, err := findIDX(dir, prefix+"-images", "idx3-ubyte")
	if path == "" || err != nil {
		return Set{}, false, err
	}
	dims, pixels, err := idx.Read(path, "number of images", "rows", "columns")
	if err != nil {
		return Set{}, false, err
	}
	m = Set{Width: dims[2], Height: dims[1], Channels: 1, Pixels: pixels}

	path, err = findIDX(dir, prefix+"-labels", "idx1-ubyte")
	if path == "" || err != nil {
		return m, err == nil, err
	}
	dims, labels, err := idx.Read(path, "number of labels")
	if err != nil {
		return Set{}, false, err
	}
	if dims[0] != m.Len() {
		return Set{}, false, fmt.Errorf("%s: %w", path, input.Malformed(4, "as many labels as images", dims[0], m.Len()))
	}
	m.Labels = make([]int, len(labels))
	for i, label := range labels {
		m.Labels[i] = int(label)
	}
	return m, true, nil
}

// findIDX returns the path of a file in dir, "" if there is none.
func findIDX(dir, name, kind string) (string, error) {
	for _, format := range []string{"%s-%s", "%s.%s", "%s-%s.gz", "%s.%s.gz"} {
		path := filepath.Join(dir, fmt.Sprintf(format, name, kind))
		switch _, err := os.Stat(path); {
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	return "", nil
}
