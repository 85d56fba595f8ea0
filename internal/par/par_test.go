package par

import (
	"runtime"
	"sync/atomic"
	"testing"
)

type count struct {
	hits []atomic.Int32
	busy []atomic.Bool // by worker
	bad  atomic.Int32
}

func newCount(workers, pieces int) *count {
	return &count{hits: make([]atomic.Int32, pieces), busy: make([]atomic.Bool, workers)}
}

func (c *count) Run(worker, piece int) {
	if c.busy[worker].Swap(true) {
		c.bad.Add(1)
	}
	c.hits[piece].Add(1)
	runtime.Gosched()
	c.busy[worker].Store(false)
}

func TestDoRunsEachPieceOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 7, 16} {
		for _, pieces := range []int{0, 1, 2, 5, 100} {
			c := newCount(workers, pieces)
			Do(workers, pieces, c)
			for i := range c.hits {
				if n := c.hits[i].Load(); n != 1 {
					t.Fatalf("workers %d, pieces %d: piece %d ran %d times", workers, pieces, i, n)
				}
			}
			if c.bad.Load() != 0 {
				t.Fatalf("workers %d, pieces %d: a worker index was used twice at once", workers, pieces)
			}
		}
	}
}

type nest struct{ depth int }

func (n *nest) Run(_, _ int) {
	if n.depth > 0 {
		Do(4, 4, &nest{n.depth - 1})
	}
}

func TestDoNests(t *testing.T) { Do(4, 8, &nest{3}) }

func TestDoAllocatesNothing(t *testing.T) {
	c := newCount(3, 10)
	for range 1000 {
		Do(3, 10, c) // start the helpers, fill the queue of invitations
	}
	if n := testing.AllocsPerRun(200, func() { Do(3, 10, c) }); n != 0 {
		t.Errorf("Do allocates %v times", n)
	}
}

// Helpers are as many as the widest call asked for, even where the caller does all
// the work before they come.
func TestHelpersAreBounded(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	c := newCount(3, 4)
	for range 10_000 {
		Do(3, 4, c)
	}
	if n := helpers.Load(); n > 15 {
		t.Errorf("%d helpers, want at most 15: no test asks for more than 16 workers", n)
	}
}
