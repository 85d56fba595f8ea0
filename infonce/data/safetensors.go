package data

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	// maxHeader is the most bytes of a header, a sixth of what the format allows.
	maxHeader = 16 << 20

	// maxKeys is the most tensors, and the most metadata: 16 MiB of short names would take seconds
	// to read and 20 times their size in memory.
	maxKeys = 1 << 16

	// maxRank is the most dimensions of a tensor, the same as in NumPy and PyTorch.
	maxRank = 64

	metadataKey = "__metadata__"

	tensorChunk = 64 << 10 // bytes converted at a time
)

// A Tensor is an array of float32 with a name, its last dimension contiguous.
type Tensor struct {
	Name  string
	Shape []int     // empty for a single number
	Data  []float32 // as many as the product of Shape
}

// WriteSafetensors writes tensors and metadata in the safetensors format. The same arguments give
// the same bytes: tensors and metadata are sorted by name, and the header is padded with spaces to
// a multiple of 8 bytes.
//
// Before anything is written, it refuses what [ReadSafetensors] would not read back: a name given
// twice, "__metadata__" as a name, text that is not UTF-8 or contains U+FFFD, a shape that does not
// match the data, more than 64 dimensions, 65,536 tensors or 65,536 metadata, and a header over 16
// MiB.
//
// The format is that of huggingface.co/docs/safetensors: the length of the header as a
// little-endian uint64, the header in JSON, and the data in little-endian.
func WriteSafetensors(w io.Writer, tensors []Tensor, meta map[string]string) error {
	if err := writeSafetensors(w, tensors, meta); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

func writeSafetensors(w io.Writer, tensors []Tensor, meta map[string]string) error {
	tensors = slices.Clone(tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range tensors {
		if n, ok := elements(t.Shape); !ok || n != int64(len(t.Data)) {
			return fmt.Errorf("tensor %s: %d elements for shape %d", input.Quoted(t.Name), len(t.Data), t.Shape)
		}
	}
	header, err := encodeHeader(tensors, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	buf := make([]byte, tensorChunk)
	for _, t := range tensors {
		for chunk := range slices.Chunk(t.Data, tensorChunk/4) {
			for i, v := range chunk {
				binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
			}
			if _, err := w.Write(buf[:4*len(chunk)]); err != nil {
				return fmt.Errorf("tensor %s: %w", input.Quoted(t.Name), err)
			}
		}
	}
	return nil
}

// encodeHeader returns the header of tensors, with its length before it. They are sorted, and their
// bytes fit in memory.
func encodeHeader(tensors []Tensor, meta map[string]string) ([]byte, error) {
	if n := max(len(tensors), len(meta)); n > maxKeys {
		return nil, fmt.Errorf("%d tensors or metadata, want at most %d", n, maxKeys)
	}
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	separator := byte('{')
	if len(meta) > 0 {
		b.WriteString(`{"` + metadataKey + `":`)
		for _, key := range slices.Sorted(maps.Keys(meta)) {
			if !isText(key) || !isText(meta[key]) {
				return nil, fmt.Errorf("metadata %s: not UTF-8", input.Quoted(key))
			}
			b.WriteByte(separator)
			b.Write(quoteJSON(key))
			b.WriteByte(':')
			b.Write(quoteJSON(meta[key]))
			separator = ','
		}
		b.WriteByte('}')
	}
	end := int64(0)
	for i, t := range tensors {
		switch {
		case !isText(t.Name):
			return nil, fmt.Errorf("tensor %s: name is not UTF-8", input.Quoted(t.Name))
		case t.Name == metadataKey:
			return nil, fmt.Errorf("tensor %s: name is reserved", input.Quoted(t.Name))
		case i > 0 && t.Name == tensors[i-1].Name:
			return nil, fmt.Errorf("tensor %s: given twice", input.Quoted(t.Name))
		case len(t.Shape) > maxRank:
			return nil, fmt.Errorf("tensor %s: %d dimensions, want at most %d", input.Quoted(t.Name), len(t.Shape), maxRank)
		}
		n, _ := elements(t.Shape)
		begin := end
		end += 4 * n
		b.WriteByte(separator)
		b.Write(quoteJSON(t.Name))
		b.WriteString(`:{"dtype":"F32","shape":[`)
		for i, d := range t.Shape {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa(d))
		}
		fmt.Fprintf(&b, `],"data_offsets":[%d,%d]}`, begin, end)
		separator = ','
	}
	if separator == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	header := b.Bytes()
	if n := len(header) - 8; n > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, want at most %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

// isText reports whether s survives being written as JSON and read again. Because encoding/json
// reads an escape that stands for no character as U+FFFD, that character never counts as text.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, utf8.RuneError)
}

func quoteJSON(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string has a JSON form
	}
	return b
}

// elements returns the product of shape. It reports whether no dimension is negative and four bytes
// an element are less than 1<<63.
func elements(shape []int) (n int64, ok bool) {
	product := uint64(1)
	for _, d := range shape {
		hi, lo := bits.Mul64(product, uint64(d))
		if d < 0 || hi != 0 || lo > math.MaxInt64/4 {
			return 0, false
		}
		product = lo
	}
	return int64(product), true
}

// ReadSafetensors reads a file of size bytes in the safetensors format from r. It returns the
// tensors of float32 in the order of their data, and the metadata, nil if there is none. It takes
// no more memory for data than size justifies, and the header may have 16 MiB.
//
// It is strict where the format leaves readers a choice. Among others, it refuses element types
// other than F32, a name or key given twice, keys that the format does not have, more than 64
// dimensions, 65,536 tensors or 65,536 metadata, data that overlaps, leaves holes or does not end
// with the file, and text that is not UTF-8 or contains U+FFFD. Values may be NaN or infinite.
func ReadSafetensors(r io.Reader, size int64) ([]Tensor, map[string]string, error) {
	tensors, meta, err := readSafetensors(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	return tensors, meta, nil
}

func readSafetensors(r io.Reader, size int64) ([]Tensor, map[string]string, error) {
	entries, meta, start, err := readHeader(r, size, float32Only, false, math.MaxInt)
	if err != nil {
		return nil, nil, err
	}
	tensors := make([]Tensor, 0, len(entries))
	buf := make([]byte, tensorChunk)
	for _, e := range entries {
		data := make([]float32, (e.end-e.begin)/4)
		at := start + e.begin
		for chunk := range slices.Chunk(data, tensorChunk/4) {
			b := buf[:4*len(chunk)]
			if n, err := io.ReadFull(r, b); err != nil {
				return nil, nil, input.Short(err, at+int64(n), size)
			}
			for i := range chunk {
				chunk[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
			at += int64(len(b))
		}
		tensors = append(tensors, Tensor{Name: e.name, Shape: e.shape, Data: data})
	}
	return tensors, meta, nil
}

// readHeader reads the header of a file of size bytes: the tensors in the order of their data, the
// metadata, and the offset of the data.
func readHeader(r io.Reader, size int64, types []elementType, other bool, limit int64) (entries []entry, meta map[string]string, start int64, err error) {
	prefix := make([]byte, 8)
	if n, err := io.ReadFull(r, prefix); err != nil {
		return nil, nil, 0, input.Short(err, int64(n), 8)
	}
	n := binary.LittleEndian.Uint64(prefix)
	switch {
	case n < 2:
		return nil, nil, 0, input.Malformed(0, "length of header", n, "at least 2")
	case n > maxHeader:
		return nil, nil, 0, input.Malformed(0, "length of header", n, fmt.Sprintf("at most %d", maxHeader))
	case int64(n) > size-8:
		return nil, nil, 0, input.Malformed(0, "length of header", n, fmt.Sprintf("at most the %d that follow", size-8))
	}
	text := make([]byte, n)
	if n, err := io.ReadFull(r, text); err != nil {
		return nil, nil, 0, input.Short(err, 8+int64(n), 8+int64(len(text)))
	}
	if entries, meta, err = decodeHeader(text, types, other, limit); err != nil {
		return nil, nil, 0, err
	}
	start = 8 + int64(n)
	return entries, meta, start, checkLayout(entries, start, size)
}

// checkLayout sorts entries by their data, which must fill the file from start to size without a
// gap.
func checkLayout(entries []entry, start, size int64) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), strings.Compare(a.name, b.name))
	})
	end := int64(0)
	for _, e := range entries {
		switch {
		case e.begin > end:
			return input.Malformed(start+end, "no hole before tensor "+input.Quoted(e.name), e.begin, end)
		case e.begin < end:
			return input.Malformed(start+e.begin, "no overlap with tensor "+input.Quoted(e.name), e.begin, end)
		}
		end = e.end
	}
	if end != size-start {
		return input.Malformed(start+min(end, size-start), "length of data", fmt.Sprintf("%d bytes", size-start), end)
	}
	return nil
}
