package generic

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

// Dot returns Σ x[i]·y[i], each product fused into its lane's sum:
//
//	for i := range x { lane[i%32] = fma(x[i], y[i], lane[i%32]) }
func Dot(x, y []float32) float32 {
	var lane [32]float32
	y = y[:len(x)]
	for len(x) >= 32 {
		a, b := (*[32]float32)(x), (*[32]float32)(y)
		for l := range lane {
			s := float64(float64(a[l])*float64(b[l])) + float64(lane[l])
			if u := math.Float64bits(s); u<<35 != 1<<63 && u<<1 >= (1023-126)<<53 {
				lane[l] = float32(s) // scalar.FMA inlined by hand: it is too large for the compiler
			} else {
				lane[l] = scalar.FMA(a[l], b[l], lane[l])
			}
		}
		x, y = x[32:], y[32:]
	}
	for i := range x {
		lane[i] = scalar.FMA(x[i], y[i], lane[i])
	}
	return tree(lane[:])
}

// SquaredDistance returns Σ (x[i]−y[i])², each square fused into its lane's sum:
//
//	for i := range x { d := x[i] - y[i]; lane[i%32] = fma(d, d, lane[i%32]) }
func SquaredDistance(x, y []float32) float32 {
	var lane [32]float32
	y = y[:len(x)]
	for i := range x {
		d := x[i] - y[i]
		lane[i%32] = scalar.FMA(d, d, lane[i%32])
	}
	return tree(lane[:])
}

// tree adds the lanes in halves. len(lane) is a power of two; lane is overwritten.
func tree(lane []float32) float32 {
	for n := len(lane) / 2; n > 0; n /= 2 {
		for l := range n {
			lane[l] += lane[l+n]
		}
	}
	return lane[0] + 0
}
