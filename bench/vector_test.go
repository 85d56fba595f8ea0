package bench

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

var sink float32

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

// inCache is the length of a row that stays, with its result, in the first-level cache.
const inCache = 4096

// runElements measures f, and plain as rival=math where there is one, on a row in the
// cache. Both return a number that is to be want.
func runElements(b *testing.B, want float64, f, plain func() float32) {
	run := func(b *testing.B, f func() float32) {
		near(b, "the result", float64(f()), want, 1e-6)
		for b.Loop() {
			sink = f()
		}
		reportElements(b, inCache)
	}
	b.Run(size("n", inCache), func(b *testing.B) {
		eachLevel(b, true, func(b *testing.B) { run(b, f) })
		if plain != nil {
			b.Run("rival=math", func(b *testing.B) { run(b, plain) })
		}
	})
}

// sumExp returns Σ e^(x−shift).
func sumExp(x []float32, shift float64) float64 {
	s := 0.0
	for _, v := range x {
		s += math.Exp(float64(v) - shift)
	}
	return s
}

func BenchmarkExpSum(b *testing.B) {
	x, dst := uniform(1, inCache), make([]float32, inCache)
	runElements(b, sumExp(x, 1),
		func() float32 { return simd.ExpSum(dst, x, 1) },
		func() float32 {
			s := 0.0
			for i, v := range x {
				e := math.Exp(float64(v - 1))
				dst[i] = float32(e)
				s += e
			}
			return float32(s)
		})
}

func BenchmarkSumExp(b *testing.B) {
	x := uniform(1, inCache)
	runElements(b, sumExp(x, 1),
		func() float32 { return simd.SumExp(x, 1) },
		func() float32 { return float32(sumExp(x, 1)) })
}

func BenchmarkLogSumExp(b *testing.B) {
	x := uniform(1, inCache)
	runElements(b, ref.LogSumExp(float64s(x)),
		func() float32 { return simd.LogSumExp(x) },
		func() float32 {
			m := x[0]
			for _, v := range x {
				m = max(m, v)
			}
			return float32(math.Log(sumExp(x, float64(m)))) + m
		})
}

func BenchmarkSoftmax(b *testing.B) {
	x, dst := uniform(1, inCache), make([]float32, inCache)
	runElements(b, ref.LogSumExp(float64s(x)), func() float32 { return simd.Softmax(dst, x) }, nil)
	near(b, "a probability", float64(dst[7]), ref.Softmax(float64s(x))[7], 1e-6)
}

func BenchmarkLog(b *testing.B) {
	x, dst := uniform(1, inCache), make([]float32, inCache)
	for i := range x {
		x[i] = 1.5 + x[i]
	}
	runElements(b, math.Log(float64(x[7])),
		func() float32 { simd.Log(dst, x); return dst[7] },
		func() float32 {
			for i, v := range x {
				dst[i] = float32(math.Log(float64(v)))
			}
			return dst[7]
		})
}

// BenchmarkRows has a matrix that no cache holds.
func BenchmarkRows(b *testing.B) {
	const n = 4096
	x, dst, lse := uniformMatrix(1, n, n), simd.NewMatrix(n, n), make([]float32, n)
	run := func(name string, f func()) {
		b.Run("op="+name+"/"+size("rows", n)+"/"+size("cols", n), func(b *testing.B) {
			eachLevel(b, false, func(b *testing.B) {
				skipSlow(b, 100*n*n)
				clear(lse)
				f()
				near(b, "the last row", float64(lse[n-1]), ref.LogSumExp(float64s(x.Row(n-1))), 1e-6)
				for b.Loop() {
					f()
				}
				reportElements(b, n*n)
			})
		})
	}
	run("LogSumExp", func() { simd.LogSumExpRows(lse, x) })
	run("Softmax", func() { simd.SoftmaxRows(dst, x, lse) })
}
