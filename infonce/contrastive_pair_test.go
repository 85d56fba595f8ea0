package infonce_test

import (
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestContrastivePairMargins: at a margin there is no slope, and Active counts what is beyond. All
// numbers are exact.
func TestContrastivePairMargins(t *testing.T) {
	b := Batch{
		Q:      rowsOf([]float32{0, 0}, []float32{0, 0}, []float32{0, 0}, []float32{0, 0}),
		K:      rowsOf([]float32{3, 4}, []float32{0, 2}, []float32{3, 4}, []float32{0, 6}),
		Labels: []int{1, 1, 0, 0},
	}
	check.EachLevel(t, func(t *testing.T) {
		g := gradFor(b)
		r := evaluate(t, "ContrastivePair", &ContrastivePair{Margin: 6, PositiveMargin: 2}, b, &g, 20)
		// 3²/2, 0, 1²/2 and 0.
		if !equal(r, Result{Loss: 5. / 4, Valid: 4, Active: 2}) {
			t.Errorf("%+v, want a loss of 1.25 of which 2 of 4 are active", r)
		}
		check.SameBits(t, "gradient of K", g.K.Data, []float32{9, 12, 0, 0, -3, -4, 0, 0})
		check.SameBits(t, "gradient of Q", g.Q.Data, []float32{-9, -12, 0, 0, 3, 4, 0, 0})

		b.Labels = []int{0, 0, 1, 1}
		swapped := gradFor(b)
		if s := evaluate(t, "ContrastivePair", &ContrastivePair{Margin: 6, PositiveMargin: 2, ZeroIsSimilar: true}, b, &swapped, 20); !equal(s, r) {
			t.Errorf("%+v where 0 is similar, want %+v", s, r)
		}
		check.SameBits(t, "gradient of Q where 0 is similar", swapped.Q.Data, g.Q.Data)
		b.Labels = []int{1, 1, 0, 0}
	})
}

// TestContrastivePairDegenerate: a pair at distance 0 that should be apart has no gradient and is
// counted; one that should be together is not, nor is one that is as far as it should be.
func TestContrastivePairDegenerate(t *testing.T) {
	x := rowsOf([]float32{0.1, 2}, []float32{1, 1}, []float32{3, -1}, []float32{0, 0})
	b := Batch{Q: x, K: rowsOf([]float32{0.1, 2}, []float32{1, 1}, []float32{9, 9}, []float32{0, 0}), Labels: []int{0, 1, 0, 0}}
	g := gradFor(b)
	r := evaluate(t, "ContrastivePair", &ContrastivePair{Margin: 2}, b, &g, 1)
	if !equal(r, Result{Loss: 2 * 2. / 4, Valid: 4, Active: 2, Degenerate: 2}) {
		t.Errorf("%+v, want a loss of 1, 2 of 4 active and degenerate", r)
	}
	each(g, func(p, i int, row []float32) { check.SameBits(t, "gradient", row, []float32{0, 0}) })

	// 1e-30 is a direction.
	b = Batch{Q: rowsOf([]float32{1e-30}), K: rowsOf([]float32{0}), Labels: []int{0}}
	g = gradFor(b)
	if r := evaluate(t, "ContrastivePair", &ContrastivePair{}, b, &g, 1); r.Degenerate != 0 {
		t.Errorf("%+v at a distance of 1e-30", r)
	}
	check.SameBits(t, "gradient at a distance of 1e-30", append(g.Q.Data, g.K.Data...), []float32{-1, 1})
}
