package check

import (
	"math"
	"testing"
)

// Gradient reports an error if grad is not the gradient of f at x: if an element is not finite, or
// differs from the central difference (f(x+ε) − f(x−ε)) / 2ε by more than
// 1e-5 + 1e-3·|difference|, with ε = 1e-6 (the tolerances of PyTorch's gradcheck). f reads x, which
// Gradient changes and restores. f must be smooth within ε of x, and its value not much larger than
// 1e3, where rounding alone brings the difference near the tolerance.
func Gradient(t testing.TB, name string, f func() float64, x, grad []float64) {
	t.Helper()
	const (
		eps  = 1e-6
		atol = 1e-5
		rtol = 1e-3
	)
	if len(x) != len(grad) {
		t.Errorf("%s: %d elements of gradient for %d of x", name, len(grad), len(x))
		return
	}
	for i, old := range x {
		hi, lo := old+eps, old-eps
		x[i] = hi
		fhi := f()
		x[i] = lo
		flo := f()
		x[i] = old
		want := (fhi - flo) / (hi - lo)
		// Negated so that a NaN on either side is an error too.
		if !(math.Abs(grad[i]-want) <= atol+float64(rtol*math.Abs(want))) {
			t.Errorf("%s: ∂f/∂x[%d] = %v, central difference %v", name, i, grad[i], want)
			return
		}
	}
}
