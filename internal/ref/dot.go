package ref

import "math"

// Dot returns Σ x_i·y_i.
func Dot(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += float64(x[i] * y[i])
	}
	return sum
}

// SquaredDistance returns Σ (x_i − y_i)².
func SquaredDistance(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		d := x[i] - y[i]
		sum += float64(d * d)
	}
	return sum
}

// Sum returns Σ x_i.
func Sum(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum
}

// Max returns the largest x_i that is not NaN, −Inf if there is none.
func Max(x []float64) float64 {
	m := math.Inf(-1)
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// axpy adds alpha·x to y.
func axpy(y []float64, alpha float64, x []float64) {
	for i := range y {
		y[i] += float64(alpha * x[i])
	}
}
