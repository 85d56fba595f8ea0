package reproduce

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// Values of −2t + ln ₀F₁(d/2; t²) at t = 2, from a series in multiple precision.
func TestLeastUniformity(t *testing.T) {
	for d, want := range map[int]float64{2: -1.575027, 3: -2.079777, 8: -3.082527, 16: -3.513036, 32: -3.751805, 64: -3.875236, 128: -3.937530, 256: -3.968754} {
		if got := leastUniformity(d); math.Abs(got-want) > 5.1e-7 {
			t.Errorf("%d dimensions: %.7f, want %.6f", d, got, want)
		}
	}
}

// Equal angles in a plane are its best distribution: with each point paired with itself they reach
// the bound, and without they are below it.
func TestSelfIncluded(t *testing.T) {
	const n = 40
	x := simd.NewMatrix(n, 2)
	for i := range n {
		x.Row(i)[0], x.Row(i)[1] = float32(math.Cos(2*math.Pi*float64(i)/n)), float32(math.Sin(2*math.Pi*float64(i)/n))
	}
	u, err := eval.Uniformity(x, 0)
	if err != nil {
		t.Fatal(err)
	}
	least := leastUniformity(2)
	if u >= least {
		t.Errorf("over pairs i < j: %v, want less than %v", u, least)
	}
	if got := selfIncluded(u, n); math.Abs(got-least) > 1e-6 {
		t.Errorf("with each point and itself: %v, want %v", got, least)
	}
}

func TestRankCorrelation(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3, 9}, []float64{-5, 0, 2, 2.5}, 1},
		{[]float64{1, 2, 3, 9}, []float64{4, 3, 2, 1}, -1},
		{[]float64{1, 2, 3}, []float64{1, 3, 2}, 0.5},
		{[]float64{1, 1, 2, 2}, []float64{1, 2, 1, 2}, 0},
		{[]float64{1, 1, 2, 2}, []float64{7, 7, 8, 9}, 4 / math.Sqrt(4*4.5)}, // ranks 1½ 1½ 3½ 3½ and 1½ 1½ 3 4
	} {
		if got := rankCorrelation(c.x, c.y); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v and %v: %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

// The plane in a moment: both are better than one of them, and the bound holds.
func TestPlaneShape(t *testing.T) {
	r := new(Report)
	if err := walkPlane(context.Background(), Options{Seed: 1}, r, append(goals[:3:3], byInfoNCE(0.2)), 1, 64, 60); err != nil {
		t.Fatal(err)
	}
	failed := r.Failed() // to be as good as InfoNCE takes longer
	if len(failed) > 0 && !strings.HasPrefix(failed[0], "to optimise the two directly") || len(failed) > 1 || len(r.Tables[0].Rows) != 4 || len(r.panels[0].curves) != 5 {
		t.Errorf("report is\n%v", r)
	}
}

func TestPlaneVerdictsCanFail(t *testing.T) {
	least := leastUniformity(embeddingDim)
	few := append(goals[:3:3], byInfoNCE(0.2), byInfoNCE(0.5))
	good := [][]checkpoint{
		{{align: 0.01, uniform: -0.01, withSelf: -0.01, accuracy: 0.1}}, {{align: 1.8, uniform: least + 0.1, withSelf: least + 0.1, accuracy: 0.1}},
		{{align: 0.5, uniform: least + 0.1, withSelf: least + 0.12, accuracy: 0.8}},
		{{align: 0.6, uniform: least + 0.1, withSelf: least + 0.2, accuracy: 0.7}}, {{align: 0.5, uniform: least + 0.3, withSelf: least + 0.3, accuracy: 0.6}},
	}
	for name, spoil := range map[string]func(c [][]checkpoint){
		"":              func([][]checkpoint) {},
		"bound crossed": func(c [][]checkpoint) { c[0][0].withSelf = least - 1e-3 },
		"far from bound": func(c [][]checkpoint) {
			c[1][0].uniform, c[2][0].uniform, c[3][0].uniform, c[4][0].uniform = -3, -3, -3, -3
		},
		"alignment alone":    func(c [][]checkpoint) { c[0][0].accuracy = 0.9 },
		"uniformity alone":   func(c [][]checkpoint) { c[1][0].accuracy = 0.9 },
		"InfoNCE far ahead":  func(c [][]checkpoint) { c[3][0].accuracy = 1 },
		"temperature is odd": func(c [][]checkpoint) { c[4][0].align = 0.7 },
		"the worse is better": func(c [][]checkpoint) {
			for i := range c {
				c[i][0].align = 4 * c[i][0].accuracy
			}
		},
	} {
		finals := make([][]checkpoint, len(good))
		var all []checkpoint
		for i, c := range good {
			finals[i] = append([]checkpoint(nil), c...)
		}
		spoil(finals)
		for _, c := range finals {
			all = append(all, c...)
		}
		r := new(Report)
		judgePlane(r, few, finals, all, least)
		if r.Holds() != (name == "") || name != "" && name != "the worse is better" && len(r.Failed()) > 2 {
			t.Errorf("%q: holds is %v:\n%v", name, r.Holds(), r)
		}
	}
}
