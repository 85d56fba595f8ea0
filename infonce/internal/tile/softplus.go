package tile

import (
	"math"
	"slices"

	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// softplusChunk is how many numbers softplusRow works on at a time, so that its scratch memory
// stays in the first-level cache; softplusLanes is how many products it leaves of them. Both decide
// the order of the sum.
const (
	softplusChunk = 1024
	softplusLanes = 64
)

// SoftplusScratch is the scratch memory of SoftplusRow.
type SoftplusScratch struct{ up, u, r, t [softplusChunk + 16]float32 }

// Constants for vector operations.
var (
	ones     = slices.Repeat([]float32{1}, softplusChunk)
	parabola = slices.Repeat([]float32{32. / 99}, softplusChunk)
)

// SoftplusRow returns Σ ln(1 + e^x) of x = z + bias and the sum of the slopes 1/(1 + e^−x), and
// replaces each z by minus its slope. A z of −Inf adds nothing.
//
// With a = e^min(0, x) and b = e^min(0, −x), one of which is 1, ln(1 + e^x) is max(0, x) + ln(1 +
// a·b) and the slope a/(a + b). The sum of logarithms is the logarithm of a product, which is kept
// less 1, as 1 + r = (1 + p)·(1 + q) for r = q·(1 + p) + p: all terms are positive, so small ones
// keep their digits. There is no division of vectors: 1/u for u = a + b in [1, 2] is a parabola,
// off by 1/99 at most, after two steps of Newton's method, each of which squares the error. That is
// ten passes over the numbers less than with logarithms.
func SoftplusRow(z []float32, bias float32, room *SoftplusScratch) (sum, slopes float64) {
	for len(z) > 0 {
		x := z[:min(len(z), softplusChunk)]
		z = z[len(x):]
		u, r, t, one := room.u[:len(x)], room.r[:len(x)], room.t[:len(x)], ones[:len(x)]
		e := x
		if simd.Max(x)+bias <= 0 {
			simd.ExpSum(x, x, -bias)
			simd.Add(u, x, one) // b is 1
		} else {
			up := room.up[:len(x)]
			clear(up)
			simd.MaxAffine(up, x, 1, bias)
			sum += float64(simd.Sum(up))
			simd.Axpy(x, bias, one)
			simd.Axpy(x, -1, up)
			simd.Exp(x, x)
			simd.Scale(up, -1, up)
			simd.Exp(up, up)
			simd.Add(u, x, up)
			simd.MulShifted(up, up, x, 0)
			e = up
		}
		sum += logProduct(e, room.t[:softplusChunk])

		// The parabola is 32/99·(u² − 4.5·u + 6.5625): 1 − u times it is −T₃(2u − 3)/99, of the
		// Chebyshev polynomial T₃.
		simd.MulShifted(t, u, u, -4.5)
		simd.MulShifted(r, parabola[:len(x)], t, 6.5625)
		simd.MulShifted(t, u, r, 0)
		simd.MulShifted(r, r, t, -2) // r·(2 − u·r), but for the sign, which stays
		simd.MulShifted(t, u, r, 0)
		simd.MulShifted(r, r, t, 2)
		simd.MulShifted(x, x, r, 0)
		slopes -= float64(simd.Sum(x))
	}
	return sum, slopes
}

// logProduct returns Σ ln(1 + e_j) for at most softplusChunk numbers e_j in [0, 1]; t is scratch of
// that size.
func logProduct(e, t []float32) float64 {
	// A product has softplusChunk/softplusLanes = 16 factors, so it is at most 2¹⁶.
	for len(e) > softplusLanes {
		half := (len(e) + 1) / 2
		p, q := e[:len(e)-half], e[half:]
		simd.MulShifted(t[:len(q)], q, p, 1)
		simd.Add(t[:len(q)], t[:len(q)], p)
		copy(t[len(q):half], e[len(q):half]) // the middle one, where their number is odd
		e, t = t[:half], t[half:]
	}
	// Eight of them at most go into one here, and four of these into a logarithm: (2¹⁶)³² fits into
	// a float64.
	var p [8]float64
	for i, q := range e {
		p[i%8] = join(p[i%8], float64(q))
	}
	return scalar.Log1p64(join(join(p[0], p[1]), join(p[2], p[3]))) + scalar.Log1p64(join(join(p[4], p[5]), join(p[6], p[7])))
}

// join returns (1 + p)·(1 + q) − 1.
func join(p, q float64) float64 { return p + float64(q*(1+p)) }

// Softplus returns ln(1 + e^v) and its derivative 1/(1 + e^−v).
func Softplus(v float64) (value, slope float64) {
	// e^−|v|, with what is lost in the conversion to float32 put back.
	x := -math.Abs(v)
	hi := float32(max(x, scalar.ExpMin))
	e := float64(float64(scalar.Exp(hi)) * (1 + (max(x, scalar.ExpMin) - float64(hi))))
	if v > 0 {
		return v + scalar.Log1p64(e), 1 / (1 + e)
	}
	return scalar.Log1p64(e), e / (1 + e)
}
