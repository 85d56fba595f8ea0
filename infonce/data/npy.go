package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

const (
	npyMagic = "\x93NUMPY"

	// maxNPYHeader is the most bytes of a header. NumPy itself accepts 10,000.
	maxNPYHeader = 1 << 16
)

// npyNumbers are the element types, by their names without the byte order.
var npyNumbers = map[string]number.Type{
	"f2": number.Float16, "f4": number.Float32, "f8": number.Float64,
	"b1": number.Bool, "i1": number.Int8, "i2": number.Int16, "i4": number.Int32, "i8": number.Int64,
	"u1": number.Uint8, "u2": number.Uint16, "u4": number.Uint32, "u8": number.Uint64,
}

// An npy is the header of a .npy, in the format of NEP 1 and numpy.lib.format: the magic, two bytes
// of version, the length of a text as a little-endian uint16 or, since version 2, uint32, and the
// text, which is a Python dictionary.
type npy struct {
	of      number.Type
	order   binary.ByteOrder
	fortran bool // stored column after column
	shape   []int64
	shapeAt int64 // offset of the shape
	start   int64 // offset of the data
}

// decodeNPY reads the header from the start of a file of size bytes.
func decodeNPY(f io.Reader, size int64) (npy, error) {
	prefix := make([]byte, 12)
	n, err := io.ReadFull(f, prefix[:8])
	if err != nil {
		return npy{}, input.Short(err, int64(n), 8)
	}
	if string(prefix[:6]) != npyMagic {
		return npy{}, input.Malformed(0, "magic", input.Quoted(string(prefix[:6])), input.Quoted(npyMagic))
	}
	major, minor := prefix[6], prefix[7]
	if major < 1 || major > 3 || minor != 0 {
		return npy{}, input.Malformed(6, "version", fmt.Sprintf("%d.%d", major, minor), "1.0, 2.0 or 3.0")
	}
	width := 2
	if major > 1 {
		width = 4
	}
	if n, err := io.ReadFull(f, prefix[8:8+width]); err != nil {
		return npy{}, input.Short(err, 8+int64(n), 8+int64(width))
	}
	length := int64(binary.LittleEndian.Uint32(prefix[8:]))
	start := int64(8 + width)
	switch {
	case length > maxNPYHeader:
		return npy{}, input.Malformed(8, "length of header", length, fmt.Sprintf("at most %d", maxNPYHeader))
	case length > size-start:
		return npy{}, input.Malformed(8, "length of header", length, fmt.Sprintf("at most the %d that follow", size-start))
	}
	text := make([]byte, length)
	if n, err := io.ReadFull(f, text); err != nil {
		return npy{}, input.Short(err, start+int64(n), start+length)
	}
	p := pythonParser{text: string(text), offset: start}
	h, err := p.header()
	if err != nil {
		return npy{}, err
	}
	h.start = start + length
	return h, nil
}

// An elementTypeError is the error for an array of something other than numbers.
type elementTypeError struct{ error }

// npyDescr returns the type that descr stands for.
func npyDescr(descr string) (of number.Type, order binary.ByteOrder, ok bool) {
	if descr == "" {
		return number.Type{}, nil, false
	}
	of, ok = npyNumbers[descr[1:]]
	switch {
	case descr[0] == '>':
		order = binary.BigEndian
	case descr[0] == '<' || descr[0] == '|' && of.Size == 1:
		order = binary.LittleEndian
	default:
		ok = false
	}
	return of, order, ok
}

// array returns the array of one or two dimensions that fills the file after the header. If it is
// in Fortran order, its rows are the columns of the table.
func (h npy) array(f io.ReaderAt, size int64) (*array, error) {
	shape := h.shape
	if h.fortran && len(shape) == 2 {
		shape = []int64{shape[1], shape[0]}
	}
	a, err := newArray(f, h.start, size, shape, h.of, h.order)
	if err == nil {
		a.turned = h.fortran
	}
	return a, err
}

// openNPY opens the rows of a .npy. An array in Fortran order is read at once.
func openNPY(f io.ReaderAt, size int64) (content, error) {
	h, err := decodeNPY(io.NewSectionReader(f, 0, size), size)
	if err != nil {
		return content{}, err
	}
	if err := checkTable(h.shapeAt, h.shape); err != nil {
		return content{}, err
	}
	a, err := h.array(f, size)
	if err != nil {
		return content{}, err
	}
	return h.content(a, h.fortran)
}

// content returns the rows of an array. If now is set, it reads all of them.
func (h npy) content(a *array, now bool) (content, error) {
	if !now {
		return content{table: a, n: a.rows, dim: a.cols}, nil
	}
	m, err := a.load()
	if err != nil {
		return content{}, err
	}
	if h.fortran {
		m = transpose(m)
	}
	return content{table: loaded{m}, n: m.Rows, dim: m.Cols}, nil
}

// transpose returns the transpose of m.
func transpose(m simd.Matrix) simd.Matrix {
	t := simd.NewMatrix(m.Cols, m.Rows)
	for i := range t.Rows {
		row := t.Row(i)
		for j := range row {
			row[j] = m.Data[j*m.Stride+i]
		}
	}
	return t
}

