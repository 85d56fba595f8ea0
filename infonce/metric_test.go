package infonce_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// TestMetricClosedForms: at corners of a square and at equal rows the losses are a few
// exponentials.
func TestMetricClosedForms(t *testing.T) {
	square := rowsOf([]float32{2, 0}, []float32{0, 1}, []float32{-3, 0}, []float32{0, -1}) // cosines 0 of neighbours, −1 of opposites
	same := rowsOf([]float32{1, 2}, []float32{1, 2}, []float32{1, 2}, []float32{1, 2})
	centres := rowsOf([]float32{5, 0}, []float32{0, 0.1})
	softplus := func(v float64) float64 { return math.Log1p(math.Exp(v)) }
	circle, ms := &Circle{Scale: 8}, &MultiSimilarity{}
	for _, c := range []struct {
		name  string
		loss  Loss
		b     Batch
		valid int
		want  float64
	}{
		// α_p = 2.25, α_n = 0.25: the positive adds γ·2.25·1.75, both negatives −γ·0.25·0.25.
		{"circle, opposites belong together", circle, Batch{Q: square, Labels: []int{1, 2, 1, 2}}, 4, softplus(8*2.25*1.75 + math.Ln2 - 8*0.0625)},
		// α_p = 1.25, and a negative at −1 has no weight.
		{"circle, neighbours belong together", circle, Batch{Q: square, Labels: []int{1, 1, 2, 2}}, 4, softplus(8*1.25*0.75 + math.Log(math.Exp(-0.5)+1))},
		{"circle, equal rows", circle, Batch{Q: same, Labels: []int{1, 1, 2, 2}}, 4, softplus(-8*0.0625 + math.Ln2 + 8*(1-0.0625))},
		{"circle, one anchor without positives", circle, Batch{Q: same, Labels: []int{1, 1, 2, 1}}, 3, softplus(math.Ln2 - 8*0.0625 + 8*(1-0.0625))},
		{"circle, no positives", circle, Batch{Q: square, Labels: []int{1, 2, 3, 4}}, 0, 0},
		{"circle, no negatives", circle, Batch{Q: square, Labels: []int{1, 1, 1, 1}}, 0, 0},
		{"multi-similarity, opposites belong together", ms, Batch{Q: square, Labels: []int{1, 2, 1, 2}}, 4, softplus(3)/2 + softplus(math.Ln2-25)/50},
		{"multi-similarity, equal rows", ms, Batch{Q: same, Labels: []int{1, 1, 2, 2}}, 4, softplus(-1)/2 + softplus(math.Ln2+25)/50},
		{"multi-similarity, no positives", ms, Batch{Q: square, Labels: []int{1, 2, 3, 4}}, 4, math.Log1p(2*math.Exp(-25)+math.Exp(-75)) / 50},
		{"multi-similarity, no negatives", ms, Batch{Q: square, Labels: []int{1, 1, 1, 1}}, 4, math.Log1p(2*math.Exp(1)+math.Exp(3)) / 2},
		{"multi-similarity, one row", ms, Batch{Q: square.Slice(0, 1), Labels: []int{1}}, 1, 0},
		{"ArcFace at the centre", &ArcFace{Scale: 4}, Batch{Q: square.Slice(0, 1), K: centres, Labels: []int{0}}, 1, softplus(-4 * math.Cos(0.5))},
		{"ArcFace at a right angle", &ArcFace{Scale: 4}, Batch{Q: square.Slice(3, 4), K: centres, Labels: []int{0}}, 1, softplus(4 * (-1 + math.Sin(0.5)))},
		{"ArcFace opposite", &ArcFace{Scale: 4}, Batch{Q: square.Slice(2, 3), K: centres, Labels: []int{0}}, 1, softplus(4 * (1 + 0.5*math.Sin(0.5)))},
		{"CosFace at the centre", &CosFace{Scale: 4, Margin: 0.25}, Batch{Q: square.Slice(0, 1), K: centres, Labels: []int{0}}, 1, softplus(-4 * 0.75)},
		{"CosFace, one class", &CosFace{}, Batch{Q: square, K: centres.Slice(0, 1), Labels: []int{0, 0, 0, 0}}, 4, 0},
	} {
		g := gradFor(c.b)
		r := evaluate(t, c.name, c.loss, c.b, &g, 1)
		if !near(r.Loss, c.want, 1e-6) || r.Valid != c.valid || len(r.Losses) != c.b.Q.Rows {
			t.Errorf("%s: loss %v of %d valid anchors, want %v of %d", c.name, r.Loss, r.Valid, c.want, c.valid)
		}
		if c.valid == 0 {
			check.SameBits(t, c.name+": gradient", g.Q.Data, make([]float32, len(g.Q.Data)))
		}
	}
}

