package train

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// A Queue is a memory of the last Size embeddings that were pushed, for a loss to use as
// negatives (He et al. 2020; Wang et al. 2020). It begins empty, so what a loss sees are
// embeddings of samples and never noise. A row is kept as it came, of norm 0 or not.
//
// A Queue with a Size works. Size must not change, nor two goroutines use one at once.
type Queue struct {
	Size int // at least 1

	rows  simd.Matrix // Size rows, of which the first Len are filled
	ids   []float32   // of the rows, three digits each
	marks []float32   // three digits each
	read  []int       // what IDs returned
}

// The marks of a queue.
const (
	markNext  = iota // place of the next row
	markLen          // filled rows
	markNamed        // 1 where the rows have IDs
	marks
)

// Push adds rows, and the IDs of each unless ids is nil. Row r of all that were ever
// pushed, counted from 0, comes to place r mod Size: the oldest rows make room, whether
// or not Size is a multiple of rows.Rows, and of more rows than Size the last ones stay. It panics
// where rows are of another width than those before or where some rows have IDs and some not.
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
		if i >= rows.Rows-q.Size { // others would be overwritten
			copy(q.rows.Row(next), rows.Row(i))
			if ids != nil {
				putInt(q.ids[digits*next:], uint64(ids[i]))
			}
		}
		next = (next + 1) % q.Size
	}
	putInt(q.marks[digits*markNext:], uint64(next))
	putInt(q.marks[digits*markLen:], uint64(min(filled+rows.Rows, q.Size)))
	if ids != nil {
		putInt(q.marks[digits*markNamed:], 1)
	}
}

// Len returns the number of rows that are filled: those ever pushed, at most Size.
func (q *Queue) Len() int { return int(min(q.mark(markLen), uint64(q.Size))) }

// Rows returns the filled rows in the memory of q, which the next Push changes. They are in
// order of their age until more than Size were pushed; see [Queue.Push].
func (q *Queue) Rows() simd.Matrix { return q.rows.Slice(0, q.Len()) }

// IDs returns the IDs of the filled rows, nil where none were given. They are valid until
// the next call.
func (q *Queue) IDs() []int {
	if !q.named() {
		return nil
	}
	q.read = q.read[:0]
	for i := range q.Len() {
		q.read = append(q.read, int(getInt(q.ids[digits*i:])))
	}
	return q.read
}

// State returns all that q remembers of rows of the given width, to be written to a
// checkpoint or, on resuming, to be overwritten by what was read from one.
func (q *Queue) State(width int) []data.Tensor {
	q.init(width)
	return []data.Tensor{
		{Name: "rows", Shape: []int{q.Size, q.rows.Cols}, Data: q.rows.Data},
		{Name: "ids", Shape: []int{q.Size, digits}, Data: q.ids},
		{Name: "marks", Shape: []int{marks, digits}, Data: q.marks},
	}
}

// check returns an error unless q is nil or has a size.
func (q *Queue) check() error {
	if q != nil && q.Size < 1 {
		return fmt.Errorf("queue: size is %d, want at least 1", q.Size)
	}
	return nil
}

// init takes the memory for rows of the given width, unless it was taken before.
func (q *Queue) init(width int) {
	if q.marks != nil {
		return
	}
	if q.Size < 1 {
		panic(&simd.ShapeError{Op: "train.Queue", Arg: "Size", Got: fmt.Sprint(q.Size), Want: "at least 1"})
	}
	q.rows = simd.NewMatrix(q.Size, width)
	q.ids, q.marks = make([]float32, digits*q.Size), make([]float32, digits*marks)
}

// What a checkpoint said is brought into its range: no file makes a place that there is not.
func (q *Queue) next() int { return int(q.mark(markNext) % uint64(q.Size)) }

func (q *Queue) named() bool { return q.mark(markNamed) != 0 }

func (q *Queue) mark(which int) uint64 {
	if q.marks == nil {
		return 0
	}
	return getInt(q.marks[digits*which:])
}
