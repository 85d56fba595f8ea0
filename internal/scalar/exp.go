package scalar

import "math"

// Constants of Exp. ln2 is split so that n·Ln2Hi is exact for |n| ≤ 150.
const (
	ExpMin   = -104 // exp underflows to 0 below
	ExpMax   = 89   // exp overflows to +Inf above
	ExpRound = 0x1.8p23
	Log2E    = 0x1.715476p0
	Ln2Hi    = 0x1.62e4p-1
	Ln2Lo    = 0x1.7f7d1cp-20
)

// ExpCoef holds the coefficients of the polynomial of Exp, the highest degree first. They minimise
// the relative error on [−ln2/2, ln2/2] in float32.
var ExpCoef = [7]float32{0x1.6a2404p-10, 0x1.123ap-7, 0x1.5558f2p-5, 0x1.555492p-3, 0x1.fffffcp-2, 1, 1}

// Exp returns e^x. It is the definition of the exp kernels. The error is below 0.9 ULP for all
// inputs, even for subnormal results. Exp(±0) = 1, Exp(−Inf) = 0, Exp(+Inf) = +Inf, Exp(NaN) = NaN.
func Exp(x float32) float32 {
	if x < ExpMin {
		x = ExpMin
	}
	if x > ExpMax {
		x = ExpMax
	}
	if x != x {
		return x
	}
	z := FMA(x, Log2E, ExpRound) // the low bits of z hold round(x/ln2)
	n := z - ExpRound
	r := FMA(n, -Ln2Hi, x)
	r = FMA(n, -Ln2Lo, r)
	p := ExpCoef[0]
	for _, c := range ExpCoef[1:] {
		p = FMA(p, r, c)
	}
	// Two powers of two, because one alone cannot reach the subnormals. The first product is exact.
	k := int32(math.Float32bits(z)) - int32(math.Float32bits(ExpRound))
	h := k >> 1
	return p * pow2(h) * pow2(k-h)
}

func pow2(k int32) float32 { return math.Float32frombits(uint32(k+127) << 23) }
