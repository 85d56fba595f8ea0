package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/contrast-go/contrast/simd"
)

// A parquetTable is the rows of a .parquet while they are read.
type parquetTable struct {
	*parquetFile
	n, dim int // so far; dim is 0 in the first row
	cols   int // numbers of the last row so far
	x      []float32
	labels labeler
}

// openParquet reads the rows of a .parquet (github.com/apache/parquet-format). Its metadata are
// decoded by parquet-go, whose lists are counted before. Its pages are decoded here: the library takes
// as much memory as they say, 8 GiB for a run of six bytes.
func openParquet(f io.ReaderAt, size int64) (content, error) {
	p, err := readFooter(f, size)
	if err != nil {
		return content{}, err
	}
	rows, labels, err := p.choose()
	if err != nil {
		return content{}, err
	}
	t := &parquetTable{parquetFile: p}
	if p.rows > min(freeValues+size, math.MaxInt/4)/int64(len(rows)) {
		return content{}, malformed(p.end, "number of rows", p.rows, fmt.Sprintf("at most %d of %d columns in a file of this size", (freeValues+size)/int64(len(rows)), len(rows)))
	}
	if rows[0].maxRep > 0 {
		err = t.lists(rows[0])
	} else {
		err = t.columns(rows)
	}
	if err != nil {
		return content{}, err
	}
	c := content{n: t.n, dim: t.dim}
	c.table = loaded{simd.Matrix{Rows: t.n, Cols: t.dim, Stride: t.dim, Data: t.x}}
	if labels != nil {
		c.labels, c.classes, err = t.readLabels(*labels)
	}
	return c, err
}

// pages calls use with each page of a column.
func (t *parquetTable) pages(l leaf, use func(group int, c *chunk, p *page) error) error {
	for group := range t.groups {
		c, err := t.chunk(l, group)
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

// lists reads a column of lists, of which each is a row.
func (t *parquetTable) lists(l leaf) error {
	total, limit := int64(0), min(freeValues+t.end, math.MaxInt/4) // numbers, if the footer is right
	for _, g := range t.groups {
		n := g.Columns[l.index].MetaData.NumValues
		if n > limit-total {
			return malformed(t.end, "number of values of column "+quoted(l.name), n, fmt.Sprintf("at most %d in a file of this size", limit-total))
		}
		total += max(n, 0)
	}
	groupRows, last := 0, 0
	end := func(at int64) error {
		if t.dim == 0 {
			t.dim = t.cols
		}
		if t.n > 0 && t.cols != t.dim {
			return malformed(at, fmt.Sprintf("length of row %d", t.n-1), t.cols, fmt.Sprintf("%d as of row 0", t.dim))
		}
		return nil
	}
	err := t.pages(l, func(group int, c *chunk, p *page) error {
		if group != last {
			if int64(groupRows) != t.groups[last].NumRows {
				return malformed(p.at, fmt.Sprintf("lists of group %d", last), groupRows, t.groups[last].NumRows)
			}
			groupRows, last = 0, group
		}
		start := len(t.x)
		if start+p.n > cap(t.x) { // pages of groups before are in it
			more := int(total) - start
			if total > freeValues+t.end/2 {
				more = min(more, max(start, p.n))
			}
			t.x = slices.Grow(t.x, more)
		}
		t.x = t.x[:start+p.n]
		for i := range p.n {
			r, err := p.rep.next()
			if err != nil {
				return fmt.Errorf("offset %d: levels: %w", p.at, err)
			}
			if r == 0 {
				if t.n > 0 {
					if err := end(p.at); err != nil {
						return err
					}
				}
				t.n++
				groupRows++
				t.cols = 0
			} else if groupRows == 0 {
				return malformed(p.at, fmt.Sprintf("first list of group %d", group), "the rest of one", "its start")
			}
			t.cols++
			if err := t.number(c, p, start+i, t.n-1, t.cols-1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := end(t.end); err != nil {
		return err
	}
	if int64(t.n) != t.rows {
		return malformed(t.end, "number of lists", t.n, fmt.Sprintf("%d, as many as rows", t.rows))
	}
	return nil
}

// number stores the next number of a page in element i of x, which is that of a row and a column.
func (t *parquetTable) number(c *chunk, p *page, i, row, col int) error {
	b, err := p.values.next()
	if err != nil {
		return fmt.Errorf("offset %d: page: %w", p.at, err)
	}
	dst := t.x[i : i+1]
	c.of.floats(dst, b, binary.LittleEndian)
	if nonFinite(dst) == 0 {
		return malformed(p.at, fmt.Sprintf("number of row %d, column %d", row, col), c.of.float64(b, binary.LittleEndian), "a finite float32")
	}
	return nil
}

// columns reads columns of numbers, of which each has one of a row.
func (t *parquetTable) columns(rows []leaf) error {
	t.dim = len(rows)
	for col, l := range rows {
		n := 0
		err := t.pages(l, func(group int, c *chunk, p *page) error {
			if t.x == nil { // a page was read, so that there is something to take it for
				t.x = make([]float32, int(t.rows)*t.dim)
			}
			for range p.n {
				if err := t.number(c, p, n*t.dim+col, n, col); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	t.n = int(t.rows)
	return nil
}

// readLabels reads a column of labels.
func (t *parquetTable) readLabels(l leaf) ([]int, []string, error) {
	var labels []int
	t.labels = labeler{rows: true, limit: maxTexts + int(t.end/64)}
	err := t.pages(l, func(_ int, c *chunk, p *page) error {
		if labels == nil {
			labels = make([]int, 0, t.rows)
			t.labels.labels = labels // of one of both
		}
		for range p.n {
			b, err := p.values.next()
			if err != nil {
				return fmt.Errorf("offset %d: page: %w", p.at, err)
			}
			if l.text {
				if err := t.labels.add(b, len(t.labels.labels)); err != nil {
					return fmt.Errorf("offset %d: %w", p.at, err)
				}
				continue
			}
			v, ok := c.of.integer(b, binary.LittleEndian)
			if !ok {
				return malformed(p.at, fmt.Sprintf("label of row %d", len(labels)), v, fmt.Sprintf("an integer from 0 to %d", math.MaxInt32))
			}
			labels = append(labels, int(v))
		}
		return nil
	})
	if err != nil || !l.text {
		return labels, nil, err
	}
	return t.labels.done()
}
