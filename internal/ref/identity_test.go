package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// The terms of both sides are the same and rounded alike, but added in another
// order: a few hundred additions at 1.1e-16 each.
const sameTerms = 1e-13

func compareValue(t *testing.T, name string, got, want float64) {
	t.Helper()
	compare(t, name, []float64{got}, []float64{want}, sameTerms)
}

func stack(ms ...Mat) Mat {
	s := Mat{Cols: ms[0].Cols}
	for _, m := range ms {
		s.Rows += m.Rows
		s.Data = append(s.Data, m.Data...)
	}
	return s
}

// eachOption runs f on random inputs, raw and normalised, hot and cold.
func eachOption(t *testing.T, f func(t *testing.T, r *check.Rand, temperature float64, normalize bool)) {
	r := check.NewRand(8)
	for _, temperature := range []float64{1e-4, 0.07, 1, 10} {
		for _, normalize := range []bool{false, true} {
			t.Run(fmt.Sprintf("τ=%v/normalize=%v", temperature, normalize), func(t *testing.T) {
				f(t, r, temperature, normalize)
			})
		}
	}
}

func TestCLIPIsSymmetric(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 6, 4), normals(r, 6, 4)
		a, ga := CLIP(q, k, temperature, normalize)
		b, gb := CLIP(k, q, temperature, normalize)
		compareValue(t, "value", a, b)
		compare(t, "q", ga.DQ.Data, gb.DK.Data, sameTerms)
		compare(t, "k", ga.DK.Data, gb.DQ.Data, sameTerms)
		compareValue(t, "temperature", ga.DTemperature, gb.DTemperature)
	})
}

func TestCLIPIsTwoInfoNCE(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 6, 4), normals(r, 6, 4)
		rows, gr := InfoNCE(q, k, temperature, normalize)
		cols, gc := InfoNCE(k, q, temperature, normalize)
		got, g := CLIP(q, k, temperature, normalize)
		compareValue(t, "value", got, (rows+cols)/2)
		compare(t, "q", g.DQ.Data, mean(gr.DQ, gc.DK), sameTerms)
		compare(t, "k", g.DK.Data, mean(gr.DK, gc.DQ), sameTerms)
		compareValue(t, "temperature", g.DTemperature, (gr.DTemperature+gc.DTemperature)/2)
	})
}

func mean(a, b Mat) []float64 {
	m := make([]float64, len(a.Data))
	for i := range m {
		m[i] = (a.Data[i] + b.Data[i]) / 2
	}
	return m
}

// Sharing negatives is giving a copy of them to each query.
func TestSharedNegativesArePaired(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		const n, m = 4, 3
		q, k, neg := normals(r, n, 5), normals(r, n, 5), normals(r, m, 5)
		shared, gs := InfoNCESharedNegatives(q, k, neg, temperature, normalize)
		paired, gp := InfoNCEPairedNegatives(q, k, stack(neg, neg, neg, neg), temperature, normalize)
		compareValue(t, "value", shared, paired)
		compare(t, "q", gs.DQ.Data, gp.DQ.Data, sameTerms)
		compare(t, "k", gs.DK.Data, gp.DK.Data, sameTerms)
		compareValue(t, "temperature", gs.DTemperature, gp.DTemperature)
		sum := NewMat(m, 5)
		for i := range gp.DNeg.Rows {
			axpy(sum.Row(i%m), 1, gp.DNeg.Row(i))
		}
		compare(t, "negatives", gs.DNeg.Data, sum.Data, sameTerms)
	})
}

// In the batch, the other keys are the negatives of each query.
func TestInBatchNegativesArePaired(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		const n, rows = 4, 6
		q, k := normals(r, n, 5), normals(r, rows, 5)
		var others []int
		for i := range n {
			for j := range rows {
				if j != i {
					others = append(others, j)
				}
			}
		}
		batch, gb := InfoNCE(q, k, temperature, normalize)
		paired, gp := InfoNCEPairedNegatives(q, k, gather(k, others), temperature, normalize)
		compareValue(t, "value", batch, paired)
		compare(t, "q", gb.DQ.Data, gp.DQ.Data, sameTerms)
		for i, j := range others {
			axpy(gp.DK.Row(j), 1, gp.DNeg.Row(i))
		}
		compare(t, "k", gb.DK.Data, gp.DK.Data, sameTerms)
		compareValue(t, "temperature", gb.DTemperature, gp.DTemperature)
	})
}

