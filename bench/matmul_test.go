package bench

import (
	"runtime"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// BenchmarkMatMulTransB computes the n×n similarity matrix of n embeddings of d numbers with n
// others, on one core, packing included. gonum is held to one core too.
func BenchmarkMatMulTransB(b *testing.B) {
	for _, n := range []int{256, 1024, 4096} {
		for _, d := range []int{128, 512, 768} {
			b.Run(size("n", n)+"/"+size("d", d), func(b *testing.B) {
				x, y, dst := uniformMatrix(1, n, d), uniformMatrix(2, n, d), simd.NewMatrix(n, n)
				run := func(b *testing.B, f func()) {
					flops := 2 * float64(n) * float64(n) * float64(d)
					skipSlow(b, flops)
					clear(dst.Data)
					f()
					for i := 0; i < n; i += n / 16 {
						j := i * 7 % n
						near(b, "an element and 100", 100+float64(dst.Row(i)[j]), 100+ref.Dot(float64s(x.Row(i)), float64s(y.Row(j))), 1e-6)
					}
					best := peak(1)
					b.ReportAllocs()
					for b.Loop() {
						f()
					}
					reportFlops(b, flops, best)
				}
				eachLevel(b, n == 256 && d == 128, func(b *testing.B) { run(b, func() { simd.MatMulTransB(dst, 1, x, y) }) })
				b.Run("rival=gonum", func(b *testing.B) {
					if n > 1024 {
						b.Skip("takes seconds; its rate is that of n=1024")
					}
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
					run(b, func() {
						blas32.Gemm(blas.NoTrans, blas.Trans, 1, blas32.General(x), blas32.General(y), 0, blas32.General(dst))
					})
				})
			})
		}
	}
}

// BenchmarkPack lays out n embeddings of d numbers as the right operand of products.
func BenchmarkPack(b *testing.B) {
	for _, n := range []int{256, 1024, 4096} {
		for _, d := range []int{128, 768} {
			x := uniformMatrix(1, n, d)
			var p simd.Packed
			run := func(b *testing.B, pack func(simd.Matrix)) {
				eachLevel(b, false, func(b *testing.B) {
					pack(x)
					b.SetBytes(int64(4 * n * d))
					for b.Loop() {
						pack(x)
					}
				})
			}
			b.Run(size("n", n)+"/"+size("d", d)+"/trans=false", func(b *testing.B) { run(b, p.Pack) })
			b.Run(size("n", n)+"/"+size("d", d)+"/trans=true", func(b *testing.B) { run(b, p.PackTrans) })
		}
	}
}
