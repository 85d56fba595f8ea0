package bench

import (
	"flag"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/contrast-go/contrast/infonce"
)

var memory = flag.Bool("memory", false, "measure the memory of large batches, for a minute or two")

// BenchmarkMemory evaluates InfoNCE with its gradients once for each of some large batches: what
// it allocates beyond inputs and gradients, and the exponents with which bytes and time grow.
// It runs only with -memory.
func BenchmarkMemory(b *testing.B) {
	if !*memory {
		b.Skip("runs only with -memory")
	}
	const d = 128
	var sizes, allocated, times []float64
	for n := 4096; n <= 65536; n *= 2 {
		b.Run("loss=InfoNCE/"+size("n", n)+"/"+size("d", d), func(b *testing.B) {
			batch := pairs(n, d)
			grad := newGrad(batch)
			var bytes uint64
			var elapsed time.Duration
			for range b.N {
				runtime.GC()
				runtime.GC() // the second empties the pools
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				r, err := new(infonce.InfoNCE).Evaluate(batch, &grad, 1)
				elapsed = time.Since(start)
				runtime.ReadMemStats(&after)
				bytes = after.TotalAlloc - before.TotalAlloc
				// ln n and half the variance of the logits, over the temperature, which is normal:
				// 1/d.
				if want := math.Log(float64(n)) + 1/(2*d*0.07*0.07); err != nil || math.Abs(r.Loss-want) > 0.1 {
					b.Fatalf("the loss is %v, %v, want some %v", r.Loss, err, want)
				}
			}
			b.ReportMetric(float64(bytes)/1e6, "MB")
			b.ReportMetric(6*float64(n*n*d)/float64(elapsed.Nanoseconds()), "GFLOP/s")
			sizes, allocated, times = append(sizes, float64(n)), append(allocated, float64(bytes)), append(times, elapsed.Seconds())
		})
	}
	b.Run("growth", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(exponent(sizes, allocated), "exponent-of-bytes")
		b.ReportMetric(exponent(sizes, times), "exponent-of-time")
	})
}

// exponent returns the slope of the line of least squares through ln y over ln x: p where y ∝ x^p.
func exponent(x, y []float64) float64 {
	var mx, my, xx, xy float64
	for i := range x {
		mx += math.Log(x[i]) / float64(len(x))
		my += math.Log(y[i]) / float64(len(x))
	}
	for i := range x {
		dx := math.Log(x[i]) - mx
		xx += dx * dx
		xy += dx * (math.Log(y[i]) - my)
	}
	return xy / xx
}
