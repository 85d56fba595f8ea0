package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestSupConGradients(t *testing.T) {
	for _, normalize := range []bool{false, true} {
		for _, inside := range []bool{false, true} {
			for _, temperature := range []float64{0.3, 1, 3} {
				t.Run(fmt.Sprintf("normalize=%v/inside=%v/τ=%v", normalize, inside, temperature), func(t *testing.T) {
					checkLabelled(t, 11, func(x Mat, labels []int) (float64, Mat, bool) {
						value, g := SupCon(x, labels, temperature, normalize, inside)
						return value, g.DQ, true
					})
					r := check.NewRand(12)
					x, labels := normals(r, 7, 4), []int{0, 1, 0, 2, 1, 0, 5}
					f := func() float64 {
						value, _ := SupCon(x, labels, temperature, normalize, inside)
						return value
					}
					_, g := SupCon(x, labels, temperature, normalize, inside)
					check.Gradient(t, "x", f, x.Data, g.DQ.Data)
					τ := []float64{temperature}
					f = func() float64 {
						value, _ := SupCon(x, labels, τ[0], normalize, inside)
						return value
					}
					check.Gradient(t, "temperature", f, τ, []float64{g.DTemperature})
				})
			}
		}
	}
}

// With two views of each sample and the samples as labels, each row has one
// positive: outside is NT-Xent in every bit, and inside is too but for rounding.
func TestSupConOfPairsIsNTXent(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 5, 4), normals(r, 5, 4)
		labels := []int{4, 7, 1, 0, 9, 4, 7, 1, 0, 9}
		want, h := NTXent(q, k, temperature, normalize)
		got, g := SupCon(stack(q, k), labels, temperature, normalize, false)
		if got != want || g.DTemperature != h.DTemperature || !slices.Equal(g.DQ.Data, stack(h.DQ, h.DK).Data) {
			t.Errorf("outside: %v and %v, want %v and %v", got, g, want, h)
		}
		got, g = SupCon(stack(q, k), labels, temperature, normalize, true)
		// Two log-sum-exps of logits up to 1/τ times |x||y| are subtracted.
		tolerance := sameTerms + 0x1p-50*20/temperature
		if !near(got, want, tolerance) || !near(g.DTemperature, h.DTemperature, tolerance) {
			t.Errorf("inside: %v and %v, want %v and %v", got, g.DTemperature, want, h.DTemperature)
		}
		compare(t, "inside", g.DQ.Data, stack(h.DQ, h.DK).Data, tolerance)
	})
}

// Jensen's inequality (Khosla et al. 2020, section 3.2.2).
func TestSupConInsideIsNotAboveOutside(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		strict := 0
		for range 20 {
			x := normals(r, 2+r.IntN(9), 3)
			labels := make([]int, x.Rows)
			for i := range labels {
				labels[i] = r.IntN(3)
			}
			in, _ := SupCon(x, labels, temperature, normalize, true)
			out, _ := SupCon(x, labels, temperature, normalize, false)
			if in > out+1e-13*(1+out) {
				t.Errorf("labels %v: inside %v, outside %v", labels, in, out)
			}
			if in < out {
				strict++
			}
		}
		if strict < 10 {
			t.Errorf("inside is below outside only %d times of 20", strict)
		}
	})
}

func TestSupConCases(t *testing.T) {
	x := Mat{4, 2, []float64{1, 0, 0, 1, -1, 0, 0, -1}}
	for _, c := range []struct {
		name            string
		labels          []int
		outside, inside float64
		zero            bool // gradient
	}{
		{"no positives", []int{1, 2, 3, 4}, 0, 0, true},
		// Row 0: logits 0, −1, 0; rows 0 and 1 are mirror images.
		{"one pair", []int{7, 7, 1, 2}, math.Log(2 + math.Exp(-1)), math.Log(2 + math.Exp(-1)), false},
		// Of one label all are positives: inside there is nothing to contrast.
		{"no negatives", []int{3, 3, 3, 3}, math.Log(2+math.Exp(-1)) + 1.0/3, math.Log(3), false},
	} {
		for _, inside := range []bool{false, true} {
			want := c.outside
			if inside {
				want = c.inside
			}
			got, g := SupCon(x, c.labels, 1, true, inside)
			if !near(got, want, 1e-15) {
				t.Errorf("%s, inside=%v: %v, want %v", c.name, inside, got, want)
			}
			if c.zero && !isZero(g) {
				t.Errorf("%s, inside=%v: gradient %v, want zeros", c.name, inside, g)
			}
			if c.name == "no negatives" && inside && !isZero(g) {
				t.Errorf("%s: gradient %v inside, want zeros", c.name, g)
			}
		}
	}
	for n := range 2 {
		if value, g := SupCon(NewMat(n, 3), make([]int, n), 1, true, false); value != 0 || !isZero(g) {
			t.Errorf("%d rows: %v, gradient %v; want zeros", n, value, g)
		}
	}
}

// The anchor itself, with the largest product of all, takes no part even in the
// shift of the exponentials: at any temperature the values are right.
func TestSupConCold(t *testing.T) {
	x := simplex(8)
	labels := []int{0, 0, 1, 1, 2, 2, 3, 3}
	for _, temperature := range []float64{1e-4, 1e-3, 0.005, 1} {
		for _, inside := range []bool{false, true} {
			got, g := SupCon(x, labels, temperature, true, inside)
			// All seven candidates are alike.
			if !near(got, math.Log(7), 1e-10) {
				t.Errorf("τ=%v inside=%v: %v, want ln 7", temperature, inside, got)
			}
			if slices.ContainsFunc(g.DQ.Data, math.IsNaN) {
				t.Errorf("τ=%v inside=%v: NaN in the gradient", temperature, inside)
			}
		}
	}
}
