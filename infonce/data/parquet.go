package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/parquet"
	"github.com/contrast-go/contrast/simd"
)

// openParquet reads the rows of a .parquet.
func openParquet(f io.ReaderAt, size int64) (content, error) {
	p, err := parquet.Open(f, size)
	if err != nil {
		return content{}, err
	}
	rows, labels, err := chooseColumns(p)
	if err != nil {
		return content{}, err
	}
	c := content{n: int(p.Rows), dim: len(rows)}
	var x []float32
	if rows[0].List() {
		x, c.dim, err = p.ReadLists(rows[0])
	} else {
		x, err = p.ReadColumns(rows)
	}
	if err != nil {
		return content{}, err
	}
	c.table = loaded{simd.Matrix{Rows: c.n, Cols: c.dim, Stride: c.dim, Data: x}}
	if labels != nil {
		c.labels, c.classes, err = parquetLabels(p, *labels)
	}
	return c, err
}

// chooseColumns returns the columns with the vectors, which is one of lists or all of numbers, and
// the column of labels, nil if there is none.
func chooseColumns(p *parquet.File) (rows []parquet.Column, labels *parquet.Column, err error) {
	var lists, numbers []parquet.Column
	for i, c := range p.Columns {
		switch {
		case isLabels(c.Name) && !c.List():
			if labels != nil {
				return nil, nil, input.Malformed(p.End, "columns of labels", input.Quoted(labels.Name)+" and "+input.Quoted(c.Name), "one")
			}
			if !c.Plain() || !c.Text && !c.Number.IsInteger() {
				return nil, nil, input.Malformed(p.End, "column "+input.Quoted(c.Name), c.Type(), "integers or strings, one a row")
			}
			labels = &p.Columns[i]
		case c.List():
			lists = append(lists, c)
		case c.Plain() && c.Number.Size > 0 && !strings.EqualFold(c.Name, "id") && !strings.HasPrefix(c.Name, "__index_level_"):
			numbers = append(numbers, c)
		}
	}
	for _, c := range lists {
		if len(lists) == 1 || c.Name == rowsName || c.Name == "embedding" {
			return []parquet.Column{c}, labels, nil
		}
	}
	switch {
	case len(lists) > 0:
		return nil, nil, input.Malformed(p.End, "columns of lists", len(lists), fmt.Sprintf(`one, or one named "embedding" or %q`, rowsName))
	case len(numbers) == 0:
		return nil, nil, input.Malformed(p.End, "columns of numbers", "none", "a list of numbers, or at least one column")
	}
	return numbers, labels, nil
}

// parquetLabels reads a column of labels.
func parquetLabels(p *parquet.File, c parquet.Column) ([]int, []string, error) {
	l := labeler{rows: true, limit: parquet.MaxTexts + int(p.End/64)}
	err := p.Each(c, func(row int, value []byte, at int64) error {
		if row == 0 { // only now: a page could be read
			l.labels = make([]int, 0, p.Rows)
		}
		if c.Text {
			if err := l.add(value, row); err != nil {
				return fmt.Errorf("offset %d: %w", at, err)
			}
			return nil
		}
		v, ok := c.Number.Integer(value, binary.LittleEndian)
		if !ok {
			return input.Malformed(at, fmt.Sprintf("label of row %d", row), v, fmt.Sprintf("an integer from 0 to %d", math.MaxInt32))
		}
		l.labels = append(l.labels, int(v))
		return nil
	})
	if err != nil || !c.Text {
		return l.labels, nil, err
	}
	return l.done()
}
