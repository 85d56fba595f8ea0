package infonce_test

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestPrecision: products in bfloat16 change losses and gradients by what their rounding explains.
// Two unit vectors rounded to 8 bits change a cosine by at most 2·2⁻⁹ and a little, so a logit by
// β·2⁻⁸, and a loss by twice that; a probability changes by the same factor, and is rounded like
// the row that it weighs.
func TestPrecision(t *testing.T) {
	const d = 64
	n, temperatures := 200, []float32{0.5, 0.07}
	if testing.Short() {
		n, temperatures = 50, temperatures[1:]
	}
	r := check.NewRand(90)
	for _, temperature := range temperatures {
		vs := append(softmaxVariants(temperature, false), optionVariants(temperature, false)...)
		vs = append(vs, viewVariants(temperature, false)...)
		for _, v := range append(vs, metricVariants(1/temperature, 0.3)...) {
			if v.Paired {
				continue // has no products
			}
			b := v.batch(r, n, d, 0, 0.5)
			exact := outcomeOf(t, v.Name, v.New(1), b)
			rounded := outcomeOf(t, v.Name, withPrecision(v.New(1), simd.BFloat16), b)
			logit := v.Beta * 0x1p-8
			loss := math.Abs(rounded.r.Loss - exact.r.Loss)
			var worst, largest float64
			each(b, func(p, i int, _ []float32) {
				g, h := part(exact.g, p).Row(i), part(rounded.g, p).Row(i)
				for j := range g {
					largest = max(largest, math.Abs(float64(g[j])))
					worst = max(worst, math.Abs(float64(g[j])-float64(h[j])))
				}
			})
			t.Logf("%s: loss %.6f, off by %.2g; gradient off by %.2g of the largest", v.Name, exact.r.Loss, loss, worst/largest)
			// A loss changes by that of its logits times Σ|∂L/∂z|, which is 2 for a mean of
			// cross-entropies.
			if limit := max(v.force(exact.r.Loss), 2) * logit; loss > limit {
				t.Errorf("%s: loss is off by %g, want at most %g", v.Name, loss, limit)
			}
			if limit := (2*max(v.Steep, 1)*logit + 2*0x1p-8) * largest; worst > limit {
				t.Errorf("%s: gradient is off by %g, want at most %g", v.Name, worst, limit)
			}
			if loss == 0 || worst == 0 {
				t.Errorf("%s: Precision changes nothing", v.Name)
			}
		}
	}
}
