package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/simd"
)

// maxLine is the most bytes in a line of text: 1,048,576 numbers of full precision fit.
const maxLine = 16 << 20

// A lineReader reads text line by line, and skips blank lines.
type lineReader struct {
	s    *bufio.Scanner
	line int  // number of the last line, from 1
	tabs bool // are no white space around a line
}

func newLineReader(f io.ReaderAt, size int64) *lineReader {
	l := &lineReader{s: bufio.NewScanner(io.NewSectionReader(f, 0, size))}
	l.s.Buffer(nil, maxLine+2)
	l.s.Split(scanLine)
	return l
}

// scanLine is bufio.ScanLines, but a carriage return ends a line too.
func scanLine(data []byte, atEOF bool) (advance int, line []byte, err error) {
	end := bytes.IndexByte(data, '\n')
	text := data
	if end >= 0 {
		text = data[:end]
	}
	cr := bytes.IndexByte(text, '\r')
	switch {
	case cr >= 0 && cr+1 == end:
		return end + 1, data[:cr], nil
	case cr >= 0 && (cr+1 < len(data) || atEOF):
		return cr + 1, data[:cr], nil
	case end >= 0:
		return end + 1, text, nil
	case atEOF && len(data) > 0:
		return len(data), data, nil
	}
	return 0, nil, nil // more data is needed
}

// next returns the next line without the white space around it, or nil at the end. The line is
// valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	for {
		text, err := l.raw()
		if text == nil || err != nil {
			return nil, err
		}
		if l.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff")) // Windows starts text with it
		}
		trimmed := bytes.TrimSpace(text)
		switch {
		case len(trimmed) == 0:
		case l.tabs:
			return bytes.Trim(text, " "), nil
		default:
			return trimmed, nil
		}
	}
}

// raw returns the next line as it is, or nil at the end.
func (l *lineReader) raw() ([]byte, error) {
	if l.s.Scan() {
		l.line++
		return l.s.Bytes()[:len(l.s.Bytes()):len(l.s.Bytes())], nil
	}
	switch err := l.s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, input.MalformedLine(l.line+1, "length of line", "more", fmt.Sprintf("at most %d bytes", maxLine))
	case err != nil:
		return nil, fmt.Errorf("line %d: %w", l.line+1, err)
	}
	return nil, nil
}

// malformed returns the error for the last line.
func (l *lineReader) malformed(rule string, got, want any) error {
	return input.MalformedLine(l.line, rule, got, want)
}

// ended returns the error for a file without a line that rule names.
func (l *lineReader) ended(rule string) error {
	return input.MalformedLine(l.line+1, rule, "end of file", "at least one")
}

// countLines returns roughly how many lines there are, and never fewer.
func countLines(f io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, min(size, arrayChunk))
	n := int64(1)
	for at := int64(0); at < size; at += int64(len(buf)) {
		buf = buf[:min(size-at, int64(len(buf)))]
		if err := input.ReadAt(f, buf, at); err != nil {
			return 0, err
		}
		// Windows ends lines with both. One of two may be in the next part, which counts more.
		n += int64(bytes.Count(buf, []byte{'\n'}) + bytes.Count(buf, []byte{'\r'}) - bytes.Count(buf, []byte("\r\n")))
	}
	return n, nil
}

// parseFloat returns the float32 nearest to a decimal number. Anything else is NaN, and a number
// that is too large infinite.
func parseFloat(text []byte) float32 {
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9', c == '+', c == '-', c == '.', c == 'e', c == 'E':
		default:
			return float32(math.NaN())
		}
	}
	v, err := strconv.ParseFloat(string(text), 32)
	if errors.Is(err, strconv.ErrSyntax) {
		return float32(math.NaN())
	}
	return float32(v)
}

// parseIndex returns a decimal integer from 0 to 1<<31 − 1.
func parseIndex(text []byte) (v int, ok bool) {
	u, err := strconv.ParseUint(string(text), 10, 31)
	return int(u), err == nil
}

// A textTable is the rows of a file of text while they are read.
type textTable struct {
	room   int64 // the most numbers that the file can hold: each takes two bytes with its separator
	lines  int64 // no fewer than rows
	n, dim int   // rows so far, and columns, 0 before the first row
	x      []float32
	labels labeler
}

func newTextTable(f io.ReaderAt, size int64) (*textTable, error) {
	if size > math.MaxInt/4 {
		return nil, fmt.Errorf("%d bytes of text do not fit in memory", size)
	}
	lines, err := countLines(f, size)
	return &textTable{room: size/2 + 1, lines: lines}, err
}

// begin starts a row. Before the first one, which has dim numbers, it makes room for all.
func (t *textTable) begin(dim int) {
	if t.dim == 0 {
		t.dim = dim
		room := t.room
		if t.lines < room/int64(dim)+1 {
			room = t.lines * int64(dim)
		}
		t.x = make([]float32, 0, room)
	}
	t.n++
}

// content returns what was read. It returns an error if only some rows have labels.
func (t *textTable) content(l *lineReader) (content, error) {
	if t.n == 0 {
		return content{}, l.ended("rows")
	}
	c := content{n: t.n, dim: t.dim}
	c.table = loaded{simd.Matrix{Rows: t.n, Cols: t.dim, Stride: t.dim, Data: t.x}}
	var err error
	c.labels, c.classes, err = t.labels.done()
	return c, err
}
