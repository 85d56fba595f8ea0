package bench

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

var sink float32

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func BenchmarkDot(b *testing.B) {
	for _, n := range []int{128, 768, 1536} {
		b.Run(size("n", n), func(b *testing.B) {
			x, y := uniform(1, n), uniform(2, n)
			want := ref.Dot(float64s(x), float64s(y))
			run := func(b *testing.B, f func() float32) {
				near(b, "Dot", float64(f()), want, 1e-4)
				for b.Loop() {
					sink = f()
				}
				reportFlops(b, float64(2*n), 0)
			}
			eachLevel(b, true, func(b *testing.B) { run(b, func() float32 { return simd.Dot(x, y) }) })
			b.Run("rival=gonum", func(b *testing.B) {
				u, v := blas32.Vector{N: n, Inc: 1, Data: x}, blas32.Vector{N: n, Inc: 1, Data: y}
				run(b, func() float32 { return blas32.Dot(u, v) })
			})
		})
	}
}

func BenchmarkExpSum(b *testing.B) {
	const n = 4096
	b.Run(size("n", n), func(b *testing.B) {
		x, dst := uniform(1, n), make([]float32, n)
		want := 0.0
		for _, v := range x {
			want += math.Exp(float64(v - 1))
		}
		run := func(b *testing.B, f func() float32) {
			near(b, "ExpSum", float64(f()), want, 1e-6)
			for b.Loop() {
				sink = f()
			}
			reportElements(b, n)
		}
		eachLevel(b, true, func(b *testing.B) { run(b, func() float32 { return simd.ExpSum(dst, x, 1) }) })
		b.Run("rival=math", func(b *testing.B) {
			run(b, func() float32 {
				s := 0.0
				for i, v := range x {
					e := math.Exp(float64(v - 1))
					dst[i] = float32(e)
					s += e
				}
				return float32(s)
			})
		})
	})
}

func BenchmarkLogSumExp(b *testing.B) {
	const n = 4096
	b.Run(size("n", n), func(b *testing.B) {
		x := uniform(1, n)
		want := ref.LogSumExp(float64s(x))
		run := func(b *testing.B, f func() float32) {
			near(b, "LogSumExp", float64(f()), want, 1e-6)
			for b.Loop() {
				sink = f()
			}
			reportElements(b, n)
		}
		eachLevel(b, true, func(b *testing.B) { run(b, func() float32 { return simd.LogSumExp(x) }) })
		b.Run("rival=math", func(b *testing.B) {
			run(b, func() float32 {
				m := x[0]
				for _, v := range x {
					m = max(m, v)
				}
				s := 0.0
				for _, v := range x {
					s += math.Exp(float64(v - m))
				}
				return float32(math.Log(s)) + m
			})
		})
	})
}

// reportElements reports how many elements were done a nanosecond, of n an iteration.
func reportElements(b *testing.B, n int) {
	b.ReportMetric(float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "elem/ns")
}
