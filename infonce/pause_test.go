package infonce

import (
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

// pause returns the median time to stop the world while work runs on all processors, again and again.
func pause(work []func()) time.Duration {
	var stop atomic.Bool
	var running sync.WaitGroup
	for _, w := range work {
		running.Go(func() {
			for !stop.Load() {
				w()
			}
		})
	}
	defer running.Wait()
	defer stop.Store(true)
	// A machine with other work delays all of some rounds; work that can not be stopped delays each.
	best := time.Hour
	for range 5 {
		waits := make([]time.Duration, 31)
		for i := range waits {
			runtime.Gosched() // until the work is preempted
			var m runtime.MemStats
			start := time.Now()
			runtime.ReadMemStats(&m)
			waits[i] = time.Since(start)
		}
		slices.Sort(waits)
		best = min(best, waits[len(waits)/2])
		if best <= maxPause {
			break
		}
	}
	return best
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
			l, g := v.new(0), gradFor(b)
			losses = append(losses, func() {
				if _, err := l.Evaluate(b, &g, 1); err != nil {
					panic(err)
				}
			})
		}
		if p := pause(losses); p > maxPause {
			t.Errorf("InfoNCE of %d rows: stopping the world takes %v in the median, want at most %v", n, p, maxPause)
		} else {
			t.Logf("InfoNCE of %d rows: %v", n, p)
		}

		var products []func()
		for range runtime.GOMAXPROCS(0) {
			dst := simd.NewMatrix(n, n)
			products = append(products, func() { simd.MatMulTransB(dst, 1, b.Q, b.K) })
		}
		if p := pause(products); p > maxPause {
			t.Errorf("product of %d×%d: stopping the world takes %v in the median, want at most %v", n, n, p, maxPause)
		} else {
			t.Logf("product of %d×%d: %v", n, n, p)
		}
	})
}