// NT-Xent is InfoNCE from each view to the other view of its sample, with the
// other rows of both views as its negatives.
func TestNTXentIsPaired(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		const n = 4
		q, k := normals(r, n, 5), normals(r, n, 5)
		z := stack(q, k)
		var positives, others []int
		for i := range 2 * n {
			p := (i + n) % (2 * n)
			positives = append(positives, p)
			for j := range 2 * n {
				if j != i && j != p {
					others = append(others, j)
				}
			}
		}
		got, g := NTXent(q, k, temperature, normalize)
		want, h := InfoNCEPairedNegatives(z, gather(z, positives), gather(z, others), temperature, normalize)
		compareValue(t, "value", got, want)
		compareValue(t, "temperature", g.DTemperature, h.DTemperature)
		for i, j := range positives {
			axpy(h.DQ.Row(j), 1, h.DK.Row(i))
		}
		for i, j := range others {
			axpy(h.DQ.Row(j), 1, h.DNeg.Row(i))
		}
		compare(t, "q and k", stack(g.DQ, g.DK).Data, h.DQ.Data, sameTerms)
	})
}

// Turning all vectors around, or exchanging pairs, changes nothing.
func TestSoftmaxLossesIgnoreOrder(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 5, 4), normals(r, 5, 4)
		rows := []int{3, 1, 4, 0, 2}
		for _, loss := range softmaxLosses {
			if loss.name == "InfoNCESharedNegatives" || loss.name == "InfoNCEPairedNegatives" {
				continue // their negatives are not pairs
			}
			a, ga := loss.f(q, k, Mat{}, temperature, normalize)
			b, gb := loss.f(gather(q, rows), gather(k, rows), Mat{}, temperature, normalize)
			compareValue(t, loss.name, b, a)
			compare(t, loss.name+": q", gb.DQ.Data, gather(ga.DQ, rows).Data, sameTerms)
			compare(t, loss.name+": k", gb.DK.Data, gather(ga.DK, rows).Data, sameTerms)
		}
	})
}

func isZero(g Grad) bool {
	return g.DTemperature == 0 && !slices.ContainsFunc(slices.Concat(g.DQ.Data, g.DK.Data, g.DNeg.Data), func(v float64) bool { return v != 0 })
}

// A positive without any negative is certain: the loss is exactly 0, and so is the gradient.
func TestNothingToContrast(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		for _, n := range []int{0, 1} {
			for _, loss := range softmaxLosses {
				value, g := loss.f(normals(r, n, 4), normals(r, n, 4), NewMat(0, 4), temperature, normalize)
				if value != 0 || !isZero(g) {
					t.Errorf("%s of %d rows: %v, gradient %v; want zeros", loss.name, n, value, g)
				}
			}
		}
	})
}

// A zero row is at right angles to all others and has no gradient of its own.
func TestZeroRow(t *testing.T) {
	r := check.NewRand(9)
	for _, loss := range softmaxLosses {
		q, k, neg := normals(r, 4, 3), normals(r, 4, 3), normals(r, loss.neg(4, 2), 3)
		clear(q.Row(1))
		clear(k.Row(2))
		value, g := loss.f(q, k, neg, 0.07, true)
		if math.IsNaN(value) || math.IsInf(value, 0) {
			t.Errorf("%s: %v", loss.name, value)
		}
		if slices.ContainsFunc(slices.Concat(g.DQ.Row(1), g.DK.Row(2)), func(v float64) bool { return v != 0 }) {
			t.Errorf("%s: gradients %v and %v of zero rows", loss.name, g.DQ.Row(1), g.DK.Row(2))
		}
		if slices.ContainsFunc(slices.Concat(g.DQ.Data, g.DK.Data, g.DNeg.Data), math.IsNaN) {
			t.Errorf("%s: NaN in the gradient", loss.name)
		}
	}
}
