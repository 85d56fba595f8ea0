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

// TestUniformityClosedForms: ln mean e^(−t·d²) where all pairs have the same distance.
func TestUniformityClosedForms(t *testing.T) {
	equal := rowsOf([]float32{1, 2, -3}, []float32{1, 2, -3}, []float32{2, 4, -6}, []float32{0.5, 1, -1.5})
	right := simd.NewMatrix(50, 50)
	for i := range 50 {
		right.Row(i)[i] = float32(i + 1)
	}
	for _, c := range []struct {
		name    string
		x       simd.Matrix
		squared float64 // distance
	}{
		{"all rows equal", equal, 0},
		{"opposite rows", rowsOf([]float32{1, 2}, []float32{-3, -6}), 4},
		{"rows at right angles", right, 2},
		{"simplex of 8", simplex(8), 2. * 8 / 7},
		{"simplex of 64", simplex(64), 2. * 64 / 63},
		{"one row", equal.Slice(0, 1), 0},
	} {
		for _, exponent := range []float32{0.5, 2, MaxUniformT} {
			want := -float64(exponent) * c.squared
			r := evaluate(t, c.name, &AlignUniform{T: exponent}, Batch{Q: c.x}, nil, 1)
			if math.Abs(r.Loss-want) > 4e-7*float64(exponent)+1e-7 {
				t.Errorf("%s, t=%v: %v, want %v", c.name, exponent, r.Loss, want)
			}
		}
	}
}

// TestUniformityOfTheSphere: rows spread at random come near the value of the uniform distribution,
// −2t + ln ₀F₁(d/2; t²).
func TestUniformityOfTheSphere(t *testing.T) {
	const n = 1500
	r := check.NewRand(150)
	for _, c := range []struct {
		d    int
		want float64
	}{{2, -1.575027}, {3, -2.079777}, {8, -3.082527}, {16, -3.513036}, {64, -3.875236}, {128, -3.937530}} {
		res := evaluate(t, "sphere", &AlignUniform{}, Batch{Q: gaps(n, c.d, 0, r.Normals32(n*c.d))}, nil, 1)
		// The pairs of n rows: each kernel varies by about itself, but rows are independent, not
		// pairs.
		if math.Abs(res.Loss-c.want) > 4/math.Sqrt(n*float64(c.d)) {
			t.Errorf("%d dimensions: uniformity %v, want %v", c.d, res.Loss, c.want)
		}
	}
}

// TestAlignUniformTerms: the loss is the weighted sum of its two terms, and either can be computed
// alone.
func TestAlignUniformTerms(t *testing.T) {
	r := check.NewRand(151)
	const n, d = 40, 7
	b := Batch{Q: gaps(n, d, 1, r.Normals32(n*d)), K: gaps(n, d, 0, r.Normals32(n*d))}
	align, _ := ref.Align(mat(b.Q), mat(b.K), 2)
	q, _ := ref.Uniform(mat(b.Q), 2)
	k, _ := ref.Uniform(mat(b.K), 2)
	for _, c := range []struct {
		l     AlignUniform
		b     Batch
		terms [3]float64
		valid int
		loss  float64
	}{
		{AlignUniform{}, b, [3]float64{align, q, k}, 3, align + (q+k)/2},
		{AlignUniform{Alignment: 2, Uniformity: 3}, b, [3]float64{align, q, k}, 3, 2*align + 3*(q+k)/2},
		{AlignUniform{Alignment: 0.5}, b, [3]float64{align, 0, 0}, 1, align / 2},
		{AlignUniform{Uniformity: 2}, b, [3]float64{0, q, k}, 2, q + k},
		{AlignUniform{}, Batch{Q: b.Q}, [3]float64{0, q, 0}, 1, q},
		{AlignUniform{}, Batch{Q: b.Q.Slice(0, 1)}, [3]float64{}, 0, 0},
	} {
		name := fmt.Sprintf("%v, %v", c.l.Alignment, c.l.Uniformity)
		got := outcomeOf(t, name, &c.l, c.b)
		if !near(got.r.Loss, c.loss, 1e-6) || got.r.Valid != c.valid || len(got.r.Losses) != 3 {
			t.Errorf("weights %s: %+v, want a loss of %v and %d terms", name, got.r, c.loss, c.valid)
			continue
		}
		for i, want := range c.terms {
			if !near(got.r.Losses[i], want, 1e-6) {
				t.Errorf("weights %s: term %d is %v, want %v", name, i, got.r.Losses[i], want)
			}
		}
	}
}

// TestAlignmentOfNearDuplicates: a distance is that of the difference; by |x|² − 2·x·y + |y|² in
// float32 one of 0.001676 becomes 0 or 0.0765 (sentence-transformers, torch.cdist).
func TestAlignmentOfNearDuplicates(t *testing.T) {
	const d = 256
	r := check.NewRand(152)
	b := Batch{Q: gaps(3, d, 0, r.Normals32(3*d)), K: simd.NewMatrix(3, d)}
	for i := range 3 {
		for j, q := range b.Q.Row(i) {
			b.K.Row(i)[j] = q + float32(1e-4*r.Normals32(1)[0])
		}
	}
	for _, alpha := range []float32{1, 2} {
		want, g := ref.Align(mat(b.Q), mat(b.K), float64(alpha))
		o := outcomeOf(t, "AlignUniform", &AlignUniform{Alpha: alpha, Alignment: 1}, b)
		if !near(o.r.Loss, want, 1e-3) || want == 0 {
			t.Errorf("alpha=%v: alignment %v, want %v", alpha, o.r.Loss, want)
		}
		var diff, size float64
		for i, w := range g.DQ.Data {
			diff, size = max(diff, math.Abs(float64(o.g.Q.Data[i])-w)), max(size, math.Abs(w))
		}
		if diff > 5e-3*size {
			t.Errorf("alpha=%v: gradient is off by %.3g of %.3g", alpha, diff, size)
		}
	}
}
