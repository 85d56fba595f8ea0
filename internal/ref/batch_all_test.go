package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// allTriplets returns the rows of all triplets, in ascending order.
func allTriplets(labels []int) (a, p, n []int) {
	for i := range labels {
		for j := range labels {
			for k := range labels {
				if j != i && labels[j] == labels[i] && labels[k] != labels[i] {
					a, p, n = append(a, i), append(p, j), append(n, k)
				}
			}
		}
	}
	return a, p, n
}

func TestBatchAllGradients(t *testing.T) {
	for _, o := range tripletOptions() {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v/all=%v", o, all), func(t *testing.T) {
				checkLabelled(t, 15, func(x Mat, labels []int) (float64, Mat, bool) {
					a, p, n := allTriplets(labels)
					value, g := BatchAll(x, labels, o, all)
					return value, g.DQ, smooth(gather(x, a), gather(x, p), gather(x, n), o)
				})
			})
		}
	}
}

func TestBatchAllIsTripletOfAll(t *testing.T) {
	r := check.NewRand(16)
	x, labels := normals(r, 9, 4), []int{0, 1, 0, 2, 1, 0, 5, 2, 2}
	a, p, n := allTriplets(labels)
	for _, o := range tripletOptions() {
		want, h := tripletRows(x, a, p, n, o)
		got, g := BatchAll(x, labels, o, true)
		compareValue(t, fmt.Sprintf("%+v", o), got, want)
		compare(t, fmt.Sprintf("%+v", o), g.DQ.Data, h.DQ.Data, sameTerms)

		// Over the active ones it is the same sum over their number.
		active := 0
		for i := range a {
			if l, _ := tripletRows(x, a[i:i+1], p[i:i+1], n[i:i+1], o); l > 0 {
				active++
			}
		}
		by := float64(len(a)) / float64(active)
		got, g = BatchAll(x, labels, o, false)
		compareValue(t, fmt.Sprintf("%+v, active", o), got, by*want)
		compare(t, fmt.Sprintf("%+v, active", o), g.DQ.Data, scale(h.DQ, by).Data, sameTerms)
	}
}

func TestBatchAllOnALine(t *testing.T) {
	for _, c := range []struct {
		name        string
		x           Mat
		labels      []int
		active, all float64
		gradient    []float64 // of the active
	}{
		// v is 1 − 3 + 2 = 0 and 1 − 2 + 2 = 1 for the anchors 0 and 1; row 2 is alone.
		{"one of two", line(0, 1, 3), []int{5, 5, 6}, 1, 0.5, []float64{-1, 2, -1}},
		{"all satisfied", line(0, 1, 9), []int{5, 5, 6}, 0, 0, []float64{0, 0, 0}},
		{"no positives", line(0, 1, 2), []int{0, 1, 2}, 0, 0, []float64{0, 0, 0}},
		{"no negatives", line(0, 1, 2), []int{3, 3, 3}, 0, 0, []float64{0, 0, 0}},
		{"all equal", line(4, 4, 4, 4), []int{0, 0, 1, 1}, 2, 2, []float64{0, 0, 0, 0}},
		{"one row", line(0), []int{0}, 0, 0, []float64{0}},
		{"no rows", line(), nil, 0, 0, nil},
	} {
		o := TripletOptions{Margin: 2}
		if got, g := BatchAll(c.x, c.labels, o, false); got != c.active || !slices.Equal(g.DQ.Data, c.gradient) {
			t.Errorf("%s: %v, gradient %v; want %v, %v", c.name, got, g.DQ.Data, c.active, c.gradient)
		}
		if got, _ := BatchAll(c.x, c.labels, o, true); got != c.all {
			t.Errorf("%s: %v over all, want %v", c.name, got, c.all)
		}
	}
	// A soft loss that rounds to nothing is active all the same: 2 triplets, one of them ln 2.
	got, _ := BatchAll(line(0, 1, 2e3), []int{0, 0, 1}, TripletOptions{Soft: true, Margin: 1998}, false)
	if want := (math.Log1p(math.Exp(-1)) + math.Ln2) / 2; !near(got, want, 1e-15) {
		t.Errorf("soft: %v, want %v", got, want)
	}
}
