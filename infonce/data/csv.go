package data

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// maxFields is the most fields in a line of .csv.
const maxFields = 1 << 20

// splitFields appends the fields of a line to dst. A field in quotes may contain the separator, and
// quotes that are doubled (RFC 4180).
func splitFields(dst [][]byte, l *lineReader, line []byte, separator byte) ([][]byte, error) {
	space := " \t"
	if separator == '\t' {
		space = " "
	}
	if n := min(bytes.Count(line, []byte{separator})+1, maxFields); n > cap(dst) {
		dst = make([][]byte, 0, n)
	}
	for {
		if len(dst) == maxFields {
			return nil, l.malformed("number of fields", "more", fmt.Sprintf("at most %d", maxFields))
		}
		field := bytes.TrimLeft(line, space)
		if len(field) == 0 || field[0] != '"' {
			field, rest, more := bytes.Cut(line, []byte{separator})
			dst = append(dst, bytes.TrimSpace(field))
			if !more {
				return dst, nil
			}
			line = rest
			continue
		}
		end, doubled := 1, false
		for {
			n := bytes.IndexByte(field[end:], '"')
			if n < 0 {
				return nil, l.malformed(fmt.Sprintf("field %d", len(dst)+1), "no second quote", "one")
			}
			if end += n + 1; end == len(field) || field[end] != '"' {
				break
			}
			doubled = true
			end++
		}
		text, rest := field[1:end-1], bytes.TrimLeft(field[end:], space)
		if doubled {
			text = bytes.ReplaceAll(text, []byte(`""`), []byte{'"'})
		}
		dst = append(dst, text)
		switch {
		case len(rest) == 0:
			return dst, nil
		case rest[0] != separator:
			return nil, l.malformed(fmt.Sprintf("field %d", len(dst)), "text after the second quote", "a comma")
		}
		line = rest[1:]
	}
}

// quoteOpen reports whether a quoted field goes on after text, of which quoted says whether it
// begins within one.
func quoteOpen(text []byte, quoted bool, separator byte) bool {
	start := true // of a field
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '"' && i+1 < len(text) && text[i+1] == '"':
			i++
		case quoted:
			quoted = c != '"'
		case c == separator:
			start = true
		case c == '"' && start:
			quoted, start = true, false
		case c != ' ' && c != '\t':
			start = false
		}
	}
	return quoted
}

// A csvReader reads the lines of a .csv.
type csvReader struct {
	*lineReader
	separator byte
	record    []byte   // of several lines
	fields    [][]byte // of the last line
	label     int      // the field with the label, −1 if there is none
	skip      []bool   // which fields are left out; false for label
	names     []string // of the fields, nil if they have none
}

// newCSVReader reads the first line, and the second one if the first has the names of the columns.
// The function data reports whether a field is data and not a name.
func newCSVReader(f io.ReaderAt, size int64, data func(field []byte) bool) (*csvReader, error) {
	r := &csvReader{lineReader: newLineReader(f, size), separator: ',', label: -1}
	r.tabs = true
	comment, line, err := r.begin()
	if err != nil {
		return nil, err
	}
	if line == nil {
		return nil, r.ended("rows")
	}
	if bytes.IndexByte(line, ',') < 0 && bytes.IndexByte(line, '\t') >= 0 {
		r.separator = '\t'
	}
	if err := r.splitRecord(line); err != nil {
		return nil, err
	}
	r.skip = make([]bool, len(r.fields))
	if names, err := splitFields(nil, r.lineReader, comment, r.separator); err == nil && comment != nil && len(names) == len(r.fields) {
		first := r.fields
		r.fields = names
		if err := r.nameColumns(); err != nil {
			return nil, err
		}
		r.fields = first
		return r, nil
	}
	if !r.named(data) {
		for i, field := range r.fields {
			if r.label < 0 && len(field) > 0 && !data(field) {
				r.label = i
			}
		}
		return r, nil
	}
	if err := r.nameColumns(); err != nil {
		return nil, err
	}
	ok, err := r.next()
	if err == nil && !ok {
		err = r.ended("rows")
	}
	return r, err
}

// begin returns the first line that is no comment, and a copy of the last comment before it,
// without its mark: as NumPy writes it, it has the names of the columns.
func (r *csvReader) begin() (comment, line []byte, err error) {
	for {
		line, err := r.lineReader.next()
		if line == nil || err != nil || line[0] != '#' {
			return comment, line, err
		}
		comment = bytes.Clone(bytes.TrimLeft(line, "#"))
	}
}

// nameColumns takes the fields for the names of the columns.
func (r *csvReader) nameColumns() error {
	for i, field := range r.fields {
		name := string(field)
		r.names = append(r.names, name)
		switch {
		case isLabels(name) && r.label >= 0:
			return r.malformed("names of columns", input.Quoted(r.names[r.label])+" and "+input.Quoted(name), "one of labels")
		case isLabels(name):
			r.label = i
		case name == "" || strings.EqualFold(name, "id"):
			r.skip[i] = true
		}
	}
	return nil
}

