package ref

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestLiftedGradients(t *testing.T) {
	for _, margin := range []float64{0, 0.5, 2} {
		checkLabelled(t, 18, func(x Mat, labels []int) (float64, Mat, bool) {
			value, g := Lifted(x, labels, margin)
			// The square of a hinge has no kink: only distances near 0 do.
			for i := range x.Rows {
				for j := range i {
					if SquaredDistance(x.Row(i), x.Row(j)) < 0.01 {
						return value, g.DQ, false
					}
				}
			}
			return value, g.DQ, true
		})
	}
}

func TestLiftedOnALine(t *testing.T) {
	j := func(margin float64) float64 { return 1 + math.Log(math.Exp(margin-3)+math.Exp(margin-2)) }
	for _, c := range []struct {
		name   string
		x      Mat
		labels []int
		margin float64
		want   float64
	}{
		{"one pair", line(0, 1, 3), []int{5, 5, 6}, 2, j(2) * j(2) / 2},
		{"a large margin", line(0, 1, 3), []int{5, 5, 6}, 2000, j(20) * j(20) / 2 * (1980 + j(20)) * (1980 + j(20)) / j(20) / j(20)},
		{"satisfied", line(0, 1, 3), []int{5, 5, 6}, 0.5, 0},
		// Each of the two pairs has itself twice as its negatives: J = m + ln 4.
		{"all equal", line(7, 7, 7, 7), []int{0, 1, 1, 0}, 1, (1 + math.Log(4)) * (1 + math.Log(4)) / 2},
		{"no positives", line(0, 1, 2), []int{0, 1, 2}, 1, 0},
		{"no negatives", line(0, 1, 2), []int{3, 3, 3}, 1, 0},
		{"one row", line(0), []int{0}, 1, 0},
		{"no rows", line(), nil, 1, 0},
	} {
		got, g := Lifted(c.x, c.labels, c.margin)
		if !near(got, c.want, 1e-14) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if (c.want == 0 || c.name == "all equal") && !isZero(g) {
			t.Errorf("%s: gradient %v, want zeros", c.name, g.DQ.Data)
		}
	}
}

// Distances, and so the loss, do not change when all rows move together.
func TestLiftedIsInvariant(t *testing.T) {
	r := check.NewRand(19)
	x, labels := normals(r, 6, 3), []int{0, 0, 1, 1, 2, 0}
	_, g := Lifted(x, labels, 1)
	for j := range 3 {
		sum, largest := 0.0, 0.0
		for i := range x.Rows {
			sum += g.DQ.At(i, j)
			largest = max(largest, math.Abs(g.DQ.At(i, j)))
		}
		if math.Abs(sum) > 1e-14*largest {
			t.Errorf("the gradient sums to %v in column %d", sum, j)
		}
	}
}
