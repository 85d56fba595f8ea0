package infonce

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// TestTripletCollapse: where all rows are equal the loss is the margin, or ln 2, without a gradient.
func TestTripletCollapse(t *testing.T) {
	x := simd.NewMatrix(8, 5)
	for i := range 8 {
		copy(x.Row(i), []float32{1, -2, 0.3, 4, 0.1})
	}
	labels := []int{0, 0, 1, 1, 2, 2, 3, 3}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			loss Loss
			want float64
		}{
			{"Triplet", &Triplet{}, 1},
			{"Triplet, margin", &Triplet{Margin: 0.25, Squared: true, Swap: true, Normalize: true}, 0.25},
			{"Triplet, soft", &Triplet{Soft: true}, math.Ln2},
			{"BatchHard", &BatchHard{Margin: 0.25}, 0.25},
			{"BatchHard, soft", &BatchHard{Soft: true, Squared: true}, math.Ln2},
		} {
			b := Batch{Q: x, K: x, Negatives: x, Labels: labels}
			g := gradFor(b)
			r := evaluate(t, c.name, c.loss, b, &g, 1)
			if !near(r.Loss, c.want, 1e-15) || r.Valid != 8 || r.Active != 8 {
				t.Errorf("%s: %+v, want a loss of %v", c.name, r, c.want)
			}
			g.each(func(p, i int, row []float32) {
				for _, v := range row {
					if v != 0 {
						t.Fatalf("%s: gradient %v of row %d of part %d, want 0", c.name, v, i, p)
					}
				}
			})
		}
	})
}

// TestTripletHinge: at v = 0 there is no slope, and Active counts what is above. All numbers are exact.
func TestTripletHinge(t *testing.T) {
	b := Batch{
		Q:         simd.NewMatrix(4, 2),
		K:         rowsOf([]float32{4, 0}, []float32{2, 0}, []float32{4, 0}, []float32{1, 0}),
		Negatives: rowsOf([]float32{0, 4}, []float32{0, 4}, []float32{0, -2}, []float32{0, 8}),
	}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		r := evaluate(t, "Triplet", &Triplet{Margin: 2}, b, &g, 4)
		// v is 2, 0, 4 and −5.
		if !equal(r, Result{Loss: 1.5, Valid: 4, Active: 2}) {
			t.Errorf("%+v, want a loss of 1.5 of which 2 of 4 are active", r)
		}
		check.SameBits(t, "positives", g.K.Data, []float32{1, 0, 0, 0, 1, 0, 0, 0})
		check.SameBits(t, "negatives", g.Negatives.Data, []float32{0, -1, 0, 0, 0, 1, 0, 0})
		check.SameBits(t, "anchors", g.Q.Data, []float32{-1, 1, 0, 0, -1, -1, 0, 0})
	})
}

// TestTripletSwap: the nearer of anchor and positive is pushed from the negative, the anchor in a tie.
func TestTripletSwap(t *testing.T) {
	b := Batch{
		Q:         rowsOf([]float32{0}, []float32{0}, []float32{-1}),
		K:         rowsOf([]float32{2}, []float32{1}, []float32{1}),
		Negatives: rowsOf([]float32{2.5}, []float32{-0.25}, []float32{0}),
	}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		r := evaluate(t, "Triplet", &Triplet{Swap: true, Squared: true}, b, &g, 3)
		// v is 4 − 0.25 + 1, 1 − 0.0625 + 1 and 4 − 1 + 1.
		if want := (4.75 + 1.9375 + 4) / 3; !near(r.Loss, want, 1e-15) {
			t.Errorf("loss %v, want %v", r.Loss, want)
		}
		check.SameBits(t, "anchors", g.Q.Data, []float32{-4, -2 - 0.5, -4 + 2})
		check.SameBits(t, "positives", g.K.Data, []float32{4 + 1, 2, 4})
		check.SameBits(t, "negatives", g.Negatives.Data, []float32{-1, 0.5, -2})
	})
}

