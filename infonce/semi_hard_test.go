package infonce_test

import (
	"fmt"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
)

// TestSemiHardWithoutTriplets: without a positive or a negative there is no pair, and no NaN.
func TestSemiHardWithoutTriplets(t *testing.T) {
	r := check.NewRand(150)
	x := gaps(5, 4, 0, r.Normals32(20))
	check.EachLevel(t, func(t *testing.T) {
		for name, labels := range map[string][]int{"all labels distinct": {0, 1, 2, 3, 4}, "one label": {7, 7, 7, 7, 7}, "one row": {3}, "no rows": {}} {
			for _, l := range []Loss{&SemiHard{}, &SemiHard{Farthest: true, Squared: true}, &SemiHard{Normalize: true, Reduction: Sum}} {
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

// TestSemiHardTriplets: it is the loss of the list of semi-hard triplets, in several strips, with
// few pairs and with many, with weights and any reduction. Rows of small integers have exact
// distances, of which many are equal.
func TestSemiHardTriplets(t *testing.T) {
	n, d := 300, 8
	if testing.Short() {
		n = 60
	}
	r := check.NewRand(151)
	for _, labels := range []int{n / 4, 3} {
		b := gathered(r, n, d, labels, gatherings[0].change)
		for i := range n {
			copy(b.Q.Row(i), r.SmallInts(d, 3))
		}
		for _, weighted := range []bool{false, true} {
			b.Weights = nil
			if weighted {
				b.Weights = r.Float32s(n, 0, 2)
				b.Weights[3] = 0
			}
			for _, l := range []*SemiHard{{}, {Farthest: true}, {Reduction: MeanActive, Farthest: true}, {Reduction: Sum, Squared: true}} {
				l.Margin, l.Workers = 1.5, 1
				fallback := ref.Drop
				if l.Farthest {
					fallback = ref.Farthest
				}
				as, ps, ns := ref.SemiHardTriplets(mat(b.Q), b.Labels, ref.TripletOptions{Margin: 1.5, Squared: l.Squared}, fallback)
				var list []Triple
				var weights []float32
				for i, a := range as {
					list = append(list, Triple{a, ps[i], ns[i]})
					weights = append(weights, float32(WeightOf(b.Weights, a)))
				}
				triplet := &Triplet{Margin: 1.5, Squared: l.Squared, Reduction: l.Reduction}
				name := fmt.Sprintf("labels %d, weighted %v, farthest %v, %v", labels, weighted, l.Farthest, l.Reduction)
				want := outcomeOf(t, name, triplet, Batch{Q: b.Q, Triplets: list, Weights: weights})
				agree(t, name, outcomeOf(t, name, l, b), want)
			}
		}
	}
}

// TestSemiHardChoice: the nearest negative that is farther than the positive counts, of equal ones
// the lowest row; one at the distance of the positive is not farther, one at the margin from it not
// within. All distances are exact.
func TestSemiHardChoice(t *testing.T) {
	// Distances from row 0: the positive at 2, negatives at 4, 3, 3, 2, 1.
	rows := rowsOf([]float32{0, 0}, []float32{2, 0}, []float32{0, 4}, []float32{0, -3}, []float32{0, 3}, []float32{-2, 0}, []float32{0, 1})
	b := Batch{Q: rows, Labels: []int{1, 1, 9, 8, 3, 4, 5}, Weights: []float32{1, 0, 0, 0, 0, 0, 0}}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		r := evaluate(t, "SemiHard", &SemiHard{Margin: 2}, b, &g, 2)
		// The pair of row 0 has row 3: 2 − 3 + 2 = 1. That of row 1 has weight 0.
		if r.Loss != 1 {
			t.Errorf("%+v, want a loss of 1", r)
		}
		// 2·(x_0 − x_1)/2 and 2·(x_0 − x_3)/3.
		check.SameBits(t, "gradient", g.Q.Data, []float32{-2, -2, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0})
		if r := evaluate(t, "SemiHard, margin 1", &SemiHard{Margin: 1, Reduction: Sum}, b, nil, 1); r.Loss != 0 || r.Valid != 1 {
			t.Errorf("%+v, want no loss: only row 1 has a pair within a margin of 1", r)
		}
	})
}

// TestSemiHardEachPositive: every positive has a negative of its own, and not the farthest alone
// (tensorflow/similarity, GoMLX).
func TestSemiHardEachPositive(t *testing.T) {
	// Row 0 has positives at 0.5 and 2; the nearest negatives that are farther are at 1 and 4.
	b := Batch{Q: rowsOf([]float32{0}, []float32{0.5}, []float32{2}, []float32{1}, []float32{-4}), Labels: []int{1, 1, 1, 8, 9}, Weights: []float32{1, 0, 0, 0, 0}}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		if r := evaluate(t, "SemiHard", &SemiHard{Margin: 3, Reduction: Sum}, b, &g, 1); r.Loss != 2.5+1 {
			t.Errorf("%+v, want 0.5 − 1 + 3 and 2 − 4 + 3", r)
		}
		check.SameBits(t, "gradient", g.Q.Data, []float32{-2, 1, 1, -1, 1})
	})
}

// TestSemiHardFarthest: pairs without a semi-hard negative are left out, or have the farthest
// negative.
func TestSemiHardFarthest(t *testing.T) {
	// The positive is at 8, negatives at 1 and 5, twice.
	b := Batch{Q: rowsOf([]float32{0}, []float32{8}, []float32{1}, []float32{-5}, []float32{5}), Labels: []int{1, 1, 2, 3, 4}, Weights: []float32{1, 0, 0, 0, 0}}
	check.EachLevel(t, func(t *testing.T) {
		if r := evaluate(t, "strict", &SemiHard{}, b, nil, 1); r.Loss != 0 || r.Valid != 0 {
			t.Errorf("%+v, want no pair", r)
		}
		g := gradFor(b)
		r := evaluate(t, "farthest", &SemiHard{Farthest: true}, b, &g, 1)
		if r.Loss != 8-5+1 {
			t.Errorf("%+v, want a loss of 4", r)
		}
		check.SameBits(t, "gradient", g.Q.Data, []float32{-1 - 1, 1, 0, 1, 0})
	})
}

// TestSemiHardCollapse: where all rows are equal nothing is semi-hard, but the farthest negative is
// one.
func TestSemiHardCollapse(t *testing.T) {
	b := gathered(check.NewRand(152), 30, 5, 6, gatherings[3].change)
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			loss *SemiHard
			want float64
		}{{&SemiHard{}, 0}, {&SemiHard{Margin: 0.25, Farthest: true}, 0.25}, {&SemiHard{Squared: true, Normalize: true, Farthest: true}, 1}} {
			g := gradFor(b)
			if r := evaluate(t, "SemiHard", c.loss, b, &g, 1); r.Loss != c.want || (r.Valid > 0) != c.loss.Farthest || r.Degenerate == 0 {
				t.Errorf("%+v, want a loss of %v", r, c.want)
			}
			check.SameBits(t, "gradient", g.Q.Data, make([]float32, len(g.Q.Data)))
		}
	})
}