// TestSmallMetricLosses: losses that vanish beside the terms of their logarithms keep their digits.
func TestSmallMetricLosses(t *testing.T) {
	r := check.NewRand(110)
	const n, d = 12, 16
	centres := oneHot(4, d, 1)
	b := Batch{Q: gaps(n, d, 0, r.Normals32(n*d)), K: centres}
	for i := range n {
		b.Labels = append(b.Labels, i%4)
		simd.Scale(b.Q.Row(i), 0.02, b.Q.Row(i))
		simd.Axpy(b.Q.Row(i), 1, centres.Row(i%4))
	}
	for _, c := range []struct {
		name string
		loss Loss
		want func() (float64, ref.Grad)
		tol  float64 // of the exponent
	}{
		{"Circle", &Circle{}, func() (float64, ref.Grad) { return ref.Circle(mat(b.Q), b.Labels, 0.25, 256) }, 256 * 8 * 8 * ulp},
		{"MultiSimilarity", &MultiSimilarity{Alpha: 80, Beta: 80}, func() (float64, ref.Grad) { return ref.MultiSimilarity(mat(b.Q), b.Labels, 80, 80, 0.5) }, 80 * 8 * ulp},
		{"ArcFace", &ArcFace{Margin: 0.1}, func() (float64, ref.Grad) {
			return ref.ArcFace(mat(b.Q), mat(b.K), b.Labels, float64(float32(0.1)), 64)
		}, 64 * 8 * ulp},
		{"CosFace", &CosFace{Margin: 0.1}, func() (float64, ref.Grad) {
			return ref.CosFace(mat(b.Q), mat(b.K), b.Labels, float64(float32(0.1)), 64)
		}, 64 * 8 * ulp},
	} {
		g := gradFor(b)
		got := evaluate(t, c.name, c.loss, b, &g, 1)
		want, grad := c.want()
		if !near(got.Loss, want, c.tol) || want > 1e-5 {
			t.Errorf("%s: loss %v, want %v, relative error %.2g above %.2g", c.name, got.Loss, want, got.Loss/want-1, c.tol)
		}
		largest, worst := 0.0, 0.0
		for i, w := range grad.DQ.Data {
			largest, worst = max(largest, math.Abs(w)), max(worst, math.Abs(w-float64(g.Q.Data[i])))
		}
		if worst > 4*c.tol*largest {
			t.Errorf("%s: gradient is off by %.2g of the largest, above %.2g", c.name, worst/largest, 4*c.tol)
		}
	}
}

// TestArcFaceNearCentre: value and gradient have their digits at angles of which the cosine has
// none, and below the least angle the pull fades.
func TestArcFaceNearCentre(t *testing.T) {
	const m, γ, d = 0.5, 8, 24
	r := check.NewRand(111)
	centres := gaps(2, d, 0, r.Normals32(2*d))
	sideways := r.Normals32(d)
	norm := func(x []float32) float64 { return math.Sqrt(float64(simd.Dot(x, x))) }
	apart := func(x, y []float32) { simd.Axpy(x, -simd.Dot(x, y)/simd.Dot(y, y), y) }
	apart(centres.Row(1), centres.Row(0))
	apart(sideways, centres.Row(0))
	apart(sideways, centres.Row(1))
	simd.Scale(sideways, float32(norm(centres.Row(0))/norm(sideways)), sideways)
	pulls := map[float32]float64{}
	for _, θ := range []float32{0, 1e-6, 0x1p-13, 0x1p-11, 1e-3, 0.01, 0.3} {
		b := Batch{Q: gaps(1, d, 0, centres.Row(0)), K: centres, Labels: []int{0}}
		simd.Axpy(b.Q.Row(0), θ, sideways)
		g := gradFor(b)
		l := &ArcFace{Margin: m, Scale: γ}
		got := evaluate(t, "ArcFace", l, b, &g, 1)
		want, grad := ref.ArcFace(mat(b.Q), mat(b.K), b.Labels, m, γ)
		// Unit rows are off by an ulp, and so is θ; the exponent changes by γ of it.
		if !near(got.Loss, want, γ*8*ulp) {
			t.Errorf("angle %v: loss %v, want %v", θ, got.Loss, want)
		}
		if clamped := θ < LeastSine; (got.Clamped == 1) != clamped {
			t.Errorf("angle %v: %d clamped", θ, got.Clamped)
		}
		pulls[θ] = float64(simd.Dot(g.Q.Row(0), sideways))
		if θ < LeastSine {
			continue
		}
		largest, worst := 0.0, 0.0
		for i, w := range grad.DQ.Data {
			largest, worst = max(largest, math.Abs(w)), max(worst, math.Abs(w-float64(g.Q.Data[i])))
		}
		if limit := 8 * ulp * (γ + 1/float64(θ)); worst > limit*largest {
			t.Errorf("angle %v: gradient is off by %.2g of the largest, above %.2g", θ, worst/largest, limit)
		}
	}
	if full := pulls[0x1p-11]; !(math.Abs(pulls[0]) < 0.01*full && pulls[1e-6] < 0.01*full && near(pulls[0x1p-13], full/4, 0.01) && near(full, pulls[1e-3], 0.01)) {
		t.Errorf("the pull does not fade: %v", pulls)
	}
}

