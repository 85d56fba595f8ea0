// Package par runs independent pieces of work on several goroutines. No other numeric package
// starts goroutines.
//
// The goroutines, called helpers, are started once and serve all calls, so a call allocates nothing
// in steady state. To wake a parked goroutine takes longer than many a piece does: a helper without
// work polls for a while before it parks.
package par

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
)

// Workers returns n, or GOMAXPROCS where n is 0 or less. GOMAXPROCS may change at any moment, so a
// computation asks once, sizes its scratch memory by the answer, and passes that on.
func Workers(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// For calls body(t, worker, piece) once for each piece in [0, pieces) and returns when all calls
// have returned. Calls may run at the same time, but never two with the same worker, so worker
// indexes scratch memory. It is less than Workers(workers) and than pieces, however GOMAXPROCS
// changes meanwhile; at most GOMAXPROCS workers run. What a piece computes must not depend on who
// runs it.
//
// body should capture nothing: a function, or a method expression such as (*Sweep).packKeys. Then
// For allocates nothing in steady state. It may be called from within a piece.
func For[T any](workers, pieces int, t *T, body func(t *T, worker, piece int)) {
	run(workers, pieces, 1, t, each[T](body))
}

// Ranges divides [0, n) into consecutive ranges of size numbers, the last of which may be shorter,
// and calls body(t, worker, i, j) once for each range [i, j), as [For] does for pieces.
func Ranges[T any](workers, n, size int, t *T, body func(t *T, worker, i, j int)) {
	run(workers, n, size, t, span[T](body))
}

// A loop is the body of a call with its type erased. Both kinds are function values, which an
// interface holds without an allocation.
type loop interface {
	run(t any, worker, i, j int)
}

type (
	each[T any] func(t *T, worker, piece int)
	span[T any] func(t *T, worker, i, j int)
)

func (f each[T]) run(t any, worker, i, _ int) { f(t.(*T), worker, i) }
func (f span[T]) run(t any, worker, i, j int) { f(t.(*T), worker, i, j) }

func run(workers, n, size int, t any, body loop) {
	pieces := (n + size - 1) / size
	workers = min(Workers(workers), pieces)
	if workers > 1 {
		if j := newJob(workers, n, size, t, body); j != nil {
			defer j.close()
			callHelpers(workers - 1)
			j.work(0)
			j.wait()
			return
		}
	}
	for i := 0; i < n; i += size {
		body.run(t, 0, i, min(i+size, n))
	}
}

// A job is one call. The caller works too and waits for the pieces, not for helpers: one that comes
// late finds nothing left. So calls can nest without waiting for each other.
type job struct {
	n, size int // what is cut into pieces
	t       any
	body    loop
	pieces  int64
	workers int64
	bit     uint64        // its place in used and open
	next    atomic.Int64  // piece to hand out
	left    atomic.Int64  // pieces that have not returned; and blocked, once the caller is
	seats   atomic.Int32  // helpers that may still join
	holders atomic.Int32  // the caller, the free seats and the helpers that joined
	done    chan struct{} // wakes the caller
}

// blocked is more than any number of pieces.
const blocked = 1 << 62

// All jobs there are. A call that finds none free has company enough, and works alone.
var (
	jobs [64]job
	used atomic.Uint64 // bit i: jobs[i] is held by someone
	open atomic.Uint64 // bit i: jobs[i] has free seats; what helpers poll
)

// newJob returns an open job, or nil where all are used.
func newJob(workers, n, size int, t any, body loop) *job {
	for {
		u := used.Load()
		i := bits.TrailingZeros64(^u)
		if i == len(jobs) {
			return nil
		}
		j := &jobs[i]
		if !used.CompareAndSwap(u, u|1<<i) {
			continue
		}
		if j.done == nil {
			j.bit, j.done = 1<<i, make(chan struct{}, 1)
		}
		j.n, j.size, j.t, j.body = n, size, t, body
		j.pieces, j.workers = int64((n+size-1)/size), int64(workers)
		j.next.Store(0)
		j.left.Store(j.pieces)
		j.holders.Store(int32(workers))
		j.seats.Store(int32(workers - 1))
		open.Or(j.bit)
		return j
	}
}

// join returns an open job and the worker number that its caller has reserved, or nil.
func join() (j *job, worker int) {
	for o := open.Load(); o != 0; o &= o - 1 {
		j := &jobs[bits.TrailingZeros64(o)]
		if s := take(&j.seats); s > 0 {
			if s == 1 {
				open.And(^j.bit)
			}
			return j, s
		}
	}
	return nil, 0
}

// work runs pieces until none is left. Where there are many it takes several at a time, fewer and
// fewer, so that all workers end together.
func (j *job) work(worker int) {
	for {
		n := max((j.pieces-j.next.Load())/(8*j.workers), 1)
		i := j.next.Add(n) - n
		if i >= j.pieces {
			return
		}
		n = min(n, j.pieces-i)
		for p := i; p < i+n; p++ {
			first := int(p) * j.size
			j.body.run(j.t, worker, first, min(first+j.size, j.n))
		}
		if j.left.Add(-n) == blocked {
			j.done <- struct{}{}
		}
	}
}

// wait returns when all pieces have.
func (j *job) wait() {
	if !poll(func() bool { return j.left.Load() == 0 }) && j.left.Add(blocked) > blocked {
		<-j.done
	}
}

// close ends the caller's part, even if a piece that it ran panicked.
func (j *job) close() {
	j.next.Store(j.pieces)
	open.And(^j.bit)
	j.release(1 + j.seats.Swap(0))
}

// release frees the job once nobody holds it.
func (j *job) release(holders int32) {
	if j.holders.Add(-holders) == 0 {
		j.t, j.body = nil, nil
		used.And(^j.bit)
	}
}

// Helpers are working, polling or parked.
var (
	helpers atomic.Int32              // as many as the widest call could use
	polling atomic.Int32              // those that will see an open job at once
	parked  atomic.Int32              // those that wait for a wake that nobody has sent yet
	wakes   = make(chan struct{}, 64) // to parked helpers
)

// callHelpers makes n helpers look for a job, if there are processors for them.
func callHelpers(n int) {
	n = min(n, runtime.GOMAXPROCS(0)-1)
	called := false
	for range n - int(polling.Load()) {
		if take(&parked) > 0 {
			wakes <- struct{}{}
			called = true
		} else if h := helpers.Load(); int(h) < n && helpers.CompareAndSwap(h, h+1) {
			go help()
			called = true
		}
	}
	if called {
		// Processors that wake up leave the goroutine that was readied last to this one for a
		// while, in case it soon has time. Give it that: they take the caller at once.
		runtime.Gosched()
	}
}

// help is a helper.
func help() {
	for {
		if j, worker := join(); j != nil {
			j.work(worker)
			j.release(1)
			continue
		}
		found := int(polling.Add(1)) < runtime.GOMAXPROCS(0) && poll(func() bool { return open.Load() != 0 })
		polling.Add(-1)
		if found {
			continue
		}
		// A call that opens a job now no longer counts on this helper. Either it finds it among
		// those parked, or its job shows in a last look.
		parked.Add(1)
		if open.Load() == 0 || take(&parked) == 0 {
			<-wakes
		}
	}
}

// patience is how long a goroutine polls before it parks: a little longer than it takes to wake
// one, and longer than most computations work between two calls.
const patience = 100 * time.Microsecond

// poll reports whether ready has become true within patience.
func poll(ready func() bool) bool {
	for start := time.Now(); ; runtime.Gosched() {
		for range 1 << 12 {
			if ready() {
				return true
			}
		}
		if time.Since(start) > patience {
			return false
		}
	}
}

// take takes one from n and returns what there was; 0 where nothing was left.
func take(n *atomic.Int32) int {
	for {
		v := n.Load()
		if v <= 0 {
			return 0
		}
		if n.CompareAndSwap(v, v-1) {
			return int(v)
		}
	}
}
