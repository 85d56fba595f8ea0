package scalar

import "math"

// Constants of Log, those of FreeBSD's e_logf.c: log(1+f) = f − f²/2 + s·(f²/2 + R)
// with s = f/(2+f) and R a polynomial in s².
const (
	LogLn2Hi  = 0x1.62e3p-1 // n·LogLn2Hi is exact for |n| ≤ 150
	LogLn2Lo  = 0x1.2fefa2p-17
	Lg1       = 0x1.555554p-1
	Lg2       = 0x1.999c26p-2
	Lg3       = 0x1.23d3dcp-2
	Lg4       = 0x1.f13c4cp-3
	SqrtHalf  = 0x3f3504f3 // bits of √½, the lower end of the reduced argument
	LogScale  = 1 << 23    // lifts subnormals into the normal range
	MinNormal = 0x1p-126
)

// Log returns the natural logarithm of x. It is the definition of the log kernels. The error is
// below 0.9 ULP for all positive inputs. Log(±0) = −Inf, Log(+Inf) = +Inf, Log(x < 0) = NaN,
// Log(NaN) = NaN.
func Log(x float32) float32 {
	switch {
	case x == 0:
		return float32(math.Inf(-1))
	case x < 0 || x != x:
		return float32(math.NaN())
	case x > math.MaxFloat32:
		return x
	}
	k := int32(-127)
	if x < MinNormal {
		x *= LogScale
		k -= 23
	}
	u := math.Float32bits(x) + (0x3f800000 - SqrtHalf)
	k += int32(u >> 23)
	f := math.Float32frombits(u&0x007fffff+SqrtHalf) - 1
	n := float32(k)

	s := f / (2 + f)
	z := s * s
	w := z * z
	r := float32(w*FMA(w, Lg4, Lg2)) + float32(z*FMA(w, Lg3, Lg1))
	h := float32(float32(0.5*f) * f)
	t := FMA(s, h+r, float32(n*LogLn2Lo)) - h
	return FMA(n, LogLn2Hi, t+f)
}