// TestArcFaceFalls: with the angle the target falls, also where angle and margin exceed π.
func TestArcFaceFalls(t *testing.T) {
	l := &ArcFace{Scale: 1}
	for _, m := range []float32{0.01, 0.5, 1, math.Pi / 2} {
		l.Margin = m
		before := math.Inf(-1)
		for i := range 200 {
			θ := math.Pi * float64(i) / 199
			q := rowsOf([]float32{float32(math.Cos(θ)), float32(math.Sin(θ)), 0})
			r := evaluate(t, "ArcFace", l, Batch{Q: q, K: rowsOf([]float32{1, 0, 0}, []float32{0, 0, 1}), Labels: []int{0}}, nil, 1)
			if !(r.Loss > before-1e-7) {
				t.Errorf("margin %v: loss %v at angle %v, %v before", m, r.Loss, θ, before)
			}
			before = r.Loss
		}
	}
}

// TestClassErrors: labels that are no rows of K are errors that say so, and gradients stay.
func TestClassErrors(t *testing.T) {
	b := Batch{Q: simd.NewMatrix(3, 2), K: simd.NewMatrix(2, 2)}
	for _, c := range []struct {
		labels []int
		want   string
	}{
		{[]int{0, 2, 1}, "label 1 is 2, want the number of one of the 2 rows of K"},
		{[]int{0, 1, -1}, "label 2 is -1, want the number of one of the 2 rows of K"},
	} {
		b.Labels = c.labels
		for _, l := range []Loss{&ArcFace{}, &CosFace{}} {
			want := strings.ToLower(fmt.Sprintf("%T: ", l)[1:]) + c.want
			g := gradFor(b)
			if _, err := l.Evaluate(b, &g, 1); err == nil || !strings.EqualFold(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}

// TestWeightedRows: the gradient of a weighted sum is the sum of the gradients of its terms.
func TestWeightedRows(t *testing.T) {
	r := check.NewRand(112)
	const n = 12
	sum := func(l Loss) Loss { return with(l, "Reduction", Sum) }
	for _, v := range metricVariants(10, 0.3) {
		b := v.batch(r, n, 7, 1, 0)
		b.Weights = r.Float32s(n, 0, 2)
		b.Weights[3] = 0
		weights, total := b.Weights, 0.0
		got := outcomeOf(t, v.Name, sum(v.New(2)), b)
		mean := evaluate(t, v.Name, v.New(1), b, nil, 1)
		want := gradFor(b)
		loss := 0.0
		for i, w := range weights {
			b.Weights = make([]float32, n)
			b.Weights[i] = 1
			one := evaluate(t, v.Name, sum(v.New(1)), b, &want, w)
			loss += float64(w) * one.Loss
			if one.Losses[i] != one.Loss {
				t.Errorf("%s: term %d is %v, and alone %v", v.Name, i, one.Losses[i], one.Loss)
			}
			if one.Loss > 0 { // the others are not valid
				total += float64(w)
			}
		}
		if !near(got.r.Loss, loss, 1e-12) || !near(mean.Loss, loss/total, 1e-12) {
			t.Errorf("%s: sum %v and mean %v, want %v and %v", v.Name, got.r.Loss, mean.Loss, loss, loss/total)
		}
		sameNumbers(t, v.Name, got.g.Q.Data, want.Q.Data, 1e-5)
		sameNumbers(t, v.Name, got.g.K.Data, want.K.Data, 1e-5)
	}
}
