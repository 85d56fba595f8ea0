package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestWeightsAreLinear: the sum of weighted losses has the weighted sum of the gradients of the single terms, and the
// mean is that over the sum of the weights.
func TestWeightsAreLinear(t *testing.T) {
	r := check.NewRand(160)
	const n, d = 9, 6
	b := Batch{Q: gaps(n, d, 0, r.Normals32(n*d)), K: gaps(n, d, 0, r.Normals32(n*d))}
	weights := []float32{0, 1, 2, 0.5, 3, 0, 1, 1, 4}
	for _, new := range []func(r Reduction) Loss{
		func(r Reduction) Loss { return &SigLIP{Reduction: r} },
		func(r Reduction) Loss { return &HCL{Reduction: r, Concentration: 0.5, PriorPositive: 0.02} },
		func(r Reduction) Loss { return &NPair{Reduction: r, Regularization: 0.1} },
		func(r Reduction) Loss {
			return &Custom{Reduction: r, Score: func(i int, z []float32) float64 { return crossEntropyRow(i, z) }}
		},
	} {
		name := fmt.Sprintf("%T", new(Sum))
		b.Weights = nil
		plain := evaluate(t, name, new(Sum), b, nil, 1)
		terms := append([]float64{}, plain.Losses...)
		loss, total := 0.0, 0.0
		want := gradFor(b)
		for i, l := range terms {
			loss += float64(weights[i%n]) * l
			total += float64(weights[i%n])
		}
		for i, w := range weights {
			b.Weights = make([]float32, n)
			b.Weights[i] = w
			evaluate(t, name, new(Sum), b, &want, 1)
		}
		b.Weights = weights
		got := outcomeOf(t, name, new(Sum), b)
		if !near(got.r.Loss, loss, 1e-12) {
			t.Errorf("%s: loss %v, want %v", name, got.r.Loss, loss)
		}
		for p := range 2 {
			sameNumbers(t, name, part(got.g, p).Data, part(want, p).Data, 1e-6)
		}
		mean := outcomeOf(t, name, new(Mean), b)
		if !near(mean.r.Loss, loss/total, 1e-12) {
			t.Errorf("%s: mean %v, want %v", name, mean.r.Loss, loss/total)
		}
		for i, g := range want.Q.Data {
			if w := float64(g) / total; math.Abs(float64(mean.g.Q.Data[i])-w) > 1e-6*(math.Abs(w)+1e-2) {
				t.Errorf("%s: gradient %v of the mean, want %v", name, mean.g.Q.Data[i], w)
				break
			}
		}
	}
}
