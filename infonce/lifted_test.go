package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
)

// TestLiftedWithoutPairs: without a pair or a negative there is no term, and no NaN.
func TestLiftedWithoutPairs(t *testing.T) {
	r := check.NewRand(160)
	x := gaps(5, 4, 0, r.Normals32(20))
	check.EachLevel(t, func(t *testing.T) {
		for name, labels := range map[string][]int{"all labels distinct": {0, 1, 2, 3, 4}, "one label": {7, 7, 7, 7, 7}, "one row": {3}, "no rows": {}} {
			for _, l := range []Loss{&Lifted{}, &Lifted{Normalize: true, Reduction: Sum}} {
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

// TestLiftedCollapse: where all rows are equal J is the margin plus the logarithm of how many
// negatives two rows have.
func TestLiftedCollapse(t *testing.T) {
	b := gathered(check.NewRand(161), 30, 5, 6, gatherings[3].change)
	for i := range b.Labels {
		b.Labels[i] = i % 6
	}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		r := evaluate(t, "Lifted", &Lifted{Margin: 0.5}, b, &g, 1)
		j := 0.5 + math.Log(2*25)
		if !near(r.Loss, j*j/2, 1e-6) || r.Valid != 6*10 || r.Active != 6*10 || r.Degenerate != 30*25 {
			t.Errorf("%+v, want a loss of %v over 60 pairs", r, j*j/2)
		}
		check.SameBits(t, "gradient", g.Q.Data, make([]float32, len(g.Q.Data)))
	})
}

// TestLiftedWeights: the weight of a pair is the mean of those of its rows, for any reduction, and
// the gradient is that of the value.
func TestLiftedWeights(t *testing.T) {
	r := check.NewRand(162)
	b := gathered(r, 40, 6, 9, gatherings[0].change)
	b.Weights = r.Float32s(40, 0, 3)
	b.Weights[5] = 0
	const margin = -4.5 // with some pairs that are not active
	var sum, valid, active float64
	pairs, some := 0, 0
	for i := range b.Labels {
		for j := range i {
			if b.Labels[i] != b.Labels[j] {
				continue
			}
			// The oracle of a batch with this one pair.
			labels := make([]int, 40)
			for k := range labels {
				if labels[k] = k + 1; b.Labels[k] == b.Labels[i] {
					labels[k] = -1
				}
			}
			keep := []int{i, j}
			for k := range labels {
				if labels[k] > 0 {
					keep = append(keep, k)
				}
			}
			x, y := ref.NewMat(len(keep), 6), make([]int, len(keep))
			for m, k := range keep {
				copy(x.Row(m), mat(b.Q).Row(k))
				y[m] = labels[k]
			}
			loss, _ := ref.Lifted(x, y, margin)
			w := float64(b.Weights[i]+b.Weights[j]) / 2
			sum += w * loss
			valid += w
			pairs++
			if loss > 0 {
				active += w
				some++
			}
		}
	}
	if some == pairs || some == 0 {
		t.Fatalf("%d of %d pairs are active, want some", some, pairs)
	}
	check.EachLevel(t, func(t *testing.T) {
		for reduction, want := range map[Reduction]float64{Mean: sum / valid, Sum: sum, MeanActive: sum / active} {
			l := &Lifted{Margin: margin, Reduction: reduction}
			if r := evaluate(t, "Lifted", l, b, nil, 1); !near(r.Loss, want, 1e-5) || r.Valid != pairs || r.Active != some {
				t.Errorf("%v: %+v, want a loss of %v over %d pairs, %d active", reduction, r, want, pairs, some)
			}
			if testing.Short() && reduction != MeanActive {
				continue // the gradient differs by a factor
			}
			if err := CheckGradient(l, b); err != nil {
				t.Errorf("%v: %v", reduction, err)
			}
		}
	})
}

// TestLiftedBudget: what is kept between the passes changes no bit.
func TestLiftedBudget(t *testing.T) {
	b := gathered(check.NewRand(163), 300, 7, 20, gatherings[4].change)
	check.EachLevel(t, func(t *testing.T) {
		want := outcomeOf(t, "Lifted", &Lifted{}, b)
		for _, budget := range []int64{-1, 1 << 10, 1 << 30} {
			name := fmt.Sprintf("budget %d", budget)
			outcomeOf(t, name, &Lifted{MemoryBudget: budget, Workers: 1}, b).same(t, name, want)
		}
	})
}
