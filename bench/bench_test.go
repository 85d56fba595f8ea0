package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// eachLevel runs f at the level in use, the best unless CONTRAST_LEVEL names another one, and
// where generic is set at the generic level too.
func eachLevel(b *testing.B, generic bool, f func(b *testing.B)) {
	levels := []cpu.Level{cpu.Active()}
	if generic && cpu.Active() != cpu.Generic {
		levels = append(levels, cpu.Generic)
	}
	for _, l := range levels {
		b.Run("level="+l.String(), func(b *testing.B) {
			restore, err := cpu.Select(l)
			if err != nil {
				b.Fatal(err)
			}
			defer restore()
			f(b)
		})
	}
}

// skipSlow skips what takes the generic level seconds an iteration.
func skipSlow(b *testing.B, flops float64) {
	if cpu.Active() == cpu.Generic && flops > 2e9 {
		b.Skip("takes seconds at the generic level; its rate is that of smaller sizes")
	}
}

// workerCounts are those that the losses run with: one, and all cores.
func workerCounts() []int {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return []int{1, n}
	}
	return []int{1}
}

// reportFlops reports the rate of operations, of which each iteration made so many, and its
// share of the peak where that is known.
func reportFlops(b *testing.B, flops, peak float64) {
	rate := flops * float64(b.N) / float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(rate, "GFLOP/s")
	if peak > 0 {
		b.ReportMetric(100*rate/peak, "%peak")
	}
}

// uniform returns n numbers in [−1, 1).
func uniform(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

func uniformMatrix(seed uint64, rows, cols int) simd.Matrix {
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: uniform(seed, rows*cols)}
}

// near stops the benchmark unless got is within the relative error of want: a wrong answer
// has no speed.
func near(b *testing.B, name string, got, want, relative float64) {
	b.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		b.Fatalf("%s is %v, want %v", name, got, want)
	}
}

func size(name string, n int) string { return fmt.Sprintf("%s=%d", name, n) }
