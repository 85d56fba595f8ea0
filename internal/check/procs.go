package check

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// ChangeGOMAXPROCS changes GOMAXPROCS all the time until the test ends, as Go does by itself when a
// process is given more processors. No computation may be surprised by that.
func ChangeGOMAXPROCS(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	var stop atomic.Bool
	var changes sync.WaitGroup
	changes.Go(func() {
		for i := 0; !stop.Load(); i++ {
			procs := []int{8, 2, 5, 3}[i%4] // with more than one they change in the midst of a call
			if i%64 == 0 {
				procs = 1 // seldom: this loop waits with it
			}
			runtime.GOMAXPROCS(procs)
			for range 10 { // a change stops the world
				runtime.Gosched()
			}
		}
	})
	t.Cleanup(func() {
		stop.Store(true)
		changes.Wait()
		runtime.GOMAXPROCS(before)
	})
}
