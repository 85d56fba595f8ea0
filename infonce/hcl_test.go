package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// TestHCLIsNTXent: without concentration and prior HCL has the bits of NTXent, and with very little
// of them its values.
func TestHCLIsNTXent(t *testing.T) {
	r := check.NewRand(130)
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			n, d        int
			temperature float32
		}{{1, 3, 0}, {2, 5, 0.5}, {50, 17, 0.07}, {60, 8, 0.01}} {
			b := Batch{Q: gaps(c.n, c.d, 1, r.Normals32(c.n*c.d)), K: gaps(c.n, c.d, 0, r.Normals32(c.n*c.d)), IDs: make([]int, c.n)}
			for i := range b.IDs {
				b.IDs[i] = r.IntN(c.n)
				b.Weights = append(b.Weights, float32(1+r.IntN(3)))
			}
			name := fmt.Sprintf("%+v", c)
			want := outcomeOf(t, name, &NTXent{Temperature: c.temperature}, b)
			l := &HCL{Temperature: c.temperature}
			outcomeOf(t, name, l, b).same(t, name, want)

			// The other path, as near to it as it gets.
			l.Concentration, l.PriorPositive = 1e-12, 1e-12
			got := outcomeOf(t, name, l, b)
			if math.Abs(got.r.Loss-want.r.Loss) > 1e-6*want.r.Loss+1e-9 || math.Abs(got.r.DTemperature-want.r.DTemperature) > 1e-5*math.Abs(want.r.DTemperature)+1e-6 || got.r.Clamped != 0 {
				t.Errorf("%s: %+v, want %+v", name, got.r, want.r)
			}
			for p := range 2 {
				sameNumbers(t, name, part(got.g, p).Data, part(want.g, p).Data, maxGradientError)
			}
		}
	})
}

// TestHCLDoesNotOverflow: the authors' code exponentiates without a shift, which for temperatures
// below 0.0113 overflows float32. The loss is right down to 1e-4.
func TestHCLDoesNotOverflow(t *testing.T) {
	r := check.NewRand(131)
	const n, d = 24, 8
	b := Batch{Q: gaps(n, d, 0, r.Normals32(n*d)), K: gaps(n, d, 0, r.Normals32(n*d))}
	copy(b.Q.Row(1), b.Q.Row(0)) // a negative of cosine 1
	if math.Exp(1/0.0112) < math.MaxFloat32 || math.Exp(1/0.0113) > math.MaxFloat32 {
		t.Fatal("the bound is not that of float32")
	}
	for _, temperature := range []float32{0.0113, 0.0112, 0.005, 1e-3, 1e-4} {
		for _, c := range []struct{ concentration, prior float32 }{{1, 0}, {0.5, 0.01}, {0, 0.05}} {
			l := &HCL{Temperature: temperature, Concentration: c.concentration, PriorPositive: c.prior}
			want, _ := ref.HCL(mat(b.Q), mat(b.K), float64(temperature), float64(c.concentration), float64(c.prior), true)
			o := outcomeOf(t, "HCL", l, b)
			if !near(o.r.Loss, want, maxValueError) || want < 30 {
				t.Errorf("τ=%v, %+v: loss %v, want %v", temperature, c, o.r.Loss, want)
			}
			var size float64
			for _, g := range o.g.Q.Data {
				size = max(size, math.Abs(float64(g)))
			}
			if !(size > 0) || math.IsInf(size, 0) {
				t.Errorf("τ=%v, %+v: the largest element of the gradient is %v", temperature, c, size)
			}
		}
	}
}

