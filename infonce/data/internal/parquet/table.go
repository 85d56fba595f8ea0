package parquet

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

// pages calls use with each page of a column.
func (p *File) pages(l Column, use func(group int, c *chunk, p *page) error) error {
	for group := range p.groups {
		if p.groups[group].NumRows == 0 {
			continue // writers do not agree on what its columns say
		}
		c, err := p.chunk(l, group)
		if err != nil {
			return err
		}
		for {
			p, err := c.next()
			if err != nil {
				return err
			}
			if p == nil {
				break
			}
			if err := use(group, c, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRows returns an error if n columns of numbers have more values than a file of this size may.
func (p *File) checkRows(n int) error {
	if most := p.maxValues / int64(n); p.Rows > most {
		return input.Malformed(p.End, "number of rows", p.Rows, fmt.Sprintf("at most %d of %d columns", most, n))
	}
	return nil
}

// A listReader collects lists that are rows of one table.
type listReader struct {
	*File
	x    []float32
	n    int // rows so far
	cols int // numbers of the last row so far
	dim  int // of a row; 0 in the first
}

// ReadLists returns the numbers of a column of lists, all of which must have the same length dim.
func (p *File) ReadLists(l Column) (x []float32, dim int, err error) {
	if err := p.checkRows(1); err != nil {
		return nil, 0, err
	}
	total := int64(0) // numbers, if the footer is right
	for _, g := range p.groups {
		n := g.Columns[l.index].MetaData.NumValues
		if g.NumRows == 0 {
			continue
		}
		if n > p.maxValues-total {
			return nil, 0, input.Malformed(p.End, "number of values of column "+input.Quoted(l.Name), n, fmt.Sprintf("at most %d", p.maxValues-total))
		}
		total += max(n, 0)
	}
	t := &listReader{File: p}
	groupRows, last := 0, 0
	err = p.pages(l, func(group int, c *chunk, page *page) error {
		if group != last {
			if int64(groupRows) != p.groups[last].NumRows {
				return input.Malformed(page.at, fmt.Sprintf("lists of group %d", last), groupRows, p.groups[last].NumRows)
			}
			groupRows, last = 0, group
		}
		start := len(t.x)
		if start+page.n > cap(t.x) { // no memory is taken before there are values for it
			t.x = slices.Grow(t.x, min(int(total)-start, max(start, page.n)))
		}
		t.x = t.x[:start+page.n]
		for i := range page.n {
			r, err := page.rep.next()
			if err != nil {
				return fmt.Errorf("offset %d: levels: %w", page.at, err)
			}
			if r == 0 {
				if err := t.end(page.at); err != nil {
					return err
				}
				t.n++
				groupRows++
				t.cols = 0
			} else if groupRows == 0 {
				return input.Malformed(page.at, fmt.Sprintf("first list of group %d", group), "the rest of one", "its start")
			}
			t.cols++
			if err := page.number(c, t.x[start+i:start+i+1], t.n-1, t.cols-1); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = t.end(p.End)
	}
	if err == nil && int64(t.n) != p.Rows {
		err = input.Malformed(p.End, "number of lists", t.n, fmt.Sprintf("%d, as many as rows", p.Rows))
	}
	return t.x, t.dim, err
}

// end returns an error if the last row is not as long as the first.
func (t *listReader) end(at int64) error {
	if t.dim == 0 {
		t.dim = t.cols
	}
	if t.n > 0 && t.cols != t.dim {
		return input.Malformed(at, fmt.Sprintf("length of row %d", t.n-1), t.cols, fmt.Sprintf("%d as of row 0", t.dim))
	}
	return nil
}

// ReadColumns returns the numbers of columns with one value a row, row after row.
func (p *File) ReadColumns(columns []Column) (x []float32, err error) {
	dim := len(columns)
	if err := p.checkRows(dim); err != nil {
		return nil, err
	}
	for col, l := range columns {
		row := 0
		err := p.pages(l, func(_ int, c *chunk, page *page) error {
			if x == nil { // only now: a page could be read
				x = make([]float32, int(p.Rows)*dim)
			}
			for range page.n {
				at := row*dim + col
				if err := page.number(c, x[at:at+1], row, col); err != nil {
					return err
				}
				row++
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return x, nil
}

// number stores the next number of a page in dst[0]. It belongs to a row and a column of the table.
func (p *page) number(c *chunk, dst []float32, row, col int) error {
	b, err := p.values.next()
	if err != nil {
		return fmt.Errorf("offset %d: page: %w", p.at, err)
	}
	c.Number.Floats(dst, b, binary.LittleEndian)
	if number.NonFinite(dst) == 0 {
		return input.Malformed(p.at, fmt.Sprintf("number of row %d, column %d", row, col), c.Number.Float64(b, binary.LittleEndian), "a finite float32")
	}
	return nil
}

// Each calls use with each value of a column with one value a row, in little-endian, and the offset
// of its page. The value is valid until use returns.
func (p *File) Each(l Column, use func(row int, value []byte, at int64) error) error {
	row := 0
	return p.pages(l, func(_ int, _ *chunk, page *page) error {
		for range page.n {
			b, err := page.values.next()
			if err != nil {
				return fmt.Errorf("offset %d: page: %w", page.at, err)
			}
			if err := use(row, b, page.at); err != nil {
				return err
			}
			row++
		}
		return nil
	})
}
