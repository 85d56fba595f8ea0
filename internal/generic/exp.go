package generic

import "github.com/contrast-go/contrast/internal/scalar"

// SumExp returns Σ exp(x[i] − shift):
//
//	for i := range x { lane[i%16] += exp(x[i] - shift) }
func SumExp(x []float32, shift float32) float32 {
	var lane [16]float32
	for i, v := range x {
		lane[i%16] += scalar.Exp(v - shift)
	}
	return tree(lane[:])
}

// ExpLanes stores exp(x − shift) and adds it to 16 sums:
//
//	for i := range x { dst[i] = exp(x[i] - shift); lane[i%16] += dst[i] }
func ExpLanes(dst, x []float32, shift float32, lane *[16]float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		e := scalar.Exp(v - shift)
		dst[i] = e
		lane[i%16] += e
	}
}

// Log stores the natural logarithm:
//
//	for i := range dst { dst[i] = log(x[i]) }
func Log(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = scalar.Log(v)
	}
}
