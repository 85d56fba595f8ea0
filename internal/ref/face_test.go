package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestMarginSoftmaxGradients(t *testing.T) {
	losses := []struct {
		name string
		f    func(x, w Mat, labels []int, margin, scale float64) (float64, Grad)
	}{{"ArcFace", ArcFace}, {"CosFace", CosFace}}
	for _, loss := range losses {
		for _, margin := range []float64{0, 0.35, 0.5, 1.5} {
			t.Run(fmt.Sprintf("%s/margin=%v", loss.name, margin), func(t *testing.T) {
				r := check.NewRand(32)
				checked, beyond := 0, 0
				for i := range 200 {
					n, c, d := 1+r.IntN(4), 1+r.IntN(4), 2+r.IntN(5)
					x, w, labels := normals(r, n, d), normals(r, c, d), make([]int, n)
					ok := !shortRows(x) && !shortRows(w)
					for j := range labels {
						labels[j] = r.IntN(c)
						xn, wn := embedded(x, true), embedded(w, true)
						angle := math.Acos(Dot(xn.Row(j), wn.Row(labels[j])))
						// Along the row the sine of 0 and π has a kink, and φ a step.
						ok = ok && angle > 0.1 && angle < math.Pi-0.1 && math.Abs(angle+margin-math.Pi) > kinkDistance
						if angle+margin > math.Pi {
							beyond++
						}
					}
					if !ok {
						continue
					}
					checked++
					scale := 1 + 9*r.Float64()
					f := func() float64 {
						value, _ := loss.f(x, w, labels, margin, scale)
						return value
					}
					_, g := loss.f(x, w, labels, margin, scale)
					name := fmt.Sprintf("configuration %d, %d classes, labels %v: ", i, c, labels)
					check.Gradient(t, name+"x", f, x.Data, g.DQ.Data)
					check.Gradient(t, name+"w", f, w.Data, g.DK.Data)
				}
				if checked < 100 || margin > 0 && beyond == 0 {
					t.Errorf("%d of 200 configurations were smooth, %d angles beyond π", checked, beyond)
				}
			})
		}
	}
}

// Without a margin both are InfoNCE with the centres as keys.
func TestNoMarginIsInfoNCE(t *testing.T) {
	r := check.NewRand(33)
	x, w := normals(r, 4, 5), normals(r, 6, 5)
	want, h := InfoNCE(x, w, 1.0/16, true)
	for _, f := range []func(x, w Mat, labels []int, margin, scale float64) (float64, Grad){ArcFace, CosFace} {
		got, g := f(x, w, []int{0, 1, 2, 3}, 0, 16)
		compareValue(t, "value", got, want)
		compare(t, "x", g.DQ.Data, h.DQ.Data, sameTerms)
		compare(t, "w", g.DK.Data, h.DK.Data, sameTerms)
	}
}

// The loss as a function of the angle to the centre, with a second class at right angles.
func TestMarginSoftmaxOfAngles(t *testing.T) {
	const margin, scale = 0.5, 4
	w := Mat{2, 3, []float64{5, 0, 0, 0, 0, 0.1}}
	previous := math.Inf(-1)
	for _, c := range []struct {
		name  string
		x     []float64
		angle float64
		arc   float64 // φ
	}{
		{"at the centre", []float64{3, 0, 0}, 0, math.Cos(margin)},
		{"1e-9 from it", []float64{1, 1e-9, 0}, 1e-9, math.Cos(margin + 1e-9)},
		{"at a right angle", []float64{0, 2, 0}, math.Pi / 2, math.Cos(math.Pi/2 + margin)},
		{"before π − m", []float64{math.Cos(2.64), math.Sin(2.64), 0}, 2.64, math.Cos(2.64 + margin)},
		{"beyond π − m", []float64{math.Cos(2.65), math.Sin(2.65), 0}, 2.65, math.Cos(2.65) - margin*math.Sin(margin)},
		{"opposite", []float64{-1, 0, 0}, math.Pi, -1 - margin*math.Sin(margin)},
	} {
		x := Mat{1, 3, c.x}
		want := math.Log1p(math.Exp(-scale * c.arc))
		got, g := ArcFace(x, w, []int{0}, margin, scale)
		if !near(got, want, 1e-14) || got <= previous {
			t.Errorf("ArcFace %s: %v, want %v, above %v", c.name, got, want, previous)
		}
		previous = got
		want = math.Log1p(math.Exp(-scale * (math.Cos(c.angle) - margin)))
		if got, _ := CosFace(x, w, []int{0}, margin, scale); !near(got, want, 1e-14) {
			t.Errorf("CosFace %s: %v, want %v", c.name, got, want)
		}
		// The slope by the angle, −t p φ′(θ), is that across x where |x| = 1, and at 1e-9 it has
		// all its digits.
		if c.name == "1e-9 from it" {
			slope := scale / (1 + math.Exp(scale*c.arc)) * math.Sin(margin+c.angle)
			if !near(g.DQ.At(0, 1), slope, 1e-14) {
				t.Errorf("slope %v, want %v", g.DQ.At(0, 1), slope)
			}
		}
	}
	// At the centre itself there is no direction: what is left is the other class.
	_, g := ArcFace(Mat{1, 3, []float64{3, 0, 0}}, w, []int{0}, margin, scale)
	if g.DQ.At(0, 0) != 0 || g.DQ.At(0, 1) != 0 || !(g.DQ.At(0, 2) > 0) {
		t.Errorf("gradient %v at the centre", g.DQ.Data)
	}
}

func TestMarginSoftmaxOfNothing(t *testing.T) {
	for _, f := range []func(x, w Mat, labels []int, margin, scale float64) (float64, Grad){ArcFace, CosFace} {
		if value, g := f(NewMat(0, 3), constant(2, 3), nil, 0.5, 64); value != 0 || !isZero(g) {
			t.Errorf("no rows: %v, gradient %v; want zeros", value, g)
		}
		// One class is certain.
		if value, g := f(constant(2, 3), constant(1, 3), []int{0, 0}, 0.5, 64); value != 0 || !isZero(g) {
			t.Errorf("one class: %v, gradient %v; want zeros", value, g)
		}
		// A zero row has the cosine 0 with all, and moves no centre along it.
		value, g := f(NewMat(1, 2), Mat{2, 2, []float64{1, 0, 0, 1}}, []int{1}, 0, 64)
		if !near(value, math.Ln2, 1e-15) || slices.ContainsFunc(g.DK.Data, func(v float64) bool { return v != 0 }) {
			t.Errorf("zero row: %v, gradient %v; want ln 2 and zeros", value, g)
		}
	}
	// cos(π/2 + m) = −sin m.
	value, _ := ArcFace(NewMat(1, 2), Mat{2, 2, []float64{1, 0, 0, 1}}, []int{1}, 0.5, 4)
	if want := math.Log1p(math.Exp(4 * math.Sin(0.5))); !near(value, want, 1e-15) {
		t.Errorf("zero row with a margin: %v, want %v", value, want)
	}
}
