package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestRankingGradients(t *testing.T) {
	r := check.NewRand(24)
	for _, soft := range []bool{false, true} {
		checked := 0
		for i := range 200 {
			n, c := 1+r.IntN(4), 1+r.IntN(4)
			x1, x2 := normals(r, n, c), normals(r, n, c)
			margin, order := r.Float64(), make([]float64, n)
			if soft {
				margin = 0
			}
			smooth := true
			for j := range order {
				order[j] = float64(2*r.IntN(2) - 1)
				for l := range c {
					v := margin - order[j]*(x1.At(j, l)-x2.At(j, l))
					smooth = smooth && (soft || math.Abs(v) > kinkDistance)
				}
			}
			if !smooth {
				continue
			}
			checked++
			loss := func() (float64, Grad) {
				if soft {
					return LogisticRanking(x1, x2, order)
				}
				return MarginRanking(x1, x2, order, margin)
			}
			f := func() float64 {
				value, _ := loss()
				return value
			}
			_, g := loss()
			name := fmt.Sprintf("soft=%v, configuration %d: ", soft, i)
			check.Gradient(t, name+"x1", f, x1.Data, g.DQ.Data)
			check.Gradient(t, name+"x2", f, x2.Data, g.DK.Data)
		}
		if checked < 100 {
			t.Errorf("soft=%v: only %d of 200 configurations were smooth", soft, checked)
		}
	}
}

func TestMarginRanking(t *testing.T) {
	x1, x2 := Mat{2, 2, []float64{3, 1, 1, 4}}, Mat{2, 2, []float64{1, 2, 2, 4}}
	loss, g := MarginRanking(x1, x2, []float64{1, -1}, 0.5)
	// 0.5 − (3 − 1) < 0, 0.5 − (1 − 2) = 1.5, 0.5 + (1 − 2) < 0, 0.5 + (4 − 4) = 0.5.
	if loss != 0.5 || !slices.Equal(g.DQ.Data, []float64{0, -0.25, 0, 0.25}) || !slices.Equal(g.DK.Data, []float64{0, 0.25, 0, -0.25}) {
		t.Errorf("%v, gradient %v", loss, g)
	}
	// Without an order x1 is to be larger; at the margin exactly there is no slope.
	loss, g = MarginRanking(line(3, 1), line(2, 2), nil, 1)
	if loss != 1 || !slices.Equal(g.DQ.Data, []float64{0, -0.5}) {
		t.Errorf("%v, gradient %v", loss, g)
	}
}

func TestLogisticRanking(t *testing.T) {
	for _, c := range []struct{ x1, x2, order, loss, d1 float64 }{
		{2, 2, 1, math.Ln2, -0.5},
		{2, 2, -1, math.Ln2, 0.5},
		{math.Log(3), 0, 1, math.Log(4.0 / 3), -0.25},
		{math.Log(3), 0, -1, math.Log(4), 0.75},
		{900, 0, 1, 0, 0},
		{40, 0, 1, math.Exp(-40), -math.Exp(-40)},
		{-900, 0, 1, 900, -1},
	} {
		loss, g := LogisticRanking(line(c.x1), line(c.x2), []float64{c.order})
		if !near(loss, c.loss, 1e-15) || !near(g.DQ.At(0, 0), c.d1, 1e-15) || g.DK.At(0, 0) != -g.DQ.At(0, 0) {
			t.Errorf("%v: %v, gradient %v", c, loss, g)
		}
	}
}

// A margin ranking of cosines is the triplet loss on half the squared distances of unit vectors.
func TestMarginRankingOfCosinesIsTriplet(t *testing.T) {
	r := check.NewRand(25)
	a, _ := Normalize(normals(r, 8, 3))
	p, _ := Normalize(normals(r, 8, 3))
	n, _ := Normalize(normals(r, 8, 3))
	positive, negative := NewMat(8, 1), NewMat(8, 1)
	for i := range a.Rows {
		positive.Data[i], negative.Data[i] = Dot(a.Row(i), p.Row(i)), Dot(a.Row(i), n.Row(i))
	}
	want, _ := Triplet(a, p, n, TripletOptions{Margin: 0.6, Squared: true})
	got, _ := MarginRanking(positive, negative, nil, 0.3)
	compareValue(t, "value", got, want/2)
}
