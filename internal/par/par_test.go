package par

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

type count struct {
	hits []atomic.Int32
	busy []atomic.Bool // by worker
	bad  atomic.Int32
}

func newCount(workers, pieces int) *count {
	return &count{hits: make([]atomic.Int32, pieces), busy: make([]atomic.Bool, min(workers, pieces))}
}

func (c *count) Run(worker, piece int) {
	if c.busy[worker].Swap(true) {
		c.bad.Add(1)
	}
	c.hits[piece].Add(1)
	runtime.Gosched()
	c.busy[worker].Store(false)
}

func (c *count) check(t *testing.T) {
	t.Helper()
	for i := range c.hits {
		if n := c.hits[i].Load(); n != 1 {
			t.Fatalf("workers %d, pieces %d: piece %d ran %d times", len(c.busy), len(c.hits), i, n)
		}
	}
	if c.bad.Load() != 0 {
		t.Fatalf("workers %d, pieces %d: a worker index was used twice at once", len(c.busy), len(c.hits))
	}
}

// settle waits until all helpers are parked, and checks that no job is held then.
func settle(t *testing.T) {
	t.Helper()
	for parked.Load() != helpers.Load() {
		runtime.Gosched()
	}
	if u, o, p := used.Load(), open.Load(), polling.Load(); u != 0 || o != 0 || p != 0 {
		t.Errorf("with all helpers parked, jobs %#x are used, %#x open, and %d helpers poll", u, o, p)
	}
}

func TestDoRunsEachPieceOnce(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			for _, workers := range []int{1, 2, 3, 7, 16} {
				for _, pieces := range []int{0, 1, 2, 5, 100, 3001} {
					c := newCount(workers, pieces)
					Do(workers, pieces, c)
					c.check(t)
				}
			}
		}()
	}
	settle(t)
}

type nest struct{ depth int }

func (n *nest) Run(_, _ int) {
	if n.depth > 0 {
		Do(4, 4, &nest{n.depth - 1})
	}
}

func TestDoNests(t *testing.T) {
	Do(4, 8, &nest{3})
	settle(t)
}

// A chain is a call within a call, more of them at once than there are jobs.
type chain struct {
	depth int
	runs  atomic.Int32
}

func (c *chain) Run(_, piece int) {
	c.runs.Add(1)
	if piece == 0 && c.depth > 0 {
		c.depth--
		Do(2, 2, c)
	}
}

func TestDoWithoutAFreeJob(t *testing.T) {
	c := &chain{depth: 2 * len(jobs)}
	want := int32(2 * (c.depth + 1))
	Do(2, 2, c)
	if got := c.runs.Load(); got != want {
		t.Errorf("%d pieces ran, want %d", got, want)
	}
	settle(t)
}

func TestDoConcurrent(t *testing.T) {
	var all sync.WaitGroup
	for range 2 * len(jobs) {
		all.Go(func() {
			for range 50 {
				c := newCount(3, 20)
				Do(3, 20, c)
				c.check(t)
			}
		})
	}
	all.Wait()
	settle(t)
}

type fail struct{}

func (fail) Run(worker, _ int) {
	if worker == 0 {
		panic("piece")
	}
}

// A panic in a piece that the caller runs reaches the caller's caller, and the job is free again.
func TestDoPanics(t *testing.T) {
	for range 2 * len(jobs) {
		func() {
			defer func() {
				if r := recover(); r != nil && r != "piece" {
					t.Fatal(r)
				}
			}()
			Do(2, 100, fail{})
		}()
	}
	settle(t)
}

func TestDoAllocatesNothing(t *testing.T) {
	c := newCount(3, 10)
	for range 1000 {
		Do(3, 10, c) // start the helpers
	}
	if n := testing.AllocsPerRun(200, func() { Do(3, 10, c) }); n != 0 {
		t.Errorf("Do allocates %v times", n)
	}
}

// Helpers are as many as can run beside a caller, however many workers calls ask for and
// however often the caller does all the work before they come.
func TestHelpersAreBounded(t *testing.T) {
	before := int(helpers.Load())
	c := newCount(100, 200)
	for range 1000 {
		Do(100, 200, c)
	}
	if n, most := int(helpers.Load()), runtime.GOMAXPROCS(0)-1; n > max(before, most) {
		t.Errorf("%d helpers, want at most %d, or the %d that there were", n, most, before)
	}
	settle(t)
}

// BenchmarkDo hands out two pieces without work: helpers=polling right after the last call,
// helpers=parked when none polls any more, so that one has to be woken.
func BenchmarkDo(b *testing.B) {
	b.Run("helpers=polling", func(b *testing.B) {
		for b.Loop() {
			Do(2, 2, nothing{})
		}
	})
	b.Run("helpers=parked", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			for parked.Load() != helpers.Load() {
				runtime.Gosched()
			}
			b.StartTimer()
			Do(2, 2, nothing{})
		}
	})
}

type nothing struct{}

func (nothing) Run(_, _ int) {}
