package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
)

// TestMarginLossTerms: at v = 0 there is no slope, each pair counts once, and the boundary goes to
// where more terms are active. All numbers are exact.
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
			// v is 1 − 2 + 1 of the pair and 2 − d + 1 of others, of which two are above 0: 1 and
			// 2.
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

// TestMarginLossReductions: the loss of triplets, or of all pairs, is the weighted mean, the
// weighted sum or the mean over the active ones of what its terms cost, and the gradient is that of
// the value.
func TestMarginLossReductions(t *testing.T) {
	const n, boundary, margin = 30, 2.5, 0.5
	r := check.NewRand(171)
	b := gathered(r, n, 5, 4, gatherings[0].change)
	weights := r.Float32s(n, 0, 2)
	weights[2] = 0
	rows := mat(b.Q)
	type term struct{ loss, slope, weight float64 }
	score := func(i, j int, sign, weight float64) term {
		v := sign*(math.Sqrt(ref.SquaredDistance(rows.Row(i), rows.Row(j)))-boundary) + margin
		if v <= 0 {
			return term{weight: weight}
		}
		return term{v, -sign, weight}
	}
	list := make([]Triple, n)
	for i := range list {
		list[i] = Triple{r.IntN(n), r.IntN(n), r.IntN(n)}
	}
	for _, listed := range []bool{true, false} {
		for _, weighted := range []bool{false, true} {
			c := Batch{Q: b.Q, Labels: b.Labels}
			if listed {
				c.Triplets = list
			}
			if weighted {
				c.Weights = weights
			}
			var terms []term
			for i := range n {
				if listed {
					w := WeightOf(c.Weights, i)
					terms = append(terms, score(list[i].A, list[i].P, 1, w), score(list[i].A, list[i].N, -1, w))
					continue
				}
				for j := range i {
					sign := float64(2*b2i(b.Labels[i] == b.Labels[j]) - 1)
					terms = append(terms, score(i, j, sign, (WeightOf(c.Weights, i)+WeightOf(c.Weights, j))/2))
				}
			}
			var sum, slope, all, some float64
			active := 0
			for _, x := range terms {
				sum += x.weight * x.loss
				slope += x.weight * x.slope
				all += x.weight
				if x.loss > 0 {
					active++
					some += x.weight
				}
			}
			for _, o := range []struct {
				loss MarginLoss
				of   float64
			}{{MarginLoss{}, some}, {MarginLoss{All: true}, all}, {MarginLoss{Reduction: Sum}, 1}, {MarginLoss{Reduction: MeanActive, All: true}, some}} {
				l := o.loss
				l.Boundary, l.Margin = boundary, margin
				name := fmt.Sprintf("listed %v, weighted %v, %v, all %v", listed, weighted, l.Reduction, l.All)
				g := gradFor(c)
				got := evaluate(t, name, &l, c, &g, 2)
				if !near(got.Loss, sum/o.of, 1e-6) || !near(got.DBias, 2*slope/o.of, 1e-9) || got.Valid != len(terms) || got.Active != active {
					t.Errorf("%s: %+v, want a loss of %v, a slope of %v and %d of %d active", name, got, sum/o.of, 2*slope/o.of, active, len(terms))
				}
				if listed {
					for i, x := range got.Losses {
						if !near(x, terms[i].loss, 1e-6) {
							t.Errorf("%s: loss %v of term %d, want %v", name, x, i, terms[i].loss)
						}
					}
				}
				if err := CheckGradient(&l, c); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// TestMarginLossBoundary: DBias is the slope of the value, and so many steps against it balance the
// active terms.
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