// named reports whether the first line has the names of columns.
func (r *csvReader) named(data func(field []byte) bool) bool {
	none := true
	for i, field := range r.fields {
		name := string(field)
		if isLabels(name) || strings.EqualFold(name, "id") || i == 0 && name == "" && len(r.fields) > 1 {
			return true
		}
		none = none && !data(field)
	}
	return none
}

// split reads the fields of the next line, and reports whether there is one.
func (r *csvReader) split() (ok bool, err error) {
	line, err := r.lineReader.next()
	if line == nil || err != nil {
		return false, err
	}
	err = r.splitRecord(line)
	return err == nil, err
}

// splitRecord reads the fields of a line, and of those after it into which a quoted field goes on.
func (r *csvReader) splitRecord(line []byte) (err error) {
	if bytes.IndexByte(line, '"') >= 0 && quoteOpen(line, false, r.separator) {
		first := r.line
		r.record = append(r.record[:0], line...)
		for open := true; open; {
			line, err := r.raw()
			if err != nil {
				return err
			}
			if line == nil || len(r.record)+len(line) >= maxLine {
				return input.MalformedLine(first, "quoted field", "no second quote", fmt.Sprintf("one within %d bytes", maxLine))
			}
			open = quoteOpen(line, true, r.separator)
			r.record = append(append(r.record, '\n'), line...)
		}
		line = r.record
	}
	r.fields, err = splitFields(r.fields[:0], r.lineReader, line, r.separator)
	return err
}

// next is split, but returns an error if there are more or fewer fields than in the first line.
func (r *csvReader) next() (ok bool, err error) {
	if ok, err = r.split(); ok && len(r.fields) != len(r.skip) {
		return false, r.malformed("number of fields", len(r.fields), fmt.Sprintf("%d as in the first line", len(r.skip)))
	}
	return ok, err
}

// rule names a field for an error.
func (r *csvReader) rule(i int) string {
	rule := fmt.Sprintf("number in field %d", i+1)
	if r.names != nil {
		rule += " " + input.Quoted(r.names[i])
	}
	return rule
}

// isNumber reports whether a field is a number, finite or not.
func isNumber(field []byte) bool {
	if v := parseFloat(field); v == v {
		return true
	}
	switch strings.ToLower(string(field)) {
	case "nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity":
		return true
	}
	return false
}

func openCSV(f io.ReaderAt, size int64) (content, error) {
	t, err := newTextTable(f, size)
	if err != nil {
		return content{}, err
	}
	r, err := newCSVReader(f, size, isNumber)
	if err != nil {
		return content{}, err
	}
	var columns []int
	for i, skip := range r.skip {
		if !skip && i != r.label {
			columns = append(columns, i)
		}
	}
	if len(columns) == 0 {
		return content{}, r.malformed("columns of numbers", "none", "at least one")
	}
	for ok := true; ok; {
		t.begin(len(columns))
		for _, i := range columns {
			v := parseFloat(r.fields[i])
			if number.NonFinite([]float32{v}) == 0 {
				return content{}, r.malformed(r.rule(i), input.Quoted(string(r.fields[i])), "a finite float32")
			}
			t.x = append(t.x, v)
		}
		if r.label >= 0 {
			if err := t.labels.add(r.fields[r.label], r.line); err != nil {
				return content{}, err
			}
		}
		if ok, err = r.next(); err != nil {
			return content{}, err
		}
	}
	return t.content(r.lineReader)
}

func encodeCSV(_, cols int) (encoder, error) { return encodeText(cols, "", "\n") }

// csvLabels returns the labels of a .csv: its column of labels, or the only column.
func csvLabels(f io.ReaderAt, size int64) ([]int, []string, error) {
	r, err := newCSVReader(f, size, func([]byte) bool { return true })
	if err != nil {
		return nil, nil, err
	}
	switch {
	case r.label >= 0:
	case len(r.skip) > 1:
		return nil, nil, r.malformed("columns", len(r.skip), `one, or one named "label" or "class"`)
	default:
		r.label = 0
	}
	var l labeler
	for ok := true; ok; {
		if err := l.add(r.fields[r.label], r.line); err != nil {
			return nil, nil, err
		}
		if ok, err = r.next(); err != nil {
			return nil, nil, err
		}
	}
	return l.done()
}

// csvTriplets returns the triplets of a .csv with three columns.
func csvTriplets(f io.ReaderAt, size int64) (triplets [][3]int, err error) {
	r, err := newCSVReader(f, size, func(field []byte) bool { _, ok := parseIndex(field); return ok })
	if err != nil {
		return nil, err
	}
	if len(r.skip) != 3 {
		return nil, r.malformed("number of fields", len(r.skip), "3, anchor, positive and negative")
	}
	for ok := true; ok; {
		var t [3]int
		for i, field := range r.fields {
			v, ok := parseIndex(field)
			if !ok {
				return nil, r.malformed(fmt.Sprintf("index in field %d", i+1), input.Quoted(string(field)), fmt.Sprintf("an integer from 0 to %d", math.MaxInt32))
			}
			t[i] = v
		}
		triplets = append(triplets, t)
		if ok, err = r.next(); err != nil {
			return nil, err
		}
	}
	return triplets, nil
}
