package infonce_test

import (
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestMaskedMaximum: a row is not its own candidate, so its similarity of 1 to itself must not
// enter the shift; at low temperatures all others would vanish below it and the loss be NaN.
func TestMaskedMaximum(t *testing.T) {
	r := check.NewRand(50)
	var trials []trial
	for _, τ := range []float32{0.008, 0.005, 0.001} {
		for _, v := range softmaxVariants(τ, false) {
			if v.Queries != 2 {
				continue
			}
			b := v.batch(r, 8, 64, 0, 0)
			for p := range 2 {
				m := part(b, p)
				simd.NormalizeRows(m, m, make([]float32, m.Rows))
			}
			c := trial{variant: v, name: v.Name, b: b, want: v.ask(b), base: gradFor(b), scale: 1}
			c.tol = v.derived(b, c.want)
			if c.want.loss < 20 {
				t.Fatalf("loss %v is too small for this test", c.want.loss)
			}
			trials = append(trials, c)
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range trials {
			c.run(t, c.New(1))
		}
	})
}

// TestNTXentViews: swapping the views swaps the gradients, up to the order of sums; one sample has
// only its positive, so loss and gradient are 0.
func TestNTXentViews(t *testing.T) {
	r := check.NewRand(51)
	q, k := gaps(9, 5, 0, r.Normals32(45)), gaps(9, 5, 0, r.Normals32(45))
	check.EachLevel(t, func(t *testing.T) {
		l := &NTXent{}
		want, got := outcomeOf(t, "NTXent", l, Batch{Q: q, K: k}), outcomeOf(t, "NTXent", l, Batch{Q: k, K: q})
		if !near(got.r.Loss, want.r.Loss, 1e-7) || want.r.Valid != 18 {
			t.Errorf("%+v after a swap of the views, %+v before", got.r, want.r)
		}
		for i, x := range want.g.Q.Data {
			if math.Abs(float64(x-got.g.K.Data[i])) > 1e-7 {
				t.Errorf("gradient %v after a swap of the views, %v before", got.g.K.Data[i], x)
			}
		}
		one := outcomeOf(t, "NTXent", l, Batch{Q: q.Slice(0, 1), K: k.Slice(0, 1)})
		if one.r.Loss != 0 || one.r.DTemperature != 0 || one.r.Valid != 2 {
			t.Errorf("one sample: %+v, want 0", one.r)
		}
		for _, x := range append(one.g.Q.Data, one.g.K.Data...) {
			if x != 0 {
				t.Errorf("one sample: gradient %v, want 0", x)
			}
		}
	})
}
