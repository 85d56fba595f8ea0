// Package idx reads the files of the MNIST family.
package idx

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	// maxBytes is the most bytes of pixels or labels that a file may declare. The largest of the
	// family, EMNIST ByClass, has 0.6 of it.
	maxBytes = 1 << 30

	// maxInflate is the most bytes that deflate makes of one byte (zlib.net/zlib_tech.html,
	// "Maximum Compression Factor").
	maxInflate = 1032
)

// Read returns the dimensions and the bytes of a file. Errors call the dimensions by names, of
// which there must be as many. The file may be compressed by gzip.
//
// The format is that of LeCun, Cortes and Burges: two zero bytes, 8 for unsigned bytes, the number
// of dimensions, each dimension as a big-endian uint32, and the data.
func Read(path string, names ...string) (dims []int, data []byte, err error) {
	f, size, err := input.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if dims, data, err = Decode(f, size, names...); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return dims, data, nil
}

// Decode is [Read] of the size bytes of f.
func Decode(f io.Reader, size int64, names ...string) (dims []int, data []byte, err error) {
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
		return nil, nil, input.Short(err, int64(n), int64(len(header)))
	}
	switch {
	case header[0] != 0 || header[1] != 0:
		return nil, nil, input.Malformed(0, "two zero bytes", fmt.Sprintf("%#04x", header[:2]), "0x0000")
	case header[2] != 8:
		return nil, nil, input.Malformed(2, "element type", fmt.Sprintf("%#02x", header[2]), "0x08, unsigned bytes")
	case int(header[3]) != len(names):
		return nil, nil, input.Malformed(3, "number of dimensions", header[3], len(names))
	}
	total := uint64(1)
	for i, name := range names {
		at := 4 + 4*i
		dim := binary.BigEndian.Uint32(header[at:])
		if dim == 0 {
			return nil, nil, input.Malformed(int64(at), name, 0, "at least 1")
		}
		// No overflow: total was at most 1<<30.
		if total *= uint64(dim); total > maxBytes {
			return nil, nil, input.Malformed(int64(at), "product of dimensions", fmt.Sprintf("%d bytes so far", total), fmt.Sprintf("at most %d", maxBytes))
		}
		dims = append(dims, int(dim))
	}
	if held := capacity - int64(len(header)); int64(total) > held {
		return nil, nil, input.Malformed(4, "product of dimensions", fmt.Sprintf("%d bytes", total), fmt.Sprintf("at most the %d that the file can hold", held))
	}

	// Take at most as much memory as the file has bytes, and more only when decompression has
	// filled it.
	data = make([]byte, 0, min(total, max(uint64(size), 1<<16)))
	for uint64(len(data)) < total {
		if len(data) == cap(data) {
			data = slices.Grow(data, int(min(total-uint64(len(data)), uint64(len(data)))))
		}
		free := data[len(data):min(uint64(cap(data)), total)]
		n, err := io.ReadFull(r, free)
		data = data[:len(data)+n]
		if err != nil {
			return nil, nil, input.Short(err, int64(len(header)+len(data)), int64(len(header))+int64(total))
		}
	}
	switch _, err := r.ReadByte(); err {
	case io.EOF:
		return dims, data, nil
	case nil:
		return nil, nil, input.Malformed(int64(len(header)+len(data)), "end of data", "more bytes", "end of file")
	default:
		return nil, nil, fmt.Errorf("offset %d: end of data: %w", len(header)+len(data), err)
	}
}