func encodeNPY(rows, cols int) (encoder, error) {
	return encoder{npyHeader(rows, cols), writePlain}, nil
}

// npyHeader returns the header of a float32 array, of version 1 and padded with spaces so that the
// data begin at a multiple of 64 bytes, as NumPy writes it.
func npyHeader(rows, cols int) []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols)
	text += strings.Repeat(" ", 64-(10+len(text)+1)%64) + "\n"
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// A pythonParser reads the dictionary of a header, which has three keys, each once. It does not
// read Python in general.
type pythonParser struct {
	text   string
	i      int   // where the rest begins
	offset int64 // of text in the file
}

func (p *pythonParser) header() (h npy, err error) {
	h.shapeAt = -1
	var descr, order bool
	if err := p.expect("header", "{"); err != nil {
		return h, err
	}
	for !p.take("}") {
		at := p.at()
		key, err := p.string("key of header")
		if err != nil {
			return h, err
		}
		if err := p.expect("header after key", ":"); err != nil {
			return h, err
		}
		twice := false
		switch key {
		case "descr":
			twice, descr = descr, true
			at := p.at()
			name, err := p.string("element type")
			if err != nil {
				return h, elementTypeError{err}
			}
			var ok bool
			if h.of, h.order, ok = npyDescr(name); !ok {
				return h, elementTypeError{input.Malformed(at, "element type", input.Quoted(name), "f2, f4, f8, b1, i1 to i8 or u1 to u8 with its byte order, as in \"<f4\"")}
			}
		case "fortran_order":
			twice, order = order, true
			if h.fortran = p.take("True"); !h.fortran && !p.take("False") {
				return h, p.malformed("fortran_order", "True or False")
			}
		case "shape":
			twice, h.shapeAt = h.shapeAt >= 0, p.at()
			if h.shape, err = p.tuple(); err != nil {
				return h, err
			}
		default:
			return h, input.Malformed(at, "key of header", input.Quoted(key), "descr, fortran_order or shape")
		}
		if twice {
			return h, input.Malformed(at, "key of header", input.Quoted(key)+" twice", "once")
		}
		if !p.take(",") {
			if err := p.expect("header", "}"); err != nil {
				return h, err
			}
			break
		}
	}
	p.skip()
	switch {
	case p.i < len(p.text):
		return h, p.malformed("end of header", "spaces and a newline")
	case !descr:
		return h, input.Malformed(p.offset, "descr of header", "none", "an element type")
	case !order:
		return h, input.Malformed(p.offset, "fortran_order of header", "none", "True or False")
	case h.shapeAt < 0:
		return h, input.Malformed(p.offset, "shape of header", "none", "a tuple")
	}
	return h, nil
}

// skip skips white space.
func (p *pythonParser) skip() {
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.i]) >= 0 {
		p.i++
	}
}

// at returns the offset of the next token.
func (p *pythonParser) at() int64 {
	p.skip()
	return p.offset + int64(p.i)
}

// malformed returns the error for the rest of the text.
func (p *pythonParser) malformed(rule, want string) error {
	p.skip()
	rest := p.text[p.i:]
	if rest == "" {
		return input.Malformed(p.at(), rule, "end of header", want)
	}
	return input.Malformed(p.at(), rule, input.Quoted(rest[:min(len(rest), 16)]), want)
}

// take skips token and reports whether it was next.
func (p *pythonParser) take(token string) bool {
	p.skip()
	if !strings.HasPrefix(p.text[p.i:], token) {
		return false
	}
	p.i += len(token)
	return true
}

func (p *pythonParser) expect(what, token string) error {
	if p.take(token) {
		return nil
	}
	return p.malformed(what, input.Quoted(token))
}

// string reads a string without escapes.
func (p *pythonParser) string(what string) (string, error) {
	for _, quote := range []string{"'", `"`} {
		if !p.take(quote) {
			continue
		}
		s, _, ok := strings.Cut(p.text[p.i:], quote)
		if !ok || strings.ContainsAny(s, "\\\n") {
			return "", p.malformed(what, "a string of one line without escapes")
		}
		p.i += len(s) + 1
		return s, nil
	}
	return "", p.malformed(what, "a string")
}

// tuple reads a tuple of integers, such as (), (3,) or (3, 4). Python 2 wrote an L after long ones.
func (p *pythonParser) tuple() (shape []int64, err error) {
	if err := p.expect("shape", "("); err != nil {
		return nil, err
	}
	for !p.take(")") {
		p.skip()
		digits := p.text[p.i:]
		digits = digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))]
		d, err := strconv.ParseInt(digits, 10, 64)
		switch {
		case err != nil:
			return nil, p.malformed("shape", fmt.Sprintf("an integer from 0 to %d", int64(math.MaxInt64)))
		case len(shape) == maxRank:
			return nil, p.malformed("shape", fmt.Sprintf("at most %d dimensions", maxRank))
		}
		shape = append(shape, d)
		p.i += len(digits)
		p.take("L")
		if !p.take(",") {
			if len(shape) == 1 {
				return nil, p.malformed("shape", `","`) // in Python, (3) is no tuple
			}
			return shape, p.expect("shape", ")")
		}
	}
	return shape, nil
}
