package infonce_test

import (
	"math"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// TestTripletCollapse: where all rows are equal the loss is the margin, or ln 2, without a
// gradient.
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
			each(g, func(p, i int, row []float32) {
				for _, v := range row {
					if v != 0 {
						t.Fatalf("%s: gradient %v of row %d of part %d, want 0", c.name, v, i, p)
					}
				}
			})
		}
	})
}

// TestTripletHinge: at v = 0 there is no slope, and Active counts what is above. All numbers are
// exact.
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

// TestTripletSwap: the nearer of anchor and positive is pushed from the negative, the anchor in a
// tie.
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
		value, slope := Softplus(v)
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
			c := trial{variant: v, name: v.Name, b: b, scale: 1}
			if v.Labels {
				c.b = pairs
			}
			c.want, c.base = v.ask(c.b), gradFor(c.b)
			c.tol = v.published(c.b, c.want)
			c.run(t, v.New(1))
		}
	})
}

// TestSingleTriplet: a lone triplet counts, in rows and in a list. Elsewhere index lists of length
// 1 were taken for none.
func TestSingleTriplet(t *testing.T) {
	b := Batch{Q: rowsOf([]float32{0, 0}), K: rowsOf([]float32{4, 0}), Negatives: rowsOf([]float32{0, 2})}
	list := Batch{Q: rowsOf([]float32{0, 2}, []float32{0, 0}, []float32{4, 0}), Triplets: []Triple{{1, 2, 0}}}
	for name, b := range map[string]Batch{"rows": b, "list": list} {
		g := gradFor(b)
		r := evaluate(t, name, &Triplet{}, b, &g, 5)
		if !equal(r, Result{Loss: 3, Valid: 1, Active: 1}) || !slices.Equal(r.Losses, []float64{3}) {
			t.Errorf("%s: %+v, want a loss of 3", name, r)
		}
		if name == "list" {
			check.SameBits(t, name, g.Q.Data, []float32{0, -5, -5, 5, 5, 0})
		}
	}
}

// TestSoftMarginFarNegatives: the soft margin is finite where d(a, p) − d(a, n) is below −88.7,
// where e^−v exceeds float32, and so is its gradient.
func TestSoftMarginFarNegatives(t *testing.T) {
	for _, far := range []float32{88, 89, 200, 1e4, 1e19} {
		rows := rowsOf([]float32{0}, []float32{0}, []float32{far}, []float32{far})
		for name, c := range map[string]struct {
			loss Loss
			b    Batch
		}{
			"Triplet":      {&Triplet{Soft: true}, Batch{Q: rowsOf([]float32{0}), K: rowsOf([]float32{0}), Negatives: rowsOf([]float32{far})}},
			"Triplet list": {&Triplet{Soft: true, Squared: true}, Batch{Q: rows, Triplets: []Triple{{0, 1, 2}, {2, 3, 0}}}},
			"BatchHard":    {&BatchHard{Soft: true}, Batch{Q: rows, Labels: []int{0, 0, 1, 1}}},
			"BatchAll":     {&BatchAll{Soft: true}, Batch{Q: rows, Labels: []int{0, 0, 1, 1}}},
		} {
			g := gradFor(c.b)
			if r := evaluate(t, name, c.loss, c.b, &g, 1); !(r.Loss >= 0 && r.Loss < 1e-38) {
				t.Errorf("%s: loss %v of a negative at distance %v, want about 0", name, r.Loss, far)
			}
			each(g, func(_, _ int, row []float32) {
				if !(math.Abs(float64(row[0])) < 1e-37) {
					t.Errorf("%s: gradient %v of a negative at distance %v, want about 0", name, row, far)
				}
			})
		}
	}
}

