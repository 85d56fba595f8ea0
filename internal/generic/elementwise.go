package generic

import "github.com/contrast-go/contrast/internal/scalar"

// Axpy adds alpha·x to y:
//
//	for i := range y { y[i] = fma(alpha, x[i], y[i]) }
func Axpy(y []float32, alpha float32, x []float32) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] = scalar.FMA(alpha, v, y[i])
	}
}

// Scale stores alpha·x:
//
//	for i := range dst { dst[i] = alpha * x[i] }
func Scale(dst []float32, alpha float32, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = alpha * v
	}
}

// Add stores x + y:
//
//	for i := range dst { dst[i] = x[i] + y[i] }
func Add(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range x {
		dst[i] = v + y[i]
	}
}

// MulShifted stores x·(w + alpha):
//
//	for i := range dst { dst[i] = x[i] * (w[i] + alpha) }
//
// The gradient of a two-sided softmax needs it.
func MulShifted(dst, x, w []float32, alpha float32) {
	x, w = x[:len(dst)], w[:len(dst)]
	for i, v := range x {
		dst[i] = v * (w[i] + alpha)
	}
}

// MaxAffine stores the larger of dst and alpha·x + c, which is fused. Where one is NaN, dst stays:
//
//	for i := range dst { if m := fma(alpha, x[i], c); m > dst[i] { dst[i] = m } }
func MaxAffine(dst, x []float32, alpha, c float32) {
	x = x[:len(dst)]
	for i, v := range x {
		if m := scalar.FMA(alpha, v, c); m > dst[i] {
			dst[i] = m
		}
	}
}
