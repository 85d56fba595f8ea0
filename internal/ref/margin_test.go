package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func someTriples(r *check.Rand, rows, n int) []Triple {
	var t []Triple
	for range n {
		t = append(t, Triple{r.IntN(rows), r.IntN(rows), r.IntN(rows)})
	}
	return t
}

func TestMarginLossGradients(t *testing.T) {
	r := check.NewRand(20)
	checked := 0
	for i := range 200 {
		x := normals(r, 3+r.IntN(5), 1+r.IntN(5))
		triples := someTriples(r, x.Rows, r.IntN(8))
		boundary, margin := []float64{0.5 + 2*r.Float64()}, r.Float64()
		smooth := true
		for _, u := range triples {
			ap, an := distance(x.Row(u.A), x.Row(u.P), false), distance(x.Row(u.A), x.Row(u.N), false)
			smooth = smooth && min(ap, an) > 0.1 &&
				math.Abs(ap-boundary[0]+margin) > kinkDistance && math.Abs(boundary[0]-an+margin) > kinkDistance
		}
		if !smooth {
			continue
		}
		checked++
		f := func() float64 {
			value, _ := MarginLoss(x, triples, boundary[0], margin)
			return value
		}
		_, g := MarginLoss(x, triples, boundary[0], margin)
		name := fmt.Sprintf("configuration %d: ", i)
		check.Gradient(t, name+"x", f, x.Data, g.DQ.Data)
		check.Gradient(t, name+"boundary", f, boundary, []float64{g.DBias})
	}
	if checked < 50 {
		t.Errorf("only %d of 200 configurations were smooth", checked)
	}
}

// All pairs are the positive and the negative pairs of triplets whose other pair costs nothing.
func TestMarginPairs(t *testing.T) {
	r := check.NewRand(22)
	for range 20 {
		x := normals(r, 2+r.IntN(8), 3)
		labels := make([]int, x.Rows)
		var triples []Triple
		far := NewMat(x.Rows+1, 3) // and one row that is far from all
		copy(far.Data, x.Data)
		far.Row(x.Rows)[0] = 1e3
		for i := range labels {
			labels[i] = r.IntN(3)
			for j := range i {
				if labels[i] == labels[j] {
					triples = append(triples, Triple{j, i, x.Rows})
				} else {
					triples = append(triples, Triple{j, j, i})
				}
			}
		}
		want, g := MarginLoss(far, triples, 1.2, 0.3)
		got, h := MarginPairs(x, labels, 1.2, 0.3)
		if math.Abs(got-want) > 1e-13 || math.Abs(h.DBias-g.DBias) > 1e-13 {
			t.Errorf("%v and %v by the boundary, want %v and %v", got, h.DBias, want, g.DBias)
		}
		for i, v := range h.DQ.Data {
			if math.Abs(v-g.DQ.Data[i]) > 1e-13 {
				t.Errorf("gradient %v, want %v", v, g.DQ.Data[i])
			}
		}
	}
}

func TestMarginLossOnALine(t *testing.T) {
	x := line(0, 1, 3)
	for _, c := range []struct {
		name             string
		t                []Triple
		boundary, margin float64
		loss             float64
		dx               []float64
		dBoundary        float64
	}{
		// 1 − 2 + 2 = 1 and 2 − 3 + 2 = 1.
		{"both active", []Triple{{0, 1, 2}}, 2, 2, 1, []float64{0, 0.5, -0.5}, 0},
		{"positive active", []Triple{{0, 1, 2}}, 0.5, 1, 0.5 + 1, []float64{-1, 1, 0}, -1},
		{"negative active", []Triple{{0, 1, 2}}, 4, 0.5, 1.5, []float64{1, 0, -1}, 1},
		{"at the margin", []Triple{{0, 1, 2}}, 2, 1, 0, []float64{0, 0, 0}, 0},
		// 1 − 2 + 1.5 = 0.5 and 2 − 2 + 1.5 = 1.5, then twice 0.5 and 2 − 3 + 1.5 = 0.5.
		{"a mean over the active", []Triple{{1, 0, 2}, {0, 1, 2}}, 2, 1.5, 3.0 / 4, []float64{-0.25, 0.75, -0.5}, 0},
		{"equal rows", []Triple{{1, 1, 1}}, 2, 0.5, 2.5, []float64{0, 0, 0}, 1},
		{"no triplets", nil, 2, 2, 0, []float64{0, 0, 0}, 0},
	} {
		loss, g := MarginLoss(x, c.t, c.boundary, c.margin)
		if loss != c.loss || !slices.Equal(g.DQ.Data, c.dx) || g.DBias != c.dBoundary {
			t.Errorf("%s: %v, gradient %v and %v; want %v, %v and %v", c.name, loss, g.DQ.Data, g.DBias, c.loss, c.dx, c.dBoundary)
		}
	}
}

// Where all terms are active the boundary cancels: the loss is half that of the
// triplets with twice the margin.
func TestMarginLossIsTriplet(t *testing.T) {
	r := check.NewRand(21)
	x := normals(r, 6, 4)
	triples := someTriples(r, 6, 20)
	var a, p, n []int
	for _, u := range triples {
		a, p, n = append(a, u.A), append(p, u.P), append(n, u.N)
	}
	want, h := tripletRows(x, a, p, n, TripletOptions{Margin: 40})
	got, g := MarginLoss(x, triples, 2, 20)
	compareValue(t, "value", got, want/2)
	compare(t, "x", g.DQ.Data, scale(h.DQ, 0.5).Data, sameTerms)
	if g.DBias != 0 {
		t.Errorf("gradient of the boundary %v", g.DBias)
	}
}
