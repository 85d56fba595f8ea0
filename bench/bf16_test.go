package bench

import (
	"testing"

	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// BenchmarkPrecision measures the three products of InfoNCE over n embeddings of d numbers with
// operands of either precision, on one core: the logits q·kᵀ, and g·k and gᵀ·q of the gradients.
// Packing is included, and the conversion of both operands. The peak is that of float32: in
// bfloat16 some CPUs reach 200 %.
func BenchmarkPrecision(b *testing.B) {
	for _, d := range []int{128, 512} {
		const n = 1024
		x, y, g := uniformMatrix(1, n, d), uniformMatrix(2, n, d), uniformMatrix(3, n, n+16)
		g.Cols = n
		s, grad := simd.NewMatrix(n, n), simd.NewMatrix(n, d)
		for _, precision := range []simd.Precision{simd.Float32, simd.BFloat16} {
			p := simd.Packed{Precision: precision}
			for _, c := range []struct {
				name string
				f    func()
			}{
				{"logits", func() { p.PackTrans(y); p.Mul(s, 1, x) }},
				{"dq", func() { p.Pack(y); p.Mul(grad, 1, g) }},
				{"dk", func() { p.Pack(x); p.MulTransA(grad, 1, g) }},
			} {
				b.Run(size("n", n)+"/"+size("d", d)+"/product="+c.name+"/precision="+precision.String(), func(b *testing.B) {
					eachLevel(b, false, func(b *testing.B) {
						flops := 2 * float64(n) * float64(n) * float64(d)
						skipSlow(b, flops)
						c.f()
						if c.name == "logits" {
							near(b, "an element and 100", 100+float64(s.Row(3)[5]), 100+ref.Dot(float64s(x.Row(3)), float64s(y.Row(5))), 2e-3)
						}
						best := peak(1)
						for b.Loop() {
							c.f()
						}
						reportFlops(b, flops, best)
					})
				})
			}
		}
	}
}
