package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	// maxIDX is the most bytes of pixels or labels that a file may declare.
	// The largest of the family, EMNIST ByClass, has 0.6 of it.
	maxIDX = 1 << 30

	// maxInflate is the most bytes that deflate makes of one
	// (zlib.net/zlib_tech.html, "Maximum Compression Factor").
	maxInflate = 1032
)

// ReadIDX reads a dataset of the MNIST family from a folder: the images of
// train-images-idx3-ubyte and t10k-images-idx3-ubyte and the classes of
// train-labels-idx1-ubyte and t10k-labels-idx1-ubyte. A file may be compressed by
// gzip, with or without .gz to its name, and its name may have a dot before idx.
// Where a file is present under several names, the plain one and then the one
// with the hyphen is read.
//
// Images without a file of labels are unlabelled. If only one of the two sets of
// images is present, it is split: every fifth image, the first being image 4, is
// in test, and the others are in train.
//
// A file of pixels or labels may hold up to 1 GiB. Offsets in errors are those in
// the file, or in what it decompresses to.
//
// The format is that of LeCun, Cortes and Burges: two zero bytes, 8 for unsigned
// bytes, the number of dimensions, each dimension as a big-endian uint32, data.
func ReadIDX(dir string) (train, test Images, err error) {
	train, trainOK, err := readIDXSet(dir, "train")
	if err != nil {
		return Images{}, Images{}, fmt.Errorf("idx: %w", err)
	}
	test, testOK, err := readIDXSet(dir, "t10k")
	if err != nil {
		return Images{}, Images{}, fmt.Errorf("idx: %w", err)
	}
	switch {
	case !trainOK && !testOK:
		return Images{}, Images{}, fmt.Errorf("idx: %s: no file of images: want train-images-idx3-ubyte or t10k-images-idx3-ubyte, plain or .gz", dir)
	case !trainOK:
		train, test = splitFifth(test)
	case !testOK:
		train, test = splitFifth(train)
	case train.Width != test.Width || train.Height != test.Height:
		return Images{}, Images{}, fmt.Errorf("idx: %s: t10k images: %w", dir, malformed(8, "rows and columns as in the train images",
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

// readIDXSet reads the images whose file names start with prefix, and their
// labels. It reports whether there are any.
func readIDXSet(dir, prefix string) (m Images, ok bool, err error) {
	path, err := findIDX(dir, prefix+"-images", "idx3-ubyte")
	if path == "" || err != nil {
		return Images{}, false, err
	}
	dims, pixels, err := readIDXFile(path, []string{"number of images", "rows", "columns"})
	if err != nil {
		return Images{}, false, err
	}
	m = Images{Width: dims[2], Height: dims[1], Channels: 1, Pixels: pixels}

	path, err = findIDX(dir, prefix+"-labels", "idx1-ubyte")
	if path == "" || err != nil {
		return m, err == nil, err
	}
	dims, labels, err := readIDXFile(path, []string{"number of labels"})
	if err != nil {
		return Images{}, false, err
	}
	if dims[0] != m.Len() {
		return Images{}, false, fmt.Errorf("%s: %w", path, malformed(4, "as many labels as images", dims[0], m.Len()))
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

// readIDXFile reads the file of len(names) dimensions, which have those names.
func readIDXFile(path string, names []string) (dims []int, data []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe could wait for ever
		return nil, nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if dims, data, err = decodeIDX(f, info.Size(), names); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return dims, data, nil
}

// decodeIDX reads the file of size bytes that f starts.
func decodeIDX(f io.Reader, size int64, names []string) (dims []int, data []byte, err error) {
	r, capacity := bufio.NewReader(f), size
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("offset 0: header of compression: %w", err)
		}
		r, capacity = bufio.NewReader(z), size*maxInflate
	}

	header := make([]byte, 4+4*len(names))
	if n, err := io.ReadFull(r, header); err != nil {
		return nil, nil, short(err, int64(n), int64(len(header)))
	}
	switch {
	case header[0] != 0 || header[1] != 0:
		return nil, nil, malformed(0, "two zero bytes", fmt.Sprintf("%#04x", header[:2]), "0x0000")
	case header[2] != 8:
		return nil, nil, malformed(2, "element type", fmt.Sprintf("%#02x", header[2]), "0x08, unsigned bytes")
	case int(header[3]) != len(names):
		return nil, nil, malformed(3, "number of dimensions", header[3], len(names))
	}
	total := uint64(1)
	for i, name := range names {
		at := 4 + 4*i
		dim := binary.BigEndian.Uint32(header[at:])
		if dim == 0 {
			return nil, nil, malformed(int64(at), name, 0, "at least 1")
		}
		// No overflow: total is at most 1<<30 before.
		if total *= uint64(dim); total > maxIDX {
			return nil, nil, malformed(int64(at), "product of dimensions", fmt.Sprintf("%d bytes so far", total), fmt.Sprintf("at most %d", maxIDX))
		}
		dims = append(dims, int(dim))
	}
	if held := capacity - int64(len(header)); int64(total) > held {
		return nil, nil, malformed(4, "product of dimensions", fmt.Sprintf("%d bytes", total), fmt.Sprintf("at most the %d that the file can hold", held))
	}

	// As much memory as the file is long may be taken at once, more only when
	// decompression has filled what there is.
	data = make([]byte, 0, min(total, max(uint64(size), 1<<16)))
	for uint64(len(data)) < total {
		if len(data) == cap(data) {
			data = slices.Grow(data, int(min(total-uint64(len(data)), uint64(len(data)))))
		}
		free := data[len(data):min(uint64(cap(data)), total)]
		n, err := io.ReadFull(r, free)
		data = data[:len(data)+n]
		if err != nil {
			return nil, nil, short(err, int64(len(header)+len(data)), int64(len(header))+int64(total))
		}
	}
	switch _, err := r.ReadByte(); err {
	case io.EOF:
		return dims, data, nil
	case nil:
		return nil, nil, malformed(int64(len(header)+len(data)), "end of data", "more bytes", "end of file")
	default:
		return nil, nil, fmt.Errorf("offset %d: end of data: %w", len(header)+len(data), err)
	}
}
