package ref

import (
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// someOptions returns options of all kinds for n rows, the first without weight.
func someOptions(n int, sum bool) RowOptions {
	o := RowOptions{Smoothing: 0.2, Sum: sum, Drop: func(i, j int) bool { return (2*i+j)%3 == 0 }}
	for i := range n {
		o.Weights = append(o.Weights, float64(i)/2)
	}
	return o
}

func TestSoftmaxRowsWithoutOptions(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 5, 4), normals(r, 8, 4)
		want, wantGrad := InfoNCE(q, k, temperature, normalize)
		for _, c := range []struct {
			name string
			o    RowOptions
			by   float64
		}{
			{"zero value", RowOptions{}, 1},
			{"sum", RowOptions{Sum: true}, 5},
			{"equal weights", RowOptions{Weights: []float64{3, 3, 3, 3, 3}}, 1},
			{"sum of equal weights", RowOptions{Sum: true, Weights: []float64{3, 3, 3, 3, 3}}, 15},
			{"nothing dropped", RowOptions{Drop: func(i, j int) bool { return i == j }}, 1},
		} {
			got, g := SoftmaxRows(q, k, temperature, normalize, c.o)
			compareValue(t, c.name, got, c.by*want)
			compare(t, c.name+": q", g.DQ.Data, scale(wantGrad.DQ, c.by).Data, sameTerms)
			compare(t, c.name+": k", g.DK.Data, scale(wantGrad.DK, c.by).Data, sameTerms)
			compareValue(t, c.name+": temperature", g.DTemperature, c.by*wantGrad.DTemperature)
		}
	})
}

// A candidate left out might as well not be there, however large its score.
func TestSoftmaxRowsDrop(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 4, 5), normals(r, 7, 5)
		for _, j := range []int{4, 6} {
			copy(k.Row(j), q.Row(0)) // the row maximum, if it took part
		}
		kept := Mat{5, 5, append(k.Data[:4*5:4*5], k.Row(5)...)}
		for _, smoothing := range []float64{0, 0.3} {
			got, g := SoftmaxRows(q, k, temperature, normalize, RowOptions{
				Smoothing: smoothing,
				Drop:      func(i, j int) bool { return j == 4 || j == 6 },
			})
			want, h := SoftmaxRows(q, kept, temperature, normalize, RowOptions{Smoothing: smoothing})
			compareValue(t, "value", got, want)
			compare(t, "q", g.DQ.Data, h.DQ.Data, sameTerms)
			compare(t, "k", append(g.DK.Data[:4*5:4*5], g.DK.Row(5)...), h.DK.Data, sameTerms)
			for _, j := range []int{4, 6} {
				compare(t, "dropped", g.DK.Row(j), make([]float64, 5), 0)
			}
		}
		// The positive alone is certain.
		value, g := SoftmaxRows(q, k, temperature, normalize, RowOptions{Drop: func(i, j int) bool { return true }})
		if value != 0 || !isZero(g) {
			t.Errorf("all negatives dropped: %v, gradient %v; want zeros", value, g)
		}
	})
}

// A weight of two counts as the row twice, one of 0 as if it were not there.
func TestSoftmaxRowsWeights(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 3, 5), normals(r, 5, 5)
		rows := []int{0, 1, 1} // weights 1, 2, 0
		got, g := SoftmaxRows(q, k, temperature, normalize, RowOptions{Weights: []float64{1, 2, 0}})
		want, dq, dk, dt := 0.0, NewMat(3, 5), NewMat(5, 5), 0.0
		for _, i := range rows {
			alone := make([]float64, 3)
			alone[i] = 7
			value, h := SoftmaxRows(q, k, temperature, normalize, RowOptions{Weights: alone})
			want += value / 3
			axpy(dq.Data, 1.0/3, h.DQ.Data)
			axpy(dk.Data, 1.0/3, h.DK.Data)
			dt += h.DTemperature / 3
		}
		compareValue(t, "value", got, want)
		compare(t, "q", g.DQ.Data, dq.Data, sameTerms)
		compare(t, "k", g.DK.Data, dk.Data, sameTerms)
		compareValue(t, "temperature", g.DTemperature, dt)
		for _, o := range []RowOptions{{Weights: make([]float64, 3)}, {Weights: make([]float64, 3), Sum: true}} {
			if value, g := SoftmaxRows(q, k, temperature, normalize, o); value != 0 || !isZero(g) {
				t.Errorf("no weight: %v, gradient %v; want zeros", value, g)
			}
		}
	})
}

// The target of two candidates that are alike is 1/2 each, whatever is
// smoothed; and smoothing all of it away leaves the mean over the positives.
func TestSoftmaxRowsSmoothing(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 1, 4), normals(r, 3, 4)
		got, g := SoftmaxRows(q, k, temperature, normalize, RowOptions{Smoothing: 1})
		want, dq := 0.0, NewMat(1, 4)
		for j := range k.Rows {
			value, h := InfoNCE(q, gather(k, []int{j, (j + 1) % 3, (j + 2) % 3}), temperature, normalize)
			want += value / 3
			axpy(dq.Data, 1.0/3, h.DQ.Data)
		}
		compareValue(t, "value", got, want)
		// Two of the three terms may nearly cancel: the scale is that of a logit.
		compare(t, "q", append(g.DQ.Data, 1/temperature), append(dq.Data, 1/temperature), sameTerms)
	})
	value, g := SoftmaxRows(line(1), line(2, 2), 1, false, RowOptions{Smoothing: 0.5})
	if !near(value, 0.6931471805599453, 1e-15) || g.DQ.At(0, 0) != 0 || g.DK.At(0, 0) != -0.25 || g.DK.At(1, 0) != 0.25 {
		t.Errorf("%v, gradient %v", value, g)
	}
}
