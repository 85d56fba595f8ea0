package kerneltest

import (
	"math"

	"github.com/contrast-go/contrast/internal/check"
)

// data lists ways to fill an operand. Sums of uniform bits are mostly NaN and Inf, so the other
// ways give finite numbers, or nearly only those.
var data = []struct {
	name string
	fill func(r *check.Rand, n int) []float32
}{
	{"normal", (*check.Rand).Normals32},
	{"bits", (*check.Rand).Bits32},
	{"expo", func(r *check.Rand, n int) []float32 { return r.Float32s(n, -110, 110) }},
	{"tiny", func(r *check.Rand, n int) []float32 {
		x := r.Normals32(n) // with subnormal products, and ±0
		for i := range x {
			x[i] *= 0x1p-70
			if i%5 == 0 {
				x[i] = float32(math.Copysign(0, float64(x[i])))
			}
		}
		return x
	}},
	{"subnormal", func(r *check.Rand, n int) []float32 {
		x := make([]float32, n) // and ±0
		for i := range x {
			x[i] = math.Float32frombits(r.Uint32() & 0x807fffff >> (r.IntN(2) * r.IntN(32)))
		}
		return x
	}},
	{"wide", func(r *check.Rand, n int) []float32 {
		x := r.Bits32(n) // finite, of all magnitudes
		for i, v := range x {
			if math.IsInf(float64(v), 0) || v != v {
				x[i] = 1
			}
		}
		return x
	}},
	{"rare", func(r *check.Rand, n int) []float32 {
		x := r.Normals32(n) // a few are any bits
		if n > 0 {
			for range 1 + n/97 {
				x[r.IntN(n)] = r.Bits32(1)[0]
			}
		}
		return x
	}},
}
