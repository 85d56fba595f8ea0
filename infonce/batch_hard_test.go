package infonce_test

import (
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// TestBatchHardWithoutTriplets: without a positive or a negative there is no anchor, and no NaN.
func TestBatchHardWithoutTriplets(t *testing.T) {
	r := check.NewRand(70)
	x := gaps(5, 4, 0, r.Normals32(20))
	check.EachLevel(t, func(t *testing.T) {
		for name, labels := range map[string][]int{"all labels distinct": {0, 1, 2, 3, 4}, "one label": {7, 7, 7, 7, 7}, "one row": {3}, "no rows": {}} {
			for _, l := range []Loss{&BatchHard{}, &BatchHard{Soft: true, Squared: true}, &BatchHard{Normalize: true}} {
				b := Batch{Q: x.Slice(0, len(labels)), Labels: labels}
				g := Batch{Q: gaps(len(labels), 4, 0, x.Data)}
				if r := evaluate(t, name, l, b, &g, 1); !equal(r, Result{}) || slices.ContainsFunc(r.Losses, func(v float64) bool { return v != 0 }) {
					t.Errorf("%s: %+v, want all 0", name, r)
				}
				check.SameBits(t, name+": gradient", g.Q.Data, b.Q.Data[:len(g.Q.Data)])
			}
		}
	})
}

// TestBatchHardValid: anchors without a positive are left out of the mean, but serve as negatives.
func TestBatchHardValid(t *testing.T) {
	b := Batch{Q: rowsOf([]float32{0}, []float32{1}, []float32{3}), Labels: []int{5, 5, -1}}
	g := gradFor(b)
	r := evaluate(t, "BatchHard", &BatchHard{Margin: 2}, b, &g, 2)
	// Anchor 0: 1 − 3 + 2 = 0. Anchor 1: 1 − 2 + 2 = 1.
	if !equal(r, Result{Loss: 0.5, Valid: 2, Active: 1}) {
		t.Errorf("%+v, want a loss of 0.5 over 2 anchors, 1 active", r)
	}
	check.SameBits(t, "gradient", g.Q.Data, []float32{-1, 1 + 1, -1})
}

// TestBatchHardTies: among equal distances the lowest row counts. All distances are exact.
func TestBatchHardTies(t *testing.T) {
	b := Batch{
		Q:      rowsOf([]float32{0, 0}, []float32{3, 4}, []float32{-4, 3}, []float32{0, 2}, []float32{2, 0}, []float32{-2, 0}),
		Labels: []int{1, 1, 1, 2, 3, 2},
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 3} {
			l := &BatchHard{Workers: workers}
			evaluate(t, "BatchHard", l, b, nil, 1)
			// Row 0 has positives at 5, 5 and negatives at 2, 2, 2. Row 5 has two negatives farther
			// than row 0.
			want := [][2]int{{1, 3}, {2, 3}, {1, 5}, {5, 0}, {-1, 0}, {3, 0}}
			if got := HardestRows(l); !slices.Equal(got, want) {
				t.Errorf("workers %d: %v, want %v", workers, got, want)
			}
		}
	})
}

// TestBatchHardLength: the hardest rows are the same for rows of any length, also
// where float32 does not hold their squares.
func TestBatchHardLength(t *testing.T) {
	const n, d = 40, 9
	r := check.NewRand(71)
	x := gaps(n, d, 0, r.Normals32(n*d))
	labels := make([]int, n)
	for i := range labels {
		labels[i] = r.IntN(8)
	}
	check.EachLevel(t, func(t *testing.T) {
		l := &BatchHard{}
		evaluate(t, "BatchHard", l, Batch{Q: x, Labels: labels}, nil, 1)
		want := HardestRows(l)
		// Powers of two, which change no digit of normal numbers.
		for _, by := range []float32{0x1p-100, 0x1p-60, 0x1p-45, 0x1p-41, 0x1p60, 0x1p63, 0x1p100} {
			y := simd.NewMatrix(n, d)
			simd.Scale(y.Data, by, x.Data)
			evaluate(t, "BatchHard", l, Batch{Q: y, Labels: labels}, nil, 1)
			if !slices.Equal(HardestRows(l), want) {
				t.Errorf("times %v: other rows are hardest", by)
			}
		}
	})
}

// TestBatchHardList: BatchHard is Triplet of the hardest triplets, to the bit, and weights are
// those of anchors.
func TestBatchHardList(t *testing.T) {
	const n, d = 60, 70
	r := check.NewRand(72)
	b := Batch{Q: gaps(n, d, 1, r.Normals32(n*d)), Labels: make([]int, n), Weights: r.Float32s(n, 0, 3)}
	for i := range b.Labels {
		b.Labels[i] = r.IntN(n / 2)
	}
	a, p, neg := ref.HardTriplets(mat(b.Q), b.Labels)
	if len(a) == n || len(a) == 0 {
		t.Fatalf("%d valid anchors of %d, want some that are not", len(a), n)
	}
	list := Batch{Q: b.Q, Triplets: []Triple{}}
	for i := range a {
		list.Triplets = append(list.Triplets, Triple{a[i], p[i], neg[i]})
		list.Weights = append(list.Weights, b.Weights[a[i]])
	}
	for _, reduction := range []Reduction{Mean, Sum, MeanActive} {
		for _, l := range []BatchHard{{Margin: 0.5}, {Squared: true, Margin: 3}, {Soft: true}} {
			l.Reduction = reduction
			g, h := gradFor(b), gradFor(b)
			got := evaluate(t, "BatchHard", &l, b, &g, 0.5)
			want := evaluate(t, "Triplet", &Triplet{Margin: l.Margin, Squared: l.Squared, Soft: l.Soft, Reduction: reduction}, list, &h, 0.5)
			if !equal(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
			check.SameBits(t, "gradient", g.Q.Data, h.Q.Data)
			spread := make([]float64, n)
			for i := range a {
				spread[a[i]] = want.Losses[i]
			}
			if !slices.Equal(got.Losses, spread) {
				t.Errorf("losses %v, want %v", got.Losses, spread)
			}
		}
	}
}