// TestSoftplus: the soft margin neither overflows nor loses small values.
func TestSoftplus(t *testing.T) {
	for v := -120.0; v <= 800; v += 0.37 {
		value, slope := softplus(v)
		e := math.Exp(-math.Abs(v))
		want, wantSlope := math.Log1p(e), e/(1+e)
		if v > 0 {
			want, wantSlope = v+math.Log1p(e), 1/(1+e)
		}
		// The exponential errs by an ulp of float32, and has no digits below the normal numbers.
		if !(math.Abs(value-want) <= 2*ulp*want+0x1p-126) || !(math.Abs(slope-wantSlope) <= 2*ulp*wantSlope+0x1p-126) {
			t.Errorf("softplus(%v) = %v, %v, want %v, %v", v, value, slope, want, wantSlope)
		}
	}
	// d(a, p) − d(a, n) = −100 overflowed elsewhere; 1e5 does too when exponentiated.
	for _, d := range []float32{100, 1e5} {
		b := Batch{Q: rowsOf([]float32{0}), K: rowsOf([]float32{0}), Negatives: rowsOf([]float32{d})}
		if r := evaluate(t, "Triplet", &Triplet{Soft: true}, b, nil, 1); !(r.Loss >= 0 && r.Loss < 1e-40) {
			t.Errorf("soft margin at −%v: loss %v", d, r.Loss)
		}
		b.K, b.Negatives = b.Negatives, b.K
		if r := evaluate(t, "Triplet", &Triplet{Soft: true}, b, nil, 1); r.Loss != float64(d) {
			t.Errorf("soft margin at %v: loss %v", d, r.Loss)
		}
	}
}

// TestNearDuplicates: distances far below the norms are exact, where |a|² − 2ab + |b|² in
// float32 has no digit left. Face verification lives there.
func TestNearDuplicates(t *testing.T) {
	const n, d = 6, 256
	r := check.NewRand(60)
	a := gaps(n, d, 0, r.Normals32(n*d))
	simd.NormalizeRows(a, a, make([]float32, n))
	moved := func(by float32) simd.Matrix {
		m := simd.NewMatrix(n, d)
		for i := range n {
			for j, v := range a.Row(i) {
				m.Row(i)[j] = v + float32(by*float32(r.IntN(3)-1))
			}
		}
		return m
	}
	p, neg := moved(1.3e-4), moved(2e-4)
	b := Batch{Q: a, K: p, Negatives: neg}
	pairs := Batch{Q: simd.NewMatrix(2*n, d), Labels: make([]int, 2*n)}
	for i := range n {
		copy(pairs.Q.Row(2*i), a.Row(i))
		copy(pairs.Q.Row(2*i+1), p.Row(i))
		pairs.Labels[2*i], pairs.Labels[2*i+1] = i, i
	}
	if got := ref.SquaredDistance(mat(a).Row(0), mat(p).Row(0)); math.Sqrt(got) > 0.003 || got == 0 {
		t.Fatalf("distance %v, want near 0.0017", math.Sqrt(got))
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, v := range tripletVariants(1e-3, false) {
			c := trial{variant: v, name: v.name, b: b, scale: 1}
			if v.labels {
				c.b = pairs
			}
			c.want, c.base = v.ask(c.b), gradFor(c.b)
			c.tol = v.published(c.b, c.want)
			c.run(t, v.new(1))
		}
	})
}

// TestSingleTriplet: one triplet counts.
func TestSingleTriplet(t *testing.T) {
	b := Batch{Q: rowsOf([]float32{0, 0}), K: rowsOf([]float32{3, 4}), Negatives: rowsOf([]float32{0, 2})}
	if r := evaluate(t, "Triplet", &Triplet{}, b, nil, 1); !equal(r, Result{Loss: 4, Valid: 1, Active: 1}) {
		t.Errorf("%+v, want a loss of 4", r)
	}
}
