package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestBatchAllWithoutTriplets: without a positive or a negative there is no triplet, and no NaN.
func TestBatchAllWithoutTriplets(t *testing.T) {
	r := check.NewRand(140)
	x := gaps(5, 4, 0, r.Normals32(20))
	check.EachLevel(t, func(t *testing.T) {
		for name, labels := range map[string][]int{"all labels distinct": {0, 1, 2, 3, 4}, "one label": {7, 7, 7, 7, 7}, "one row": {3}, "no rows": {}} {
			for _, l := range []Loss{&BatchAll{}, &BatchAll{Soft: true, Squared: true}, &BatchAll{Normalize: true, All: true}, &BatchAll{Reduction: Sum}} {
				b := Batch{Q: x.Slice(0, len(labels)), Labels: labels}
				g := Batch{Q: gaps(len(labels), 4, 0, x.Data)}
				if r := evaluate(t, name, l, b, &g, 1); !isZero(r) {
					t.Errorf("%s: %+v, want all 0", name, r)
				}
				check.SameBits(t, name+": gradient", g.Q.Data, b.Q.Data[:len(g.Q.Data)])
			}
		}
	})
}

// TestBatchAllTriplets: it is the loss of the list of all triplets, in several strips, with weights
// and any reduction.
func TestBatchAllTriplets(t *testing.T) {
	n, d := 300, 8 // two strips of one worker
	if testing.Short() {
		n = 40
	}
	r := check.NewRand(141)
	b := gathered(r, n, d, n/5, gatherings[0].change)
	for _, weighted := range []bool{false, true} {
		b.Weights = nil
		if weighted {
			b.Weights = r.Float32s(n, 0, 2)
			b.Weights[3] = 0
		}
		list, weights := triplesOf(b)
		for _, soft := range []bool{false, true} {
			for _, l := range []*BatchAll{{}, {All: true}, {Reduction: MeanActive, All: true}, {Reduction: Sum, Squared: true}, {Normalize: true}} {
				l.Margin, l.Soft, l.Workers = 0.5, soft, 1
				as := &Triplet{Margin: 0.5, Soft: soft, Squared: l.Squared, Normalize: l.Normalize, Reduction: MeanActive}
				if l.All && l.Reduction == Mean {
					as.Reduction = Mean
				}
				if l.Reduction == Sum {
					as.Reduction = Sum
				}
				name := fmt.Sprintf("weighted %v, soft %v, all %v, %v, normalize %v", weighted, soft, l.All, l.Reduction, l.Normalize)
				want := outcomeOf(t, name, as, Batch{Q: b.Q, Triplets: list, Weights: weights})
				agree(t, name, outcomeOf(t, name, l, b), want)
			}
		}
	}
}

// TestBatchAllHinge: at v = 0 there is no slope, and Active counts what is above. All numbers are
// exact.
func TestBatchAllHinge(t *testing.T) {
	b := Batch{Q: rowsOf([]float32{0}, []float32{1}, []float32{3}), Labels: []int{5, 5, -1}}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		r := evaluate(t, "BatchAll", &BatchAll{Margin: 2}, b, &g, 2)
		// Anchor 0: 1 − 3 + 2 = 0. Anchor 1: 1 − 2 + 2 = 1.
		if !equal(r, Result{Loss: 1, Valid: 2, Active: 1}) {
			t.Errorf("%+v, want a loss of 1 over 1 of 2 triplets", r)
		}
		check.SameBits(t, "gradient", g.Q.Data, []float32{-2, 2 + 2, -2})
		if r := evaluate(t, "BatchAll", &BatchAll{Margin: 2, All: true}, b, nil, 1); !equal(r, Result{Loss: 0.5, Valid: 2, Active: 1}) {
			t.Errorf("%+v, want a loss of 0.5 over 2 triplets", r)
		}
	})
}

// TestBatchAllCollapse: where all rows are equal the loss is the margin, or ln 2, without a
// gradient.
func TestBatchAllCollapse(t *testing.T) {
	b := gathered(check.NewRand(142), 30, 5, 6, gatherings[3].change)
	list, _ := triplesOf(b)
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			loss Loss
			want float64
		}{
			{&BatchAll{}, 1},
			{&BatchAll{Margin: 0.25, Squared: true, All: true}, 0.25},
			{&BatchAll{Soft: true}, math.Ln2},
			{&BatchAll{Soft: true, Squared: true, Normalize: true}, math.Ln2},
		} {
			g := gradFor(b)
			r := evaluate(t, "BatchAll", c.loss, b, &g, 1)
			if !near(r.Loss, c.want, 1e-7) || r.Valid != len(list) || r.Active != len(list) || r.Degenerate == 0 {
				t.Errorf("%+v, want a loss of %v over %d triplets", r, c.want, len(list))
			}
			check.SameBits(t, "gradient", g.Q.Data, make([]float32, len(g.Q.Data)))
		}
	})
}
