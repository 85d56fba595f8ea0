package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/random"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// numberedRows returns n rows of width 2, the first of them (first, −first), with IDs that use all
// bits. Every third row is zero.
func numberedRows(first, n int) (rows simd.Matrix, ids []int) {
	rows = simd.NewMatrix(n, 2)
	for i := range n {
		if v := float32(first + i); (first+i)%3 != 0 {
			rows.Row(i)[0], rows.Row(i)[1] = v, -v
		}
		ids = append(ids, int(random.Mix(uint64(first+i))))
	}
	return rows, ids
}

// Row r of all pushed rows is at place r mod Size until row r + Size is pushed.
func TestQueueKeepsTheLastRows(t *testing.T) {
	for _, c := range []struct {
		size    int
		batches []int
	}{
		{1, []int{1, 1, 3, 1}},
		{4, []int{2, 2, 2, 2}},
		{5, []int{3, 3, 3, 3}}, // batches that wrap around
		{5, []int{5, 5, 1}},
		{5, []int{2, 7, 12, 0, 3}}, // batches larger than the queue
		{7, []int{0, 3, 3, 0, 1, 1, 4, 6}},
		{100, []int{30, 30, 30, 30, 30}},
	} {
		q := &Queue{Size: c.size}
		pushed := 0
		for step, n := range c.batches {
			rows, ids := numberedRows(pushed, n)
			if step == 1 { // rows of a wider matrix
				rows.Stride, rows.Data = 5, wider(rows, 5)
			}
			q.Push(rows, ids)
			pushed += n
			name := fmt.Sprintf("size %d, batches %v", c.size, c.batches[:step+1])
			if got, want := q.Len(), min(pushed, c.size); got != want {
				t.Fatalf("%s: %d rows, want %d", name, got, want)
			}
			all, allIDs := numberedRows(0, pushed)
			// Expected: the content of each place if rows were pushed one by one.
			want := simd.NewMatrix(q.Len(), 2)
			wantIDs := make([]int, q.Len())
			for r := range pushed {
				copy(want.Row(r%c.size), all.Row(r))
				wantIDs[r%c.size] = allIDs[r]
			}
			got := q.Rows()
			if got.Rows != q.Len() {
				t.Fatalf("%s: %d rows, want %d", name, got.Rows, q.Len())
			}
			for i := range got.Rows {
				check.SameBits(t, fmt.Sprintf("%s: place %d", name, i), got.Row(i), want.Row(i))
			}
			if !slices.Equal(q.IDs(), wantIDs) && pushed > 0 {
				t.Errorf("%s: IDs %v, want %v", name, q.IDs(), wantIDs)
			}
		}
	}
}

func wider(m simd.Matrix, stride int) []float32 {
	x := make([]float32, m.Rows*stride)
	for i := range m.Rows {
		copy(x[i*stride:], m.Row(i))
	}
	return x
}

func TestQueueBeginsEmpty(t *testing.T) {
	q := &Queue{Size: 3}
	for range 2 {
		if q.Len() != 0 || q.Rows().Rows != 0 || q.IDs() != nil {
			t.Errorf("%d rows, IDs %v, want none", q.Rows().Rows, q.IDs())
		}
		q.State(2)
	}
	rows, _ := numberedRows(1, 2)
	q.Push(rows, nil)
	if q.Len() != 2 || q.IDs() != nil {
		t.Errorf("%d rows, IDs %v, want 2 without IDs", q.Len(), q.IDs())
	}
}

// A queue that is given the state of another one behaves like that one.
func TestQueueStateIsAll(t *testing.T) {
	for _, named := range []bool{false, true} {
		push := func(q *Queue, first, n int) {
			rows, ids := numberedRows(first, n)
			if !named {
				ids = nil
			}
			q.Push(rows, ids)
		}
		for pushed := range 13 {
			old, resumed := &Queue{Size: 5}, &Queue{Size: 5}
			for i := range pushed {
				push(old, i, 1)
			}
			sealed.Copy(resumed.State(2), old.State(2))
			for _, n := range []int{0, 3, 4} {
				push(old, 20, n)
				push(resumed, 20, n)
				check.SameBits(t, fmt.Sprintf("%d rows and %d", pushed, n), resumed.Rows().Data, old.Rows().Data)
				if !slices.Equal(resumed.IDs(), old.IDs()) {
					t.Errorf("%d rows and %d: IDs %v, want %v", pushed, n, resumed.IDs(), old.IDs())
				}
			}
		}
	}
}

// No content of a checkpoint leads to an index out of range.
func TestQueueOfAnyState(t *testing.T) {
	for _, v := range []float32{-1, 0.5, 1e30, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1<<22 - 1} {
		q := &Queue{Size: 3}
		for _, s := range q.State(2) {
			for i := range s.Data {
				s.Data[i] = v
			}
		}
		rows, ids := numberedRows(0, 4)
		if q.named() {
			q.Push(rows, ids)
		} else if q.Len() == 0 {
			q.Push(rows, nil)
		}
		if q.Len() < 0 || q.Len() > 3 || len(q.IDs()) > 3 {
			t.Errorf("%v: %d rows, %d IDs", v, q.Len(), len(q.IDs()))
		}
	}
}

func TestQueuePanics(t *testing.T) {
	rows, ids := numberedRows(0, 2)
	full := func() *Queue {
		q := &Queue{Size: 3}
		q.Push(rows, ids)
		return q
	}
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { new(Queue).Push(rows, ids) }, "train.Queue: Size is 0, want at least 1"},
		{func() { (&Queue{Size: -1}).State(2) }, "train.Queue: Size is -1, want at least 1"},
		{func() { full().Push(simd.NewMatrix(1, 3), []int{1}) }, "train.Queue.Push: rows is 1×3, want n×2"},
		{func() { full().Push(rows, ids[:1]) }, "train.Queue.Push: ids is 1 of them, want 2"},
		{func() { full().Push(rows, nil) }, "train.Queue.Push: ids is 0 of them, want those of all rows"},
	} {
		func() {
			defer func() {
				var e *simd.ShapeError
				if err, _ := recover().(error); !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
			}()
			c.f()
			t.Errorf("no panic, want %s", c.want)
		}()
	}
}

func TestIntegersSurviveACheckpoint(t *testing.T) {
	x := newIntTensor(2)
	r := check.NewRand(3)
	values := []int{0, 1, -1, math.MaxInt, math.MinInt, 1 << 21, 1<<22 - 1, 1 << 22, -1 << 30}
	for range 1000 {
		values = append(values, int(r.Uint64()>>r.IntN(64)))
	}
	for _, v := range values {
		x.set(1, uint64(v))
		for _, d := range x {
			if d != float32(uint32(d)) || d >= 1<<22 {
				t.Fatalf("%d: digits %v", v, x)
			}
		}
		if got := int(x.at(1)); got != v {
			t.Fatalf("%d came back as %d", v, got)
		}
	}
}