// TestHCLClamp: where a negative is as much like the anchor as the prior explains, the bound holds
// the row. Its loss follows from the positive alone, its negatives have no gradient, and the
// temperature has one through the bound.
func TestHCLClamp(t *testing.T) {
	const temperature, prior = 0.5, 0.4
	// Positives agree and negatives are at right angles: R is m, and with ρ·m·e² > m the bound
	// holds, m·e⁻².
	const n = 5
	b := Batch{Q: simd.NewMatrix(n, n), K: simd.NewMatrix(n, n)}
	for i := range n {
		b.Q.Row(i)[i], b.K.Row(i)[i] = 1, 2
	}
	l := &HCL{Temperature: temperature, PriorPositive: prior, Concentration: 1}
	o := outcomeOf(t, "HCL", l, b)
	loss := func(τ float64) float64 { return math.Log1p((2*n - 2) * math.Exp(-2/τ)) }
	if !near(o.r.Loss, loss(temperature), 1e-6) || o.r.Clamped != 2*n || o.r.Valid != 2*n {
		t.Errorf("%+v, want a loss of %v and all rows clamped", o.r, loss(temperature))
	}
	if want := (loss(temperature+1e-6) - loss(temperature-1e-6)) / 2e-6; !near(o.r.DTemperature, want, 1e-5) {
		t.Errorf("∂L/∂τ %v, want %v", o.r.DTemperature, want)
	}
	for i, g := range o.g.Q.Data {
		if g != 0 {
			t.Errorf("gradient %v of element %d, want 0: positives are where they should be", g, i)
		}
	}

	// Without a prior nothing can be below the bound, and R is m·e^0.
	l.PriorPositive = 0
	o = outcomeOf(t, "HCL", l, b)
	if want := math.Log1p((2*n - 2) * math.Exp(-2)); !near(o.r.Loss, want, 1e-6) || o.r.Clamped != 0 {
		t.Errorf("%+v, want a loss of %v", o.r, want)
	}

	// A prior that leaves something: (m − ρ·m·e²)/(1 − ρ).
	l.PriorPositive = 0.1
	o = outcomeOf(t, "HCL", l, b)
	if want := math.Log1p((2*n - 2) * (math.Exp(-2) - 0.1) / 0.9); !near(o.r.Loss, want, 1e-5) || o.r.Clamped != 0 {
		t.Errorf("%+v, want a loss of %v", o.r, want)
	}
}

// TestHCLCollapse: where all rows are equal, neither concentration nor prior matter.
func TestHCLCollapse(t *testing.T) {
	x := rowsOf([]float32{1, 2, 3}, []float32{1, 2, 3}, []float32{1, 2, 3}, []float32{1, 2, 3})
	for _, c := range []struct{ concentration, prior float32 }{{0, 0}, {2, 0}, {0, 0.3}, {1, 0.1}} {
		l := &HCL{Concentration: c.concentration, PriorPositive: c.prior}
		if r := evaluate(t, "HCL", l, Batch{Q: x, K: x}, nil, 1); !near(r.Loss, math.Log(7), 1e-6) || r.Clamped != 0 {
			t.Errorf("%+v: %+v, want a loss of ln 7", c, r)
		}
	}
}

// TestHCLIDs: samples with the same ID are no negatives of each other: the loss of the others
// beside them alone is that of a batch without them.
func TestHCLIDs(t *testing.T) {
	r := check.NewRand(132)
	const n, d = 12, 5
	b := Batch{Q: gaps(n, d, 0, r.Normals32(n*d)), K: gaps(n, d, 0, r.Normals32(n*d)), IDs: make([]int, n)}
	for i := 1; i < n; i++ {
		b.IDs[i] = 1 // sample 0 has all others, the others sample 0 alone
	}
	l := &HCL{Concentration: 1, PriorPositive: 0.05}
	losses := append([]float64{}, evaluate(t, "ids", l, b, nil, 1).Losses...)
	for i := 1; i < n; i++ {
		two := func(m simd.Matrix) simd.Matrix { return rowsOf(m.Row(0), m.Row(i)) }
		want := evaluate(t, "two", l, Batch{Q: two(b.Q), K: two(b.K)}, nil, 1).Losses
		if !near(losses[i], want[1], 1e-6) || !near(losses[n+i], want[3], 1e-6) {
			t.Errorf("sample %d costs %v and %v, want %v and %v", i, losses[i], losses[n+i], want[1], want[3])
		}
	}
	b.IDs = nil
	if want := evaluate(t, "all", l, b, nil, 1).Losses; !near(losses[0], want[0], 1e-12) || !near(losses[n], want[n], 1e-12) {
		t.Errorf("sample 0 costs %v and %v, want %v and %v", losses[0], losses[n], want[0], want[n])
	}
	b.IDs = make([]int, n)
	if o := outcomeOf(t, "one", l, b); o.r.Loss != 0 || o.g.Q.Data[0] != 0 {
		t.Errorf("%+v where all samples are the same, want 0", o.r)
	}
}
