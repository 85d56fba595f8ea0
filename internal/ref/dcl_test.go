package ref

import (
	"fmt"
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// The weights of DCLW are held for the central difference as they are for the gradient.
func TestWeightedDCLGradients(t *testing.T) {
	r := check.NewRand(13)
	for _, oneWay := range []bool{false, true} {
		for _, normalize := range []bool{false, true} {
			t.Run(fmt.Sprintf("oneWay=%v/normalize=%v", oneWay, normalize), func(t *testing.T) {
				for i := range 100 {
					n, d := 2+r.IntN(4), 1+r.IntN(5)
					q, k := normals(r, n, d), normals(r, n, d)
					temperature, sigma := []float64{0.3 + r.Float64()}, 0.2+r.Float64()
					weights := dclWeights(embedded(q, normalize), embedded(k, normalize), sigma)
					f := func() float64 {
						value, _ := dcl(q, k, temperature[0], normalize, oneWay, weights)
						return value
					}
					value, g := DCL(q, k, temperature[0], sigma, normalize, oneWay)
					if frozen := f(); value != frozen {
						t.Fatalf("%v, with frozen weights %v", value, frozen)
					}
					name := fmt.Sprintf("configuration %d, n=%d d=%d: ", i, n, d)
					check.Gradient(t, name+"q", f, q.Data, g.DQ.Data)
					check.Gradient(t, name+"k", f, k.Data, g.DK.Data)
					check.Gradient(t, name+"temperature", f, temperature, []float64{g.DTemperature})
				}
			})
		}
	}
}

// The weights have the mean 1, and a pair that agrees more has less of it.
func TestDCLWeights(t *testing.T) {
	q, k := line(1, 1, 1), line(0, 0.5, 0.5)
	w := dclWeights(q, k, 0.5) // softmax of 0, 1, 1
	want := []float64{2 - 3*0.15536240349696362, 2 - 3*0.42231879825151819, 2 - 3*0.42231879825151819}
	compare(t, "weights", w, want, 1e-15)
	if !near(Sum(w), 3, 1e-15) {
		t.Errorf("weights %v do not have the mean 1", w)
	}
}

// With one negative the loss is linear in the scores.
func TestDCLOfOneNegative(t *testing.T) {
	// q0·k0 = 6, q0·k1 = 8, q1·k0 = 9, q1·k1 = 12; one negative each.
	q, k := line(2, 3), line(3, 4)
	got, g := DCL(q, k, 2, 0, false, true)
	if got != ((8-6)+(9-12))/2.0/2 {
		t.Errorf("%v, want −1/4", got)
	}
	// ∂L/∂q0 = (k1 − k0)/(2·2), ∂L/∂k0 = (q1 − q0)/(2·2), ∂L/∂τ = −L/τ.
	compare(t, "q", g.DQ.Data, []float64{0.25, -0.25}, 0)
	compare(t, "k", g.DK.Data, []float64{0.25, -0.25}, 0)
	compareValue(t, "temperature", g.DTemperature, 0.125)
}

// Equal scores have the weight 1.
func TestWeightedDCLOfEqualScores(t *testing.T) {
	x := simplex(6)
	for _, oneWay := range []bool{false, true} {
		a, ga := DCL(x, x, 0.1, 0.5, true, oneWay)
		b, gb := DCL(x, x, 0.1, 0, true, oneWay)
		compareValue(t, "value", a, b)
		compareValue(t, "temperature", ga.DTemperature, gb.DTemperature)
	}
}

// A batch of one has no negatives and counts for nothing.
func TestDCLWithoutNegatives(t *testing.T) {
	for _, n := range []int{0, 1} {
		for _, oneWay := range []bool{false, true} {
			for _, sigma := range []float64{0, 0.5} {
				value, g := DCL(constant(n, 3), constant(n, 3), 0.1, sigma, true, oneWay)
				if value != 0 || !isZero(g) {
					t.Errorf("n=%d oneWay=%v σ=%v: %v, gradient %v; want zeros", n, oneWay, sigma, value, g)
				}
			}
		}
	}
}

// By the formula as it is printed, whose exponentials stay in range here.
func TestDCLAsPrinted(t *testing.T) {
	r := check.NewRand(37)
	const n, temperature, sigma = 4, 0.6, 0.7
	q, k := normals(r, n, 3), normals(r, n, 3)
	z := stack(q, k)
	similarity := 0.0
	for i := range n {
		similarity += math.Exp(Dot(q.Row(i), k.Row(i)) / sigma)
	}
	plain, weighted := 0.0, 0.0
	for i := range z.Rows {
		positive, negatives := 0.0, 0.0
		for j := range z.Rows {
			switch s := Dot(z.Row(i), z.Row(j)); j {
			case i:
			case (i + n) % (2 * n):
				positive = s
			default:
				negatives += math.Exp(s / temperature)
			}
		}
		w := 2 - n*math.Exp(positive/sigma)/similarity
		plain += (math.Log(negatives) - positive/temperature) / (2 * n)
		weighted += (math.Log(negatives) - w*positive/temperature) / (2 * n)
	}
	got, _ := DCL(q, k, temperature, 0, false, false)
	compareValue(t, "DCL", got, plain)
	got, _ = DCL(q, k, temperature, sigma, false, false)
	compareValue(t, "DCL, weighted", got, weighted)
}

func TestDCLIsSymmetric(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 6, 4), normals(r, 6, 4)
		for _, sigma := range []float64{0, 0.5} {
			a, ga := DCL(q, k, temperature, sigma, normalize, false)
			b, gb := DCL(k, q, temperature, sigma, normalize, false)
			compareValue(t, "value", a, b)
			compare(t, "q", ga.DQ.Data, gb.DK.Data, sameTerms)
			compare(t, "k", ga.DK.Data, gb.DQ.Data, sameTerms)
		}
	})
}
