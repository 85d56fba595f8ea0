package bench

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// peak returns the floating-point operations a nanosecond (GFLOP/s) that so many
// goroutines can make at once, the best of some short runs; 0 if unknown.
func peak(workers int) float64 {
	workers = min(workers, runtime.GOMAXPROCS(0))
	runs, calls := 15, 150 // some 30 ms
	if once() {
		runs = 1
	}
	best := 0.0
	for range runs {
		best = max(best, peakRun(workers, calls))
	}
	return best
}

// peakRun measures from when all goroutines are there until the last is done.
func peakRun(workers, calls int) float64 {
	var all sync.WaitGroup
	var here, flops atomic.Int64
	var begun atomic.Bool
	var start time.Time
	for range workers {
		all.Go(func() {
			if here.Add(1) == int64(workers) {
				start = time.Now()
				begun.Store(true)
			}
			for !begun.Load() {
			}
			n := 0
			for range calls {
				n += peakCall()
			}
			flops.Add(int64(n))
		})
	}
	all.Wait()
	return float64(flops.Load()) / float64(time.Since(start).Nanoseconds())
}

func BenchmarkPeak(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(size("workers", workers), func(b *testing.B) {
			eachLevel(b, true, func(b *testing.B) {
				if peakCall() == 0 {
					b.Skip("no instruction to measure with")
				}
				best := 0.0
				for b.Loop() {
					best = max(best, peakRun(workers, 150))
				}
				b.ReportMetric(best, "GFLOP/s")
			})
		})
	}
}