// TestSemiHardNearTies: of negatives whose distances differ by less than float32 tells the choice
// is that of float64, and so is whether one is farther than the positive, or within the margin.
func TestSemiHardNearTies(t *testing.T) {
	r := check.NewRand(153)
	const n, d = 60, 8
	for _, labels := range []int{3, n / 3} { // many pairs of one label, and few
		for _, normalize := range []bool{false, true} {
			// Different corners of a cube, but for last digits. Where rows are normalised none are
			// equal but for the rounding of float64.
			digits := []int{3, 1000}[b2i(normalize)]
			b := Batch{Q: gaps(n, d, 1, make([]float32, n*d)), Labels: make([]int, n)}
			for i := range n {
				b.Labels[i] = r.IntN(labels)
				for j := range d {
					b.Q.Row(i)[j] = float32(2*(i*37>>j&1)-1) + float32(r.IntN(digits))*0x1p-23
				}
			}
			for _, l := range []*SemiHard{{}, {Farthest: true}, {Margin: 0x1p-22}, {Squared: true, Farthest: true}, {Squared: true, Margin: 0x1p-21}} {
				l.Normalize = normalize
				fallback := ref.Drop
				if l.Farthest {
					fallback = ref.Farthest
				}
				margin := float64(max(l.Margin, float32(b2i(l.Margin == 0))))
				o := ref.TripletOptions{Margin: margin, Squared: l.Squared}
				x := mat(b.Q)
				if normalize {
					x, _ = ref.Normalize(x)
				}
				pairs, _, _ := ref.SemiHardTriplets(x, b.Labels, o, fallback)
				loss, g := ref.SemiHard(x, b.Labels, o, fallback)
				if normalize {
					g.DQ = ref.NormalizeGrad(mat(b.Q), g.DQ)
				}
				want := gradFor(b)
				for i := range n {
					for j, x := range g.DQ.Row(i) {
						want.Q.Row(i)[j] = float32(x)
					}
				}
				name := fmt.Sprintf("labels %d, %+v", labels, []any{l.Margin, l.Squared, l.Farthest, normalize})
				check.EachLevel(t, func(t *testing.T) {
					got := outcomeOf(t, name, l, b)
					agree(t, name, got, outcome{Result{Loss: loss, Valid: len(pairs), Active: got.r.Active}, want})
				})
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
