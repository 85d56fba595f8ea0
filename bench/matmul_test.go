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

// BenchmarkPacked makes the three products of a loss of n pairs of embeddings of d numbers, for a
// strip of 192 queries, on one core: the similarities s = q·kᵀ, dq = s·k, and dk, to which it
// adds sᵀ·q, the packing of q included. The rows of s do not lie a multiple of 4 KiB apart.
func BenchmarkPacked(b *testing.B) {
	const strip = 192
	for _, op := range []string{"logits", "dq", "dk"} {
		for _, n := range []int{256, 1024, 4096} {
			for _, d := range []int{128, 512, 768} {
				b.Run("op="+op+"/"+size("n", n)+"/"+size("d", d), func(b *testing.B) {
					eachLevel(b, n == 256 && d == 128, func(b *testing.B) {
						flops := 2 * strip * float64(n) * float64(d)
						skipSlow(b, flops)
						q, k := uniformMatrix(1, strip, d), uniformMatrix(2, n, d)
						s := simd.Matrix{Rows: strip, Cols: n, Stride: n + 16, Data: uniform(3, strip*(n+16))}
						dq, dk := simd.NewMatrix(strip, d), simd.NewMatrix(n, d)
						var p simd.Packed
						run := func() { p.Mul(s, 1, q) }
						got, want := &s.Row(1)[2], 0.0
						switch op {
						case "logits":
							p.PackTrans(k)
							want = ref.Dot(float64s(q.Row(1)), float64s(k.Row(2)))
						case "dq":
							p.Pack(k)
							run = func() { p.Mul(dq, 1, s) }
							got = &dq.Row(1)[2]
							for j := range n {
								want += float64(s.Row(1)[j]) * float64(k.Row(j)[2])
							}
						case "dk":
							run = func() { p.Pack(q); p.AddMulTransA(dk, s) }
							got = &dk.Row(1)[2]
							for i := range strip {
								want += float64(s.Row(i)[1]) * float64(q.Row(i)[2])
							}
						}
						run()
						near(b, "an element and 100", 100+float64(*got), 100+want, 1e-6)
						best := peak(1)
						for b.Loop() {
							run()
						}
						reportFlops(b, flops, best)
					})
				})
			}
		}
	}
}
