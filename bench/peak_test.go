package bench

import (
	"sync"
	"testing"
	"time"
)

const peakInner = 256

// A peakMemory has room for the operands of peakCall on every architecture.
type peakMemory struct {
	a [9 * peakInner]float32
	b [16 * peakInner]float32
	c [160 * 16]float32
}

// peak returns the floating-point operations a nanosecond (GFLOP/s) that so many
// goroutines can make at once, the best of some short runs; 0 if unknown.
func peak(workers int) float64 {
	const runs, calls = 15, 200 // some 30 ms
	memory := make([]peakMemory, workers)
	best := 0.0
	for range runs {
		start := time.Now()
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for range calls {
					peakCall(&memory[w])
				}
			})
		}
		all.Wait()
		elapsed := time.Since(start)
		flops := workers * calls * peakCall(&memory[0])
		best = max(best, float64(flops)/float64(elapsed.Nanoseconds()))
	}
	return best
}

func BenchmarkPeak(b *testing.B) {
	eachLevel(b, false, func(b *testing.B) {
		var p peakMemory
		flops := peakCall(&p)
		if flops == 0 {
			b.Skip("no kernel to measure with")
		}
		for b.Loop() {
			peakCall(&p)
		}
		reportFlops(b, float64(flops), 0)
	})
}
