package ref

import (
	"fmt"
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestSigLIPBiasGradient(t *testing.T) {
	r := check.NewRand(14)
	for i := range 100 {
		q, k := normals(r, 1+r.IntN(4), 3), normals(r, 5, 3)
		temperature, bias := 0.5+r.Float64(), []float64{4*r.Float64() - 2}
		f := func() float64 {
			value, _ := SigLIP(q, k, temperature, bias[0], true)
			return value
		}
		_, g := SigLIP(q, k, temperature, bias[0], true)
		check.Gradient(t, fmt.Sprintf("configuration %d", i), f, bias, []float64{g.DBias})
	}
}

// One pair is a logistic regression: ln(1 + exp(−z)), with slope −σ(−z) in z.
func TestSigLIPOfOnePair(t *testing.T) {
	for _, z := range []float64{-800, -20, 0, 1, 30, 700} {
		value, g := SigLIP(line(2), line(1), 2, z-1, false)
		want, slope := math.Log1p(math.Exp(-z)), -1/(1+math.Exp(z))
		if z < -700 {
			want = -z
		}
		// z − 1 is rounded at 2^−53 of 800, and it is in the exponent.
		if !near(value, want, 2e-13) || !near(g.DBias, slope, 2e-13) || !near(g.DQ.At(0, 0), slope/2, 2e-13) ||
			!near(g.DK.At(0, 0), slope, 2e-13) || !near(g.DTemperature, -slope/2, 2e-13) {
			t.Errorf("z=%v: %v and %v, want %v and the slope %v", z, value, g, want, slope)
		}
	}
}

// With g = ∂L/∂z: ∂L/∂b = Σ g, Σ q·∂L/∂q = Σ k·∂L/∂k = Σ g s/τ = −τ ∂L/∂τ, and
// Σ g = (Σ σ(z) − N)/N.
func TestSigLIPSumRules(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		const n, bias = 5, -0.7
		q, k := normals(r, n, 4), normals(r, n, 4)
		qn, kn := embedded(q, normalize), embedded(k, normalize)
		_, g := SigLIP(qn, kn, temperature, bias, false)
		scores := make([]float64, 0, 3)
		for _, v := range []float64{Dot(qn.Data, g.DQ.Data), Dot(kn.Data, g.DK.Data), -temperature * g.DTemperature} {
			scores = append(scores, v)
		}
		compare(t, "Σ q·∂L/∂q, Σ k·∂L/∂k, −τ ∂L/∂τ", scores, []float64{scores[2], scores[2], scores[2]}, 1e-12)
		s := MatMulTransB(qn, kn)
		sum := -float64(n)
		for _, v := range s.Data {
			sum += 1 / (1 + math.Exp(-v/temperature-bias))
		}
		compare(t, "bias", []float64{g.DBias, 1}, []float64{sum / n, 1}, 1e-13)
	})
}

// Turning the views around transposes everything.
func TestSigLIPIsSymmetric(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 6, 4), normals(r, 6, 4)
		a, ga := SigLIP(q, k, temperature, -3, normalize)
		b, gb := SigLIP(k, q, temperature, -3, normalize)
		compareValue(t, "value", a, b)
		compare(t, "q", ga.DQ.Data, gb.DK.Data, sameTerms)
		compare(t, "k", ga.DK.Data, gb.DQ.Data, sameTerms)
		compareValue(t, "temperature", ga.DTemperature, gb.DTemperature)
		compareValue(t, "bias", ga.DBias, gb.DBias)
	})
}
