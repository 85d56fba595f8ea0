package infonce_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/internal/check"
)

// TestWeightsAreLinear: in all losses with weights the value and gradient of the weighted sum are
// the weighted sums of those of the single terms, and the mean is the sum over the sum of the
// weights.
func TestWeightsAreLinear(t *testing.T) {
	r := check.NewRand(160)
	const n, d = 9, 6
	custom := lossVariant("Custom", catalog.Shape{Keys: same}, func(workers int) Loss {
		return &Custom{Workers: workers, Score: func(i int, z []float32) float64 { return crossEntropyRow(i, z) }}
	})
	custom.Queries = 1
	for _, v := range append(allVariants(), custom) {
		if !reflect.ValueOf(v.New(1)).Elem().FieldByName("Reduction").IsValid() {
			continue
		}
		new := func(reduction Reduction) Loss { return withReduction(v.New(1), reduction) }
		b := v.batch(r, n, d, 0, 0.5)
		weights := []float32{0, 1, 2, 0.5, 3, 0, 1, 1, 4}
		for len(weights) < len(b.Triplets) {
			weights = append(weights, weights...)[:min(len(b.Triplets), 2*len(weights))]
		}
		b.Weights = nil
		plain := evaluate(t, v.Name, new(Sum), b, nil, 1)
		terms := slices.Clone(plain.Losses)
		loss, total, sum := 0.0, 0.0, 0.0
		want := gradFor(b)
		for i, w := range weights {
			total += float64(w)
			b.Weights = make([]float32, len(weights))
			b.Weights[i] = w
			sum += evaluate(t, v.Name, new(Sum), b, &want, 1).Loss
		}
		for i, l := range terms {
			of := i % len(weights)
			if v.Scores {
				of = i / d // d terms a row
			}
			loss += float64(weights[of]) * l
		}
		b.Weights = weights
		got := outcomeOf(t, v.Name, new(Sum), b)
		size := 1.0 // of terms of either sign
		for _, l := range terms {
			size += math.Abs(l)
		}
		if math.Abs(got.r.Loss-sum) > 1e-12*size {
			t.Errorf("%s: loss %v, want %v", v.Name, got.r.Loss, sum)
		}
		for p := range 3 {
			sameNumbers(t, v.Name, part(got.g, p).Data, part(want, p).Data, 1e-5)
		}
		if v.Queries == 0 || len(terms)%n != 0 {
			continue // which terms count depends on the labels
		}
		if !v.Symmetric && math.Abs(got.r.Loss-loss) > 1e-12*size { // those of both ways are no sum of terms with one weight
			t.Errorf("%s: loss %v, want %v from the losses of the terms", v.Name, got.r.Loss, loss)
		}
		if !v.Symmetric {
			total *= float64(len(terms) / n)
		}
		mean := outcomeOf(t, v.Name, new(Mean), b)
		if math.Abs(mean.r.Loss-got.r.Loss/total) > 1e-12*size {
			t.Errorf("%s: mean %v, want %v", v.Name, mean.r.Loss, got.r.Loss/total)
		}
		for i := range want.Q.Data {
			want.Q.Data[i] = float32(float64(got.g.Q.Data[i]) / total)
		}
		sameNumbers(t, v.Name+" mean", mean.g.Q.Data, want.Q.Data, 1e-5)
	}
}
