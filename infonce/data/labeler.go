package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// A labeler collects labels that are text.
type labeler struct {
	ids    map[string]int
	names  []string // of each id
	lines  []int    // where each id came first
	labels []int    // ids
	rows   bool     // lines are rows of a table
	limit  int      // the most names; 0 means any number
}

// malformed returns the error for the label in a line.
func (l *labeler) malformed(line int, got, want any) error {
	if l.rows {
		return fmt.Errorf("label of row %d: got %v, want %v", line, got, want)
	}
	return input.MalformedLine(line, "label", got, want)
}

// add adds the label of the next sample, which is in a line.
func (l *labeler) add(name []byte, line int) error {
	id, ok := l.ids[string(name)]
	if !ok {
		if s := string(name); s == "" || !isText(s) {
			return l.malformed(line, input.Quoted(s), "a name in UTF-8")
		}
		if l.limit > 0 && len(l.names) == l.limit {
			return l.malformed(line, "another name", fmt.Sprintf("at most %d", l.limit))
		}
		if l.ids == nil {
			l.ids = make(map[string]int)
		}
		id = len(l.names)
		l.ids[string(name)] = id
		l.names = append(l.names, string(name))
		l.lines = append(l.lines, line)
	}
	l.labels = append(l.labels, id)
	return nil
}

// done returns the labels, nil if there are none. If all are integers, they are the labels and
// there are no classes; otherwise the names are the classes, in sorted order.
func (l *labeler) done() (labels []int, classes []string, err error) {
	class, err := l.numbers()
	if err != nil {
		return nil, nil, err
	}
	if class == nil {
		classes = slices.Sorted(slices.Values(l.names))
		class = make([]int, len(classes))
		for c, name := range classes {
			class[l.ids[name]] = c
		}
	}
	for i, id := range l.labels {
		l.labels[i] = class[id]
	}
	return l.labels, classes, nil
}

// numbers returns the integer of each name, nil if one of them is not an integer.
func (l *labeler) numbers() ([]int, error) {
	class := make([]int, len(l.names))
	outside := -1
	for id, name := range l.names {
		v, err := strconv.ParseInt(name, 10, 64)
		if errors.Is(err, strconv.ErrSyntax) {
			return nil, nil
		}
		if err != nil || v < 0 || v > math.MaxInt32 {
			outside = id
			continue
		}
		class[id] = int(v)
	}
	if outside >= 0 {
		return nil, l.malformed(l.lines[outside], input.Quoted(l.names[outside]), fmt.Sprintf("an integer from 0 to %d", math.MaxInt32))
	}
	return class, nil
}
