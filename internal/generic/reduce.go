package generic

import "math"

// Sum returns Σ x[i]:
//
//	for i := range x { lane[i%16] += x[i] }
func Sum(x []float32) float32 {
	var lane [16]float32
	for i, v := range x {
		lane[i%16] += v
	}
	return tree(lane[:])
}

// Max returns the largest x[i] that is not NaN, and −Inf if there is none. Both zeros are +0:
//
//	m := −Inf; for i := range x { if x[i] > m { m = x[i] } }; return m + 0
func Max(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m + 0
}

// IndexAtLeast returns the first i with x[i] ≥ least, and len(x) if there is none:
//
//	for i := range x { if x[i] >= least { return i } }; return len(x)
func IndexAtLeast(x []float32, least float32) int {
	for i, v := range x {
		if v >= least {
			return i
		}
	}
	return len(x)
}
