package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// printedHCL returns HCL by the formula as it is printed, which rows are at the
// floor, and whether none is near it.
func printedHCL(q, k Mat, temperature, concentration, prior float64, normalize bool) (loss float64, at []bool, clear bool) {
	z := embedded(stack(q, k), normalize)
	n := float64(z.Rows - 2)
	clear = true
	for i := range z.Rows {
		positive, more, once := 0.0, 0.0, 0.0
		for j := range z.Rows {
			s := Dot(z.Row(i), z.Row(j)) / temperature
			switch j {
			case i:
			case (i + q.Rows) % z.Rows:
				positive = math.Exp(s)
			default:
				more += math.Exp((1 + concentration) * s)
				once += math.Exp(concentration * s)
			}
		}
		sum := (n*more/once - prior*n*positive) / (1 - prior)
		floor := n * math.Exp(-1/temperature)
		loss -= math.Log(positive/(positive+max(sum, floor))) / float64(z.Rows)
		at = append(at, sum < floor)
		clear = clear && math.Abs(sum-floor) > kinkDistance*(math.Abs(sum)+floor)
	}
	return loss, at, clear
}

func TestHCLGradients(t *testing.T) {
	r := check.NewRand(28)
	for _, c := range []struct{ concentration, prior float64 }{{0, 0}, {1, 0}, {0, 0.1}, {0.5, 0.1}, {2, 0.4}} {
		for _, normalize := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v/normalize=%v", c, normalize), func(t *testing.T) {
				checked, atFloor := 0, 0
				for i := range 200 {
					n, d := 2+r.IntN(3), 2+r.IntN(4)
					q, k := normals(r, n, d), normals(r, n, d)
					temperature := []float64{0.4 + 2*r.Float64()}
					printed, at, clear := printedHCL(q, k, temperature[0], c.concentration, c.prior, normalize)
					if !clear {
						continue
					}
					checked++
					if slices.Contains(at, true) {
						atFloor++
					}
					f := func() float64 {
						value, _ := HCL(q, k, temperature[0], c.concentration, c.prior, normalize)
						return value
					}
					value, g := HCL(q, k, temperature[0], c.concentration, c.prior, normalize)
					// Logits are up to 100, and rounded at 2^−53 of that.
					if math.Abs(value-printed) > 1e-12*(1+printed) {
						t.Fatalf("configuration %d: %v, want %v", i, value, printed)
					}
					name := fmt.Sprintf("configuration %d, n=%d d=%d τ=%.3f: ", i, n, d, temperature[0])
					check.Gradient(t, name+"q", f, q.Data, g.DQ.Data)
					check.Gradient(t, name+"k", f, k.Data, g.DK.Data)
					check.Gradient(t, name+"temperature", f, temperature, []float64{g.DTemperature})
				}
				if checked < 100 || c.prior > 0 && (atFloor == 0 || atFloor == checked) {
					t.Errorf("%d of 200 configurations were smooth, %d of them with a row at the floor", checked, atFloor)
				}
			})
		}
	}
}

func TestHCLWithoutOptionsIsNTXent(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		// Longer rows than unit ones may be below the floor.
		q, _ := Normalize(normals(r, 6, 4))
		k, _ := Normalize(normals(r, 6, 4))
		want, h := NTXent(q, k, temperature, normalize)
		got, g := HCL(q, k, temperature, 0, 0, normalize)
		compareValue(t, "value", got, want)
		compare(t, "q", g.DQ.Data, h.DQ.Data, sameTerms)
		compare(t, "k", g.DK.Data, h.DK.Data, sameTerms)
		compareValue(t, "temperature", g.DTemperature, h.DTemperature)
	})
}

// With one negative weighing changes nothing; the positive and the prior remain.
func TestHCLOfOneNegativeEach(t *testing.T) {
	s := []float64{0.5, 0.25}
	for _, c := range []struct {
		concentration, prior, sum float64 // sum is G/exp(s_0/τ)
	}{
		{0, 0, math.Exp(-0.25)},
		{7, 0, math.Exp(-0.25)},
		{7, 0.5, (math.Exp(-0.25) - 0.5) / 0.5},
		{0, 0.9, math.Exp(-1.5)}, // the floor
	} {
		g := make([]float64, 2)
		loss, dFloor := hardCrossEntropy(g, s, 1, c.concentration, c.prior)
		if !near(loss, math.Log1p(c.sum), 1e-14) {
			t.Errorf("%+v: %v, want %v", c, loss, math.Log1p(c.sum))
		}
		if !near(-g[0], g[1]+dFloor, 1e-14) || (dFloor != 0) != (c.prior == 0.9) || (g[1] != 0) == (dFloor != 0) {
			t.Errorf("%+v: gradient %v and %v of the floor", c, g, dFloor)
		}
	}
}

// Concentration puts more weight on hard negatives, and none makes the loss less.
func TestHCLGrowsWithConcentration(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		q, k := normals(r, 6, 4), normals(r, 6, 4)
		previous := 0.0
		for _, concentration := range []float64{0, 0.5, 1, 2, 10} {
			value, g := HCL(q, k, temperature, concentration, 0, normalize)
			if value < previous*(1-1e-13) {
				t.Errorf("concentration %v: %v, below %v", concentration, value, previous)
			}
			if math.IsNaN(value) || math.IsInf(value, 0) || slices.ContainsFunc(slices.Concat(g.DQ.Data, g.DK.Data), math.IsNaN) {
				t.Errorf("concentration %v: %v, gradient %v", concentration, value, g)
			}
			previous = value
		}
	})
}

func TestHCLWithoutNegatives(t *testing.T) {
	for n := range 2 {
		value, g := HCL(constant(n, 3), constant(n, 3), 0.1, 1, 0.1, true)
		if value != 0 || !isZero(g) {
			t.Errorf("n=%d: %v, gradient %v; want zeros", n, value, g)
		}
	}
}
