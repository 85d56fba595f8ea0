package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// jsonl reads lines of JSON.
type jsonl struct{ *lineReader }

// next returns the next line, which is valid JSON, or nil at the end.
func (r jsonl) next() ([]byte, error) {
	line, err := r.lineReader.next()
	if line == nil || err != nil {
		return nil, err
	}
	if !json.Valid(line) {
		err := json.Unmarshal(line, new(json.RawMessage))
		return nil, fmt.Errorf("line %d: JSON: %w", r.line, err)
	}
	return line, nil
}

// valueEnd returns where the first value of valid JSON ends, or the first key with its value.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}', ',':
			if depth == 0 {
				return i
			}
			if text[i] != ',' {
				depth--
			}
		case '"':
			i += stringEnd(text[i:]) - 1
		}
	}
	return len(text)
}

// stringEnd returns where the string at the start of valid JSON ends.
func stringEnd(text []byte) int {
	i := 1
	for ; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// members calls use with each key of an object, which is valid JSON, and its value.
func (r jsonl) members(object []byte, use func(key string, value []byte) error) error {
	for rest := bytes.TrimSpace(object[1:]); rest[0] != '}'; {
		end := valueEnd(rest)
		colon := stringEnd(rest)
		key, err := r.text("key", rest[:colon])
		if err != nil {
			return err
		}
		_, value, _ := bytes.Cut(rest[colon:end], []byte{':'})
		if err := use(key, bytes.TrimSpace(value)); err != nil {
			return err
		}
		rest = bytes.TrimSpace(bytes.TrimPrefix(rest[end:], []byte{','}))
	}
	return nil
}

// elements calls use with each value of an array, which is valid JSON.
func (r jsonl) elements(array []byte, use func(i int, value []byte) error) error {
	rest := bytes.TrimSpace(array[1:])
	for i := 0; rest[0] != ']'; i++ {
		end := valueEnd(rest)
		if err := use(i, bytes.TrimSpace(rest[:end])); err != nil {
			return err
		}
		rest = bytes.TrimSpace(bytes.TrimPrefix(rest[end:], []byte{','}))
	}
	return nil
}

// text returns the text of a string.
func (r jsonl) text(rule string, value []byte) (string, error) {
	var s string
	if err := json.Unmarshal(value, &s); err != nil || value[0] != '"' || !isText(s) {
		return "", r.malformed(rule, input.Quoted(string(value)), "a string in UTF-8 without U+FFFD")
	}
	return s, nil
}

// label adds a label, which is a string or an integer.
func (r jsonl) label(l *labeler, value []byte) error {
	if value[0] != '"' {
		if _, ok := parseIndex(value); !ok {
			return r.malformed("label", input.Quoted(string(value)), fmt.Sprintf("a string, or an integer from 0 to %d", math.MaxInt32))
		}
		return l.add(value, r.line)
	}
	name, err := r.text("label", value)
	if err != nil {
		return err
	}
	return l.add([]byte(name), r.line)
}

// A jsonlTable is the rows of a .jsonl while they are read.
type jsonlTable struct {
	jsonl
	*textTable
	bare bool   // lines are arrays
	key  string // of the vector in lines that are objects
}

func openJSONL(f io.ReaderAt, size int64) (content, error) {
	text, err := newTextTable(f, size)
	if err != nil {
		return content{}, err
	}
	t := &jsonlTable{jsonl: jsonl{newLineReader(f, size)}, textTable: text}
	for {
		line, err := t.next()
		if err != nil {
			return content{}, err
		}
		if line == nil {
			return t.content(t.lineReader)
		}
		if err := t.add(line); err != nil {
			return content{}, err
		}
	}
}

// add adds a line to the table.
func (t *jsonlTable) add(line []byte) error {
	if t.n == 0 {
		if err := t.choose(line); err != nil {
			return err
		}
	}
	if t.bare {
		if line[0] != '[' {
			return t.malformed("line", input.Quoted(string(line)), "an array as in the first line")
		}
		return t.vector(line)
	}
	if line[0] != '{' {
		return t.malformed("line", input.Quoted(string(line)), "an object as in the first line")
	}
	vectors, labels := 0, len(t.labels.labels)
	err := t.members(line, func(key string, value []byte) error {
		switch {
		case key == t.key:
			if vectors++; vectors > 1 {
				return t.malformed("key", input.Quoted(key)+" twice", "once")
			}
			return t.vector(value)
		case isLabels(key):
			return t.label(&t.labels, value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	labels = len(t.labels.labels) - labels
	switch {
	case vectors == 0:
		return t.malformed("key", "none "+input.Quoted(t.key), "an array of numbers as in the first line")
	case labels > 1:
		return t.malformed("labels", labels, "one a line")
	case len(t.labels.labels) != 0 && len(t.labels.labels) != t.n:
		return t.malformed("labels", fmt.Sprintf("%d so far", len(t.labels.labels)), fmt.Sprintf("%d or none, as many as lines", t.n))
	}
	return nil
}

// choose finds the vector in the first line.
func (t *jsonlTable) choose(line []byte) error {
	switch line[0] {
	case '[':
		t.bare = true
		return nil
	case '{':
	default:
		return t.malformed("line", input.Quoted(string(line)), "an array or an object")
	}
	var keys []string
	err := t.members(line, func(key string, value []byte) error {
		if value[0] == '[' {
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if len(keys) == 1 || key == "embedding" || key == rowsName {
			t.key = key
			return nil
		}
	}
	return t.malformed("keys of arrays", len(keys), fmt.Sprintf(`one, or one named "embedding" or %q`, rowsName))
}

// vector adds the numbers of an array as a row of the table.
func (t *jsonlTable) vector(array []byte) error {
	if array[0] != '[' {
		return t.malformed("vector", input.Quoted(string(array)), "an array of numbers")
	}
	dim := t.dim
	if dim == 0 {
		t.elements(array, func(int, []byte) error { dim++; return nil })
		if dim == 0 {
			return t.malformed("length of vector", 0, "at least 1")
		}
	}
	t.begin(dim)
	n := 0
	err := t.elements(array, func(i int, value []byte) error {
		if n++; n > dim {
			return t.malformed("length of vector", "more", fmt.Sprintf("%d as in the first line", dim))
		}
		v := parseFloat(value)
		if number.NonFinite([]float32{v}) == 0 {
			return t.malformed(fmt.Sprintf("number %d", i), input.Quoted(string(value)), "a finite float32")
		}
		t.x = append(t.x, v)
		return nil
	})
	if err == nil && n < dim {
		err = t.malformed("length of vector", n, fmt.Sprintf("%d as in the first line", dim))
	}
	return err
}

func encodeJSONL(_, cols int) (encoder, error) { return encodeText(cols, "[", "]\n") }

// jsonlLabels returns the labels of a .jsonl: each line is a string or an integer, or an object
// with one.
func jsonlLabels(f io.ReaderAt, size int64) ([]int, []string, error) {
	r := jsonl{newLineReader(f, size)}
	var l labeler
	for {
		line, err := r.next()
		if err != nil {
			return nil, nil, err
		}
		if line == nil {
			break
		}
		if line[0] != '{' {
			if err := r.label(&l, line); err != nil {
				return nil, nil, err
			}
			continue
		}
		n := len(l.labels)
		err = r.members(line, func(key string, value []byte) error {
			if !isLabels(key) {
				return nil
			}
			return r.label(&l, value)
		})
		if err == nil && len(l.labels) != n+1 {
			err = r.malformed("labels", len(l.labels)-n, "one a line")
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if len(l.labels) == 0 {
		return nil, nil, r.ended("labels")
	}
	return l.done()
}

// tripletKeys are the keys of a triplet in .jsonl.
var tripletKeys = [3]string{"anchor", "positive", "negative"}

// jsonlTriplets returns the triplets of a .jsonl: arrays of three, or objects.
func jsonlTriplets(f io.ReaderAt, size int64) (triplets [][3]int, err error) {
	r := jsonl{newLineReader(f, size)}
	for {
		line, err := r.next()
		if err != nil {
			return nil, err
		}
		if line == nil {
			break
		}
		t := [3]int{-1, -1, -1}
		set := func(i int, value []byte) error {
			v, ok := parseIndex(value)
			switch {
			case i > 2 || i >= 0 && t[i] >= 0:
				return r.malformed("indices", "more", "3, anchor, positive and negative")
			case i >= 0 && !ok:
				return r.malformed(tripletKeys[i], input.Quoted(string(value)), fmt.Sprintf("an integer from 0 to %d", math.MaxInt32))
			case i >= 0:
				t[i] = v
			}
			return nil
		}
		switch line[0] {
		case '[':
			err = r.elements(line, set)
		case '{':
			err = r.members(line, func(key string, value []byte) error {
				return set(slices.Index(tripletKeys[:], key), value)
			})
		default:
			err = r.malformed("line", input.Quoted(string(line)), "an array or an object")
		}
		if i := slices.Index(t[:], -1); err == nil && i >= 0 {
			err = r.malformed(tripletKeys[i], "none", "an integer")
		}
		if err != nil {
			return nil, err
		}
		triplets = append(triplets, t)
	}
	if len(triplets) == 0 {
		return nil, r.ended("triplets")
	}
	return triplets, nil
}
