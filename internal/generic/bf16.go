package generic

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

// Products of bfloat16 numbers.
//
// A bfloat16 is a float32 whose lower 16 bits are 0: it has a significand of 8 bits. The product of
// two is exact in float32 unless it overflows or underflows, and BFloat16 prevents underflow: what
// it returns is 0 or at least 2^-56, a multiple of 2^-63, so products and all their sums are
// multiples of 2^-126. No subnormal number can arise in a chain from +0. Therefore instructions that
// treat subnormal numbers as 0, as those for bfloat16 on amd64 do, return the bits of ordinary fused
// multiply-adds.
//
// For CPUs that multiply pairs of bfloat16 a pair lies in the bits of a float32. The first number is
// in the upper half, because that comes first in the chain.

// The bits of the magnitudes that are rounded. Smaller ones become zeros, larger ones are NaN.
const (
	least = (127 - 56) << 23
	inf   = 0xff << 23
)

// BFloat16 returns the bfloat16 nearest to x, the even one in a tie. If |x| is below 2^-56 that is a
// zero with the sign of x; a number that rounds to 2^128 or more becomes infinite.
func BFloat16(x float32) float32 {
	u := math.Float32bits(x)
	switch magnitude := u &^ (1 << 31); {
	case magnitude < least:
		u &= 1 << 31
	case magnitude > inf:
		u |= 1 << 22 // a quiet NaN, whose lower bits may be dropped
	default:
		u += 1<<15 - 1 + u>>16&1
	}
	return math.Float32frombits(u &^ (1<<16 - 1))
}

// RoundBFloat16 stores the nearest bfloat16:
//
//	for i := range dst { dst[i] = bfloat16(x[i]) }
func RoundBFloat16(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		u := math.Float32bits(v)
		if u&^(1<<31)-least > inf-least {
			dst[i] = BFloat16(v)
			continue
		}
		u += 1<<15 - 1 + u>>16&1 // BFloat16 inlined by hand: it is too large for the compiler
		dst[i] = math.Float32frombits(u &^ (1<<16 - 1))
	}
}

// PairRows stores pairs of bfloat16, the first of a pair from x and the second from y:
//
//	for i := range dst { dst[i] = pair(bfloat16(x[i]), bfloat16(y[i])) }
func PairRows(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range x {
		dst[i] = pair(v, y[i])
	}
}

// PairRow stores neighbours of x as pairs of bfloat16. If the length of x is odd, its last element is
// paired with +0:
//
//	for i := range dst { dst[i] = pair(bfloat16(x[2*i]), bfloat16(x[2*i+1])) }
//
// The length of dst must be half that of x, rounded up.
func PairRow(dst, x []float32) {
	for i := range len(x) / 2 {
		dst[i] = pair(x[2*i], x[2*i+1])
	}
	if len(x)%2 == 1 {
		dst[len(x)/2] = pair(x[len(x)-1], 0)
	}
}

// pair returns the pair of x and y, rounded.
func pair(x, y float32) float32 {
	return math.Float32frombits(math.Float32bits(BFloat16(x)) | math.Float32bits(BFloat16(y))>>16)
}

// unpair returns the numbers of a pair.
func unpair(p float32) (x, y float32) {
	u := math.Float32bits(p)
	return math.Float32frombits(u >> 16 << 16), math.Float32frombits(u << 16)
}

// GemmPairs is Gemm of pairs of bfloat16:
//
//	for i := range rows {
//		for j := range GemmCols {
//			s := 0; if add { s = c[i*ldc+j] }
//			for p := range k {
//				a0, a1 := unpair(a[i*ars+p*acs])
//				b0, b1 := unpair(b[p*GemmCols+j])
//				s = fma(a0, b0, s)
//				s = fma(a1, b1, s)
//			}
//			c[i*ldc+j] = alpha * s
//		}
//	}
//
// rows must be a multiple of GemmRows. Subnormal numbers in c, a and b count as 0.
func GemmPairs(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	for i := range rows {
		for j := range GemmCols {
			var s float32
			if add {
				s = c[i*ldc+j]
			}
			for p := range k {
				a0, a1 := unpair(a[i*ars+p*acs])
				b0, b1 := unpair(b[p*GemmCols+j])
				s = scalar.FMA(a0, b0, s)
				s = scalar.FMA(a1, b1, s)
			}
			c[i*ldc+j] = alpha * s
		}
	}
}
