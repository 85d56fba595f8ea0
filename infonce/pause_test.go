package infonce_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// maxPause bounds how long all processors take to stop. Loops of assembly calls that nothing
// can interrupt took 15 ms and more; calls of 20 µs with a check between them take 0.1 ms.
const maxPause = 2 * time.Millisecond

// medianPause returns the median time to stop the world while work runs on all processors, again
// and again.
func medianPause(work []func()) time.Duration {
	var stop atomic.Bool
	var running sync.WaitGroup
	for _, w := range work {
		running.Go(func() {
			for !stop.Load() {
				w()
			}
		})
	}
	waits := make([]time.Duration, 31)
	for i := range waits {
		// Hold this processor until the work is under way again on the others.
		for start := time.Now(); time.Since(start) < time.Millisecond; {
		}
		var m runtime.MemStats
		start := time.Now()
		runtime.ReadMemStats(&m)
		waits[i] = time.Since(start)
	}
	stop.Store(true)
	running.Wait()
	slices.Sort(waits)
	return waits[len(waits)/2]
}

// idle returns work that can be interrupted anywhere, for all processors.
func idle() []func() {
	work := make([]func(), runtime.GOMAXPROCS(0))
	for i := range work {
		work[i] = func() {
			for n := 0; n < 1<<20; n++ {
			}
		}
	}
	return work
}

// checkPause reports an error where work delays a stop of the world. A machine with more to do
// than it has processors delays any program by milliseconds, so a long median counts
// only next to the one of work that can be interrupted anywhere, and if it is long each time.
func checkPause(t *testing.T, name string, work []func()) {
	t.Helper()
	var p, control time.Duration
	for range 10 {
		p = medianPause(work)
		if p <= maxPause {
			t.Logf("%s: %v", name, p)
			return
		}
		control = medianPause(idle())
		if 2*p <= 3*control {
			t.Logf("%s: %v on a busy machine, where idle loops take %v", name, p, control)
			return
		}
	}
	t.Errorf("%s: stopping the world takes %v in the median, want at most %v; with idle loops it takes %v", name, p, maxPause, control)
}

// TestPauses: the garbage collector, and all else that stops the world, does not wait for a
// large loss or a large product to end.
func TestPauses(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		n := 4096
		if cpu.Active() == cpu.Generic || testing.Short() {
			n = 512 // some ten pauses long, like the other
		}
		r := check.NewRand(90)
		v := softmaxVariants(0.07, false)[0]
		b := v.batch(r, n, 128, 0, 0.5)
		var losses []func() // more than one, so that no processor idles where a pass waits for its last piece
		for range runtime.GOMAXPROCS(0) {
			l, g := v.New(0), gradFor(b)
			losses = append(losses, func() {
				if _, err := l.Evaluate(b, &g, 1); err != nil {
					panic(err)
				}
			})
		}
		checkPause(t, fmt.Sprintf("InfoNCE of %d rows", n), losses)

		var products []func()
		for range runtime.GOMAXPROCS(0) {
			dst := simd.NewMatrix(n, n)
			products = append(products, func() { simd.MatMulTransB(dst, 1, b.Q, b.K) })
		}
		checkPause(t, fmt.Sprintf("product of %d×%d", n, n), products)
	})
}
