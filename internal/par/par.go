// Package par runs independent pieces of work on several goroutines. It is the
// only starter of goroutines in the numeric packages.
//
// The goroutines are started once and parked between calls, so that a call
// allocates nothing in steady state. Pieces are handed out one by one; whatever
// a piece computes must not depend on who runs it.
package par

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Task is work cut into pieces. Run may be called for different pieces at the
// same time, but never twice at the same time with the same worker, so worker
// indexes scratch memory. A pointer receiver keeps Do free of allocations.
type Task interface {
	Run(worker, piece int)
}

// Workers returns n, or GOMAXPROCS where n is 0 or less.
func Workers(n int) int {
	if n <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// Do calls t.Run(worker, piece) once for each piece in [0, pieces) and returns
// when all have returned. worker is less than Workers(workers) and than pieces.
// Do may be called from within a piece.
func Do(workers, pieces int, t Task) {
	workers = min(Workers(workers), pieces)
	if workers <= 1 {
		for i := range pieces {
			t.Run(0, i)
		}
		return
	}
	j := jobs.Get().(*job)
	j.task, j.pieces = t, int64(pieces)
	j.next.Store(0)
	j.done.Store(0)
	j.worker.Store(0)
	j.holders.Store(int32(workers))
	for n := helpers.Load(); int(n) < workers-1; n = helpers.Load() {
		if helpers.CompareAndSwap(n, n+1) {
			go help()
		}
	}
	for range workers - 1 {
		select {
		case queue <- j:
		default: // the helpers are busy enough
			j.holders.Add(-1)
		}
	}
	j.work()
	<-j.finished
	j.release()
}

// A job is one call of Do. The caller works too and waits for the pieces, not
// for its helpers: a helper that comes late, because all were busy, finds nothing left.
// So calls can nest without waiting for each other.
type job struct {
	task     Task
	pieces   int64
	next     atomic.Int64 // piece to hand out
	done     atomic.Int64 // pieces that have returned
	worker   atomic.Int32 // worker index to hand out
	holders  atomic.Int32 // goroutines that may still look at the job
	finished chan struct{}
}

var (
	jobs    = sync.Pool{New: func() any { return &job{finished: make(chan struct{}, 1)} }}
	helpers atomic.Int32          // goroutines started: as many as the widest call asked for
	queue   = make(chan *job, 64) // invitations to help
)

// help is a helper: it takes invitations for ever, and is parked while there are none.
func help() {
	for j := range queue {
		j.work()
		j.release()
	}
}

func (j *job) work() {
	w := int(j.worker.Add(1)) - 1
	for {
		i := j.next.Add(1) - 1
		if i >= j.pieces {
			return
		}
		j.task.Run(w, int(i))
		if j.done.Add(1) == j.pieces {
			j.finished <- struct{}{}
		}
	}
}

// release gives the job back once nobody looks at it any more.
func (j *job) release() {
	if j.holders.Add(-1) == 0 {
		j.task = nil
		jobs.Put(j)
	}
}
