package train

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// A Queue is a memory bank: it holds the last Size embeddings that were pushed, for a loss to use
// as negatives (He et al. 2020; Wang et al. 2020). It starts empty, so a loss sees embeddings of
// samples and never noise. Rows are stored unchanged, without normalization.
//
// A Queue needs only its Size, which must not change afterwards. It must not be used by two
// goroutines at the same time.
type Queue struct {
	Size int // at least 1

	rows  simd.Matrix // Size rows; the first Len are filled
	ids   intTensor   // of the rows
	marks intTensor   // see the constants
	read  []int       // the result of IDs
}

// The integers in marks.
const (
	markNext  = iota // place of the next row
	markLen          // number of filled rows
	markNamed        // 1 if the rows have IDs
	marks
)

// Push adds rows, and the ID of each unless ids is nil. The r-th row ever pushed, counted from 0,
// goes to place r mod Size and so replaces the oldest one. Push panics if the rows differ in width
// from earlier ones, or if some rows have IDs and others have none.
func (q *Queue) Push(rows simd.Matrix, ids []int) {
	const op = "train.Queue.Push"
	rows.Check(op, "rows", -1, -1)
	if rows.Rows == 0 {
		return
	}
	q.init(rows.Cols)
	rows.Check(op, "rows", -1, q.rows.Cols)
	next, filled, named := q.next(), q.Len(), q.named()
	switch {
	case ids != nil && len(ids) != rows.Rows:
		panic(&simd.ShapeError{Op: op, Arg: "ids", Got: fmt.Sprintf("%d of them", len(ids)), Want: fmt.Sprint(rows.Rows)})
	case (ids != nil) != named && filled > 0:
		panic(&simd.ShapeError{Op: op, Arg: "ids", Got: fmt.Sprintf("%d of them", len(ids)), Want: "those of all rows that are pushed, or of none"})
	}
	for i := range rows.Rows {
		if i >= rows.Rows-q.Size { // the others would be overwritten
			copy(q.rows.Row(next), rows.Row(i))
			if ids != nil {
				q.ids.set(next, uint64(ids[i]))
			}
		}
		next = (next + 1) % q.Size
	}
	q.marks.set(markNext, uint64(next))
	q.marks.set(markLen, uint64(min(filled+rows.Rows, q.Size)))
	if ids != nil {
		q.marks.set(markNamed, 1)
	}
}

// Len returns the number of filled rows: as many as were ever pushed, up to Size.
func (q *Queue) Len() int { return int(min(q.mark(markLen), uint64(q.Size))) }

// Rows returns the filled rows in memory of q, which the next Push changes. For their order see
// [Queue.Push].
func (q *Queue) Rows() simd.Matrix { return q.rows.Slice(0, q.Len()) }

// IDs returns the IDs of the filled rows, or nil if they have none. The result is valid until the
// next call.
func (q *Queue) IDs() []int {
	if !q.named() {
		return nil
	}
	q.read = q.read[:0]
	for i := range q.Len() {
		q.read = append(q.read, int(q.ids.at(i)))
	}
	return q.read
}

// State returns the state of q for rows of the given width, in memory of q, to be written to a
// checkpoint, or to be overwritten with what was read from one.
func (q *Queue) State(width int) []data.Tensor {
	q.init(width)
	return []data.Tensor{
		{Name: "rows", Shape: []int{q.Size, q.rows.Cols}, Data: q.rows.Data},
		{Name: "ids", Shape: []int{q.Size, intLen}, Data: q.ids},
		{Name: "marks", Shape: []int{marks, intLen}, Data: q.marks},
	}
}

// check returns an error unless q is nil or has a Size.
func (q *Queue) check() error {
	if q != nil && q.Size < 1 {
		return fmt.Errorf("queue: size is %d, want at least 1", q.Size)
	}
	return nil
}

// init allocates the memory for rows of the given width, unless it did so before.
func (q *Queue) init(width int) {
	if q.marks != nil {
		return
	}
	if q.Size < 1 {
		panic(&simd.ShapeError{Op: "train.Queue", Arg: "Size", Got: fmt.Sprint(q.Size), Want: "at least 1"})
	}
	q.rows = simd.NewMatrix(q.Size, width)
	q.ids, q.marks = newIntTensor(q.Size), newIntTensor(marks)
}

// next returns the place of the next row. Marks may come from a damaged checkpoint, so those that
// are used as indices are brought into range.
func (q *Queue) next() int { return int(q.mark(markNext) % uint64(q.Size)) }

func (q *Queue) named() bool { return q.mark(markNamed) != 0 }

// mark returns one of marks, which are 0 before the first Push.
func (q *Queue) mark(which int) uint64 {
	if q.marks == nil {
		return 0
	}
	return q.marks.at(which)
}
