package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestMultiSimilarityGradients(t *testing.T) {
	for _, p := range [][3]float64{{2, 50, 0.5}, {1, 1, 0}, {20, 3, -0.3}} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			checkLabelled(t, 29, func(x Mat, labels []int) (float64, Mat, bool) {
				value, g := MultiSimilarity(x, labels, p[0], p[1], p[2])
				return value, g.DQ, !shortRows(x)
			})
		})
	}
}

// shortRows reports whether a row is so short that its direction turns within a small step.
func shortRows(x Mat) bool {
	_, norms := Normalize(x)
	return slices.ContainsFunc(norms, func(n float64) bool { return n < 0.1 })
}

// The weights are held for the central difference as they are for the gradient.
func TestCircleGradients(t *testing.T) {
	for _, p := range [][2]float64{{0.25, 64}, {0.4, 10}, {0, 1}, {-0.3, 20}} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			r := check.NewRand(30)
			checked := 0
			for i := range 100 {
				x := normals(r, 1+r.IntN(8), 2+r.IntN(5))
				labels := make([]int, x.Rows)
				for j := range labels {
					labels[j] = r.IntN(3)
				}
				if shortRows(x) {
					continue
				}
				checked++
				weighing := embedded(x, true)
				f := func() float64 {
					value, _ := circle(x, weighing, labels, p[0], p[1])
					return value
				}
				value, g := Circle(x, labels, p[0], p[1])
				if frozen := f(); value != frozen {
					t.Fatalf("%v, with frozen weights %v", value, frozen)
				}
				check.Gradient(t, fmt.Sprintf("configuration %d, labels %v", i, labels), f, x.Data, g.DQ.Data)
			}
			if checked < 50 {
				t.Errorf("only %d of 100 configurations were smooth", checked)
			}
		})
	}
}

func TestCosineLosses(t *testing.T) {
	square := Mat{4, 2, []float64{2, 0, 0, 1, -3, 0, 0, -1}} // cosines 0 of neighbours, −1 of opposites
	circleOf := func(x Mat, labels []int) (float64, Grad) { return Circle(x, labels, 0.25, 8) }
	multi := func(x Mat, labels []int) (float64, Grad) { return MultiSimilarity(x, labels, 2, 50, 0.5) }
	softplus := func(v float64) float64 { return math.Log1p(math.Exp(v)) }
	for _, c := range []struct {
		name   string
		f      func(x Mat, labels []int) (float64, Grad)
		x      Mat
		labels []int
		want   float64
		zero   bool // gradient
	}{
		{"circle, opposites belong together", circleOf, square, []int{1, 2, 1, 2},
			// α_p = 2.25, α_n = 0.25: −γ 2.25 (−1 − 0.75), and two of γ 0.25 (0 − 0.25)
			softplus(8*2.25*1.75 + math.Ln2 - 8*0.0625), false},
		{"circle, neighbours belong together", circleOf, square, []int{1, 1, 2, 2},
			// α_p = 1.25: 8·1.25·0.75; negatives at 0 and at −1, the latter without weight
			softplus(8*1.25*0.75 + math.Log(math.Exp(-0.5)+1)), false},
		{"circle, collapse", circleOf, constant(4, 3), []int{1, 1, 2, 2},
			// −γ m², and two of γ (1 − m²)
			softplus(-8*0.0625 + math.Ln2 + 8*(1-0.0625)), true},
		{"circle, two alone", circleOf, gather(square, []int{0, 1}), []int{1, 2}, 0, true},
		{"circle, no positives", circleOf, square, []int{1, 2, 3, 4}, 0, true},
		{"circle, no negatives", circleOf, square, []int{1, 1, 1, 1}, 0, true},
		{"circle, one row", circleOf, constant(1, 3), []int{1}, 0, true},
		{"circle, no rows", circleOf, NewMat(0, 3), nil, 0, true},
		{"multi-similarity, opposites belong together", multi, square, []int{1, 2, 1, 2},
			softplus(3)/2 + softplus(math.Ln2-25)/50, false},
		{"multi-similarity, collapse", multi, constant(4, 3), []int{1, 1, 2, 2},
			softplus(-1)/2 + softplus(math.Ln2+25)/50, true},
		{"multi-similarity, no positives", multi, square, []int{1, 2, 3, 4},
			math.Log1p(2*math.Exp(-25)+math.Exp(-75)) / 50, false},
		{"multi-similarity, no negatives", multi, square, []int{1, 1, 1, 1},
			math.Log1p(2*math.Exp(1)+math.Exp(3)) / 2, false},
		{"multi-similarity, one row", multi, constant(1, 3), []int{1}, 0, true},
		{"multi-similarity, no rows", multi, NewMat(0, 3), nil, 0, true},
	} {
		got, g := c.f(c.x, c.labels)
		if !near(got, c.want, 1e-14) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		for _, v := range g.DQ.Data {
			// In the collapse every slope is along the row, and only rounding, of slopes up to γ,
			// is left.
			if c.zero && math.Abs(v) > 1e-14 || math.IsNaN(v) {
				t.Errorf("%s: gradient %v", c.name, g.DQ.Data)
				break
			}
		}
	}
}

// Scales that no exponential survives, and rows without direction.
func TestCosineLossesAreFinite(t *testing.T) {
	r := check.NewRand(31)
	x, w := normals(r, 9, 4), normals(r, 3, 4)
	labels := []int{0, 1, 2, 0, 1, 2, 0, 0, 1}
	clear(x.Row(4))
	copy(x.Row(3), x.Row(0))
	for _, scale := range []float64{1, 1e2, 1e4} {
		for name, f := range map[string]func() (float64, Grad){
			"Circle":          func() (float64, Grad) { return Circle(x, labels, 0.25, scale) },
			"MultiSimilarity": func() (float64, Grad) { return MultiSimilarity(x, labels, scale, scale, 0.5) },
			"ArcFace":         func() (float64, Grad) { return ArcFace(x, w, labels, 0.5, scale) },
			"CosFace":         func() (float64, Grad) { return CosFace(x, w, labels, 0.35, scale) },
			"SupCon":          func() (float64, Grad) { return SupCon(x, labels, 1/scale, true, false) },
			"SupCon, inside":  func() (float64, Grad) { return SupCon(x, labels, 1/scale, true, true) },
			"Uniform":         func() (float64, Grad) { return Uniform(x, scale) },
			"Align":           func() (float64, Grad) { return Align(x, stack(x, w, w, w), 2) },
			"CosineEmbedding": func() (float64, Grad) { return CosineEmbedding(x, stack(w, w, w), make([]bool, 9), -0.2) },
		} {
			value, g := f()
			if math.IsNaN(value) || math.IsInf(value, 0) {
				t.Errorf("%s, scale %v: %v", name, scale, value)
			}
			for _, v := range slices.Concat(g.DQ.Data, g.DK.Data) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s, scale %v: gradient %v", name, scale, g)
					break
				}
			}
			if slices.ContainsFunc(g.DQ.Row(4), func(v float64) bool { return v != 0 }) {
				t.Errorf("%s, scale %v: gradient %v of the zero row", name, scale, g.DQ.Row(4))
			}
		}
	}
}
