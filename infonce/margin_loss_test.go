package infonce

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestMarginLossTerms: at v = 0 there is no slope, each pair counts once, and the boundary goes to where more terms are
// active. All numbers are exact.
func TestMarginLossTerms(t *testing.T) {
	// Distances: 1 of one label; 3, 2, 4, 3, 1 of two labels.
	b := Batch{Q: rowsOf([]float32{0}, []float32{1}, []float32{3}, []float32{4}), Labels: []int{5, 5, 6, 7}}
	all := []Triple{{0, 1, 2}, {1, 0, 2}, {1, 1, 3}, {2, 2, 3}, {0, 0, 3}}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			loss MarginLoss
			b    Batch
			want Result
			grad []float32
		}{
			// v is 1 − 2 + 1 of the pair and 2 − d + 1 of others, of which two are above 0: 1 and 2.
			{"pairs", MarginLoss{Boundary: 2, Margin: 1}, b, Result{Loss: 1.5, DBias: 1, Valid: 6, Active: 2}, []float32{0, 0.5, 0, -0.5}},
			{"sum of pairs", MarginLoss{Boundary: 2, Margin: 1, Reduction: Sum}, b, Result{Loss: 3, DBias: 2, Valid: 6, Active: 2}, []float32{0, 1, 0, -1}},
			{"mean of all pairs", MarginLoss{Boundary: 2, Margin: 1, All: true}, b, Result{Loss: 0.5, DBias: 1. / 3, Valid: 6, Active: 2}, nil},
			// The pair costs 1 − ½ + 1, the others ½ − d + 1: ½ of rows 2 and 3.
			{"low boundary", MarginLoss{Boundary: 0.5, Margin: 1, Reduction: Sum}, b, Result{Loss: 2, Valid: 6, Active: 2}, []float32{-1, 1, 1, -1}},
			// The positive pairs of a triplet with its anchor cost ½ less.
			{"list", MarginLoss{Boundary: 0.5, Margin: 1, Reduction: Sum}, Batch{Q: b.Q, Triplets: all},
				Result{Loss: 1.5 + 1.5 + 3*0.5 + 0.5, DBias: 1 - 5, Valid: 10, Active: 6}, []float32{-2, 2, 1, -1}},
			{"weighted list", MarginLoss{Boundary: 0.5, Margin: 1, Reduction: Sum}, Batch{Q: b.Q, Triplets: all, Weights: []float32{2, 0, 0, 4, 0}},
				Result{Loss: 2*1.5 + 4*(0.5+0.5), DBias: 4 - 4 - 2, Valid: 10, Active: 6}, []float32{-2, 2, 4, -4}},
			{"empty list", MarginLoss{}, Batch{Q: b.Q, Triplets: []Triple{}}, Result{}, []float32{0, 0, 0, 0}},
			{"weighted pairs", MarginLoss{Boundary: 2, Margin: 1, Reduction: Sum}, Batch{Q: b.Q, Labels: b.Labels, Weights: []float32{0, 1, 3, 0}},
				Result{Loss: 2*1 + 1.5*2, DBias: 2 + 1.5, Valid: 6, Active: 2}, []float32{0, 2, -2 + 1.5, -1.5}},
		} {
			g := gradFor(c.b)
			r := evaluate(t, c.name, &c.loss, c.b, &g, 1)
			if !equal(r, c.want) {
				t.Errorf("%s: %+v, want %+v", c.name, r, c.want)
			}
			if c.grad != nil {
				check.SameBits(t, c.name, g.Q.Data, c.grad)
			}
		}
	})
}

// TestMarginLossBoundary: DBias is the slope of the value, and so many steps against it balance the active terms.
func TestMarginLossBoundary(t *testing.T) {
	r := check.NewRand(170)
	b := gathered(r, 60, 4, 7, gatherings[0].change)
	b.Weights = r.Float32s(60, 0, 2)
	for _, l := range []*MarginLoss{{Reduction: Sum}, {All: true}, {Normalize: true, All: true}} {
		const h = 1e-3
		slope := 0.0
		l.Boundary = 1.3
		g := gradFor(b)
		got := evaluate(t, "MarginLoss", l, b, &g, -2).DBias
		for _, sign := range []float32{1, -1} {
			l.Boundary = 1.3 + sign*h
			slope += float64(sign) * evaluate(t, "MarginLoss", l, b, nil, 1).Loss / (2 * h)
		}
		if !near(got, -2*slope, 0.02) || math.Abs(got) < 0.01 {
			t.Errorf("%+v: slope %v of the boundary, want %v", l.Reduction, got, -2*slope)
		}
	}
}
