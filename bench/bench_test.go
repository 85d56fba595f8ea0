package bench

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// eachLevel runs f at the level in use, which is the best unless CONTRAST_LEVEL names another, or
// with all set at every level of this CPU.
func eachLevel(b *testing.B, all bool, f func(b *testing.B)) {
	levels := []cpu.Level{cpu.Active()}
	if all {
		levels = cpu.Levels()
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

// once reports whether each benchmark runs only once, to show that it works.
func once() bool { return flag.Lookup("test.benchtime").Value.String() == "1x" }

// skipSlow skips what is too slow to be worth its time.
func skipSlow(b *testing.B, flops float64) {
	switch {
	case cpu.Active() == cpu.Generic && flops > 2e9:
		b.Skip("takes seconds at the generic level; its rate is that of smaller sizes")
	case once() && flops > 5e9:
		b.Skip("too large to run only once")
	}
}

// reportFlops reports the rate of operations, given how many an iteration makes, and its share of
// the peak if that is known.
func reportFlops(b *testing.B, flops, peak float64) {
	rate := flops * float64(b.N) / float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(rate, "GFLOP/s")
	if peak > 0 {
		b.ReportMetric(100*rate/peak, "%peak")
	}
}

// reportRate reports how many of what are done in a second, given n in an iteration.
func reportRate(b *testing.B, n int, what string) {
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), what+"/s")
}

// reportElements reports how many elements are done in a nanosecond, given n in an iteration.
func reportElements(b *testing.B, n int) {
	b.ReportMetric(float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "elem/ns")
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

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func size(name string, n int) string { return fmt.Sprintf("%s=%d", name, n) }
