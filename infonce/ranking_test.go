package infonce_test

import (
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestMarginRankingHinge: at the margin there is no slope, and labels tell the order of each row.
// All numbers are exact.
func TestMarginRankingHinge(t *testing.T) {
	b := Batch{
		Q:      rowsOf([]float32{3, 1}, []float32{0, 5}, []float32{2, 2}),
		K:      rowsOf([]float32{1, 1}, []float32{4, 5.5}, []float32{2, 9}),
		Labels: []int{1, -1, 1},
	}
	g := gradFor(b)
	r := evaluate(t, "MarginRanking", &MarginRanking{Margin: 2}, b, &g, 6)
	// −y·(x1 − x2) + 2 is 0, 2; −2, 1.5; 2, 9.
	if !equal(r, Result{Loss: 14.5 / 6, Valid: 6, Active: 4}) {
		t.Errorf("%+v, want a loss of 14.5/6, 4 of 6 active", r)
	}
	check.SameBits(t, "gradient of Q", g.Q.Data, []float32{0, -1, 0, 1, -1, -1})
	check.SameBits(t, "gradient of K", g.K.Data, []float32{0, 1, 0, -1, 1, 1})

	// No labels are labels of 1, and no margin is none.
	b.Labels = nil
	if r := evaluate(t, "MarginRanking", &MarginRanking{}, b, nil, 1); !equal(r, Result{Loss: (4 + 0.5 + 7) / 6, Valid: 6, Active: 3}) {
		t.Errorf("%+v without labels, want a loss of 11.5/6, 3 of 6 active", r)
	}
}

// TestRankingEmbeddings: with negatives the scores are products of rows.
func TestRankingEmbeddings(t *testing.T) {
	b := Batch{Q: rowsOf([]float32{1, 2}), K: rowsOf([]float32{3, -1}), Negatives: rowsOf([]float32{1, 1})}
	g := gradFor(b)
	r := evaluate(t, "MarginRanking", &MarginRanking{Margin: 0.5}, b, &g, 1)
	// q·k = 1 and q·n = 3.
	if !equal(r, Result{Loss: 2.5, Valid: 1, Active: 1}) {
		t.Errorf("%+v, want a loss of 2.5", r)
	}
	check.SameBits(t, "gradient of Q", g.Q.Data, []float32{-2, 2})
	check.SameBits(t, "gradient of K", g.K.Data, []float32{-1, -2})
	check.SameBits(t, "gradient of Negatives", g.Negatives.Data, []float32{1, 2})
}

// TestLogisticRankingExtremes: scores that are equal cost ln 2, and scores that differ by anything
// cost a number.
func TestLogisticRankingExtremes(t *testing.T) {
	for _, c := range []struct {
		x1, x2 float32
		want   float64
	}{{1, 1, math.Ln2}, {100, 0, 0}, {1e30, -1e30, 0}, {0, 100, 100}, {0, 1e5, 1e5}, {-3e38, 3e38, 2 * float64(float32(3e38))}} {
		b := Batch{Q: rowsOf([]float32{c.x1}), K: rowsOf([]float32{c.x2})}
		g := gradFor(b)
		r := evaluate(t, "LogisticRanking", &LogisticRanking{}, b, &g, 1)
		if !near(r.Loss, c.want, 1e-7) && !(c.want == 0 && r.Loss < 1e-37) || !(g.Q.Data[0] <= 0) || g.K.Data[0] != -g.Q.Data[0] {
			t.Errorf("scores %v and %v: loss %v, want %v; gradients %v and %v", c.x1, c.x2, r.Loss, c.want, g.Q.Data, g.K.Data)
		}
	}
}

// TestRankingWithoutScores: rows without elements have no scores.
func TestRankingWithoutScores(t *testing.T) {
	b := Batch{Q: gaps(3, 0, 1, nil), K: gaps(3, 0, 1, nil)}
	g := gradFor(b)
	if r := evaluate(t, "MarginRanking", &MarginRanking{Margin: 1}, b, &g, 1); !isZero(r) {
		t.Errorf("%+v, want all 0", r)
	}
}
