// Package scalar holds scalar functions that return the same bits on every architecture.
//
// The functions of package math do not: Exp and Log are written in assembly on some architectures,
// and compilers fuse x*y + z if the CPU can. Here every product that feeds an addition is wrapped
// in an explicit conversion, which according to the language specification prevents fusion.
package scalar

import "math"

// FMA returns a·b + c with a single rounding, as the hardware instruction does.
//
// The product of two float32 is exact in float64, so only the sum is rounded there. Rounding it
// again to float32 is right unless it lies halfway between two float32 or is subnormal; in those
// cases the sum is first rounded to odd (Boldo and Melquiond 2008). float32(math.FMA(…)) gets them
// wrong.
func FMA(a, b, c float32) float32 {
	s := float64(float64(a)*float64(b)) + float64(c)
	if u := math.Float64bits(s); u<<35 != 1<<63 && u<<1 >= (1023-126)<<53 {
		return float32(s)
	}
	return fmaSlow(a, b, c)
}

//go:noinline
func fmaSlow(a, b, c float32) float32 {
	x, y := float64(float64(a)*float64(b)), float64(c)
	s := x + y
	if s == 0 || math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	// Knuth's two-sum: x + y = s + e exactly.
	yy := s - x
	e := (x - (s - yy)) + (y - yy)
	u := math.Float64bits(s)
	if e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return float32(math.Float64frombits(u))
}
