package bench

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/contrast-go/contrast/internal/cpu"
)

// A peakOf says what a peak is measured with.
type peakOf struct {
	level   cpu.Level
	workers int
}

var peaks = map[peakOf]float64{}

// peak returns the floating-point operations a nanosecond (GFLOP/s) that so many
// goroutines can make at once; 0 if unknown. It is the best of some short runs now and of all
// earlier ones in this process, as other load can only make it look lower than it is.
func peak(workers int) float64 {
	of := peakOf{cpu.Active(), min(workers, runtime.GOMAXPROCS(0))}
	runs := 15 // some 30 ms
	if once() {
		runs = 1
	}
	for range runs {
		peaks[of] = max(peaks[of], peakRun(of.workers))
	}
	return peaks[of]
}

// peakRun measures from when all goroutines are there until the last is done.
func peakRun(workers int) float64 {
	const calls = 150
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
					best = max(best, peakRun(workers))
				}
				b.ReportMetric(best, "GFLOP/s")
			})
		})
	}
}
