package check

import "math"

// ULP returns |got − want| in units in the last place of float32 at want. The unit is the distance
// 2^(e−23) between neighbours for 2^e ≤ |want| < 2^(e+1), at least the 2^−149 between subnormals
// and at most the 2^104 below overflow. A correctly rounded result is within 0.5.
//
// An infinite got counts as ±2^128, the value that would follow MaxFloat32, and is exact if |want|
// is that or larger. The result is 0 if both are NaN, and +Inf if one is.
func ULP(got float32, want float64) float64 {
	const (
		minExponent = -126 // of the smallest normal number
		maxExponent = 127
		overflow    = 1 << 128
	)
	g := float64(got)
	switch {
	case math.IsNaN(want) && math.IsNaN(g), g == want:
		return 0
	case math.IsNaN(want) || math.IsNaN(g):
		return math.Inf(1)
	case math.IsInf(g, 0) && math.Signbit(g) == math.Signbit(want) && math.Abs(want) >= overflow:
		return 0
	case math.IsInf(g, 0):
		g = math.Copysign(overflow, g)
	}
	e := minExponent // Frexp has no exponent for zero
	if want != 0 {
		_, e = math.Frexp(want)
		e = min(max(e-1, minExponent), maxExponent)
	}
	return math.Ldexp(math.Abs(g-want), 23-e)
}