// TestNoTriplets: an empty list of triplets is a loss of 0 that reads no K, and leaves gradients
// alone.
func TestNoTriplets(t *testing.T) {
	r := check.NewRand(61)
	b := Batch{Q: gaps(5, 3, 0, r.Normals32(15)), Triplets: []Triple{}}
	g := Batch{Q: gaps(5, 3, 0, b.Q.Data)}
	for _, reduction := range []Reduction{Mean, Sum, MeanActive} {
		if r := evaluate(t, "Triplet", &Triplet{Reduction: reduction}, b, &g, 1); !isZero(r) {
			t.Errorf("%v: %+v, want all 0", reduction, r)
		}
	}
	check.SameBits(t, "gradient", g.Q.Data, b.Q.Data)
}

// TestTripletList: triples of stacked rows have the bits of the losses of the rows one by one, and
// their gradients but for the rounding of the mean.
func TestTripletList(t *testing.T) {
	const n, d = 70, 130
	r := check.NewRand(62)
	x := gaps(3*n, d, 0, r.Normals32(3*n*d))
	rows := Batch{Q: x.Slice(0, n), K: x.Slice(n, 2*n), Negatives: x.Slice(2*n, 3*n)}
	list := Batch{Q: x}
	for i := range n {
		list.Triplets = append(list.Triplets, Triple{i, n + i, 2*n + i})
	}
	for _, l := range []*Triplet{{Margin: 5}, {Squared: true, Swap: true, Reduction: MeanActive}, {Soft: true, Normalize: true}} {
		g, h := gradFor(rows), gradFor(list)
		want := evaluate(t, "rows", l, rows, &g, 1)
		losses := slices.Clone(want.Losses)
		got := evaluate(t, "list", l, list, &h, 1)
		if !equal(got, want) || !slices.Equal(got.Losses, losses) {
			t.Errorf("%+v: list %+v, rows %+v", l, got, want)
		}
		for p := range 3 {
			size := float64(max(simd.Max(part(g, p).Data), -slices.Min(part(g, p).Data)))
			for k, v := range part(g, p).Data {
				if w := h.Q.Data[p*n*d+k]; math.Abs(float64(w-v)) > 8*ulp*size {
					t.Fatalf("gradient %v of element %d of part %d, %v in the list", v, k, p, w)
				}
			}
		}
	}
}

// TestTripletEpsilon: the distances of PyTorch, ‖x − y + ε‖, and of optax, √(‖x − y‖² + ε). All
// numbers are exact.
func TestTripletEpsilon(t *testing.T) {
	b := Batch{
		Q:         rowsOf([]float32{1, 1}),
		K:         rowsOf([]float32{-1.5, -2.5}), // x − y is (2.5, 3.5)
		Negatives: rowsOf([]float32{1.5, 1.5}),   // (−0.5, −0.5)
	}
	g := gradFor(b)
	r := evaluate(t, "coordinate", &Triplet{Margin: 2, CoordinateEpsilon: 0.5}, b, &g, 5)
	// (3, 4) has norm 5, and (0, 0) has no direction.
	if r.Loss != 5-0+2 {
		t.Errorf("loss %v with an epsilon in each coordinate, want 7", r.Loss)
	}
	check.SameBits(t, "coordinate: anchor", g.Q.Data, []float32{3, 4})
	check.SameBits(t, "coordinate: positive", g.K.Data, []float32{-3, -4})
	check.SameBits(t, "coordinate: negative", g.Negatives.Data, []float32{0, 0})

	b.K, b.Negatives = rowsOf([]float32{1, 4}), rowsOf([]float32{1, 1}) // (0, −3) and (0, 0)
	for list := range 2 {
		if list == 1 {
			b = Batch{Q: rowsOf(b.Q.Row(0), b.K.Row(0), b.Negatives.Row(0)), Triplets: []Triple{{0, 1, 2}}}
		}
		g = gradFor(b)
		r = evaluate(t, "root", &Triplet{Margin: 2, RootEpsilon: 16}, b, &g, 5)
		if r.Loss != 5-4+2 {
			t.Errorf("loss %v with an epsilon under the root, want 3", r.Loss)
		}
		check.SameBits(t, "root: anchor", g.Q.Row(0), []float32{0, -3})
	}
}
