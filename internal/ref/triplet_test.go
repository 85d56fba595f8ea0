package ref

import (
	"math"
	"slices"
	"testing"
)

func line(x ...float64) Mat { return Mat{len(x), 1, x} }

// On a line the distances are plain.
func TestTripletOnALine(t *testing.T) {
	for _, c := range []struct {
		name       string
		a, p, n    float64
		o          TripletOptions
		loss       float64
		da, dp, dn float64
	}{
		{"active", 0, 3, 4, TripletOptions{Margin: 2}, 1, 0, 1, -1},
		{"satisfied", 0, 3, 6, TripletOptions{Margin: 2}, 0, 0, 0, 0},
		{"exactly at the margin", 0, 3, 5, TripletOptions{Margin: 2}, 0, 0, 0, 0},
		{"squared", 0, 3, 4, TripletOptions{Margin: 8, Squared: true}, 1, 2, 6, -8},
		{"swap", 0, 3, 4, TripletOptions{Swap: true}, 2, -1, 2, -1},
		{"swap, squared", 0, 3, 4, TripletOptions{Swap: true, Squared: true}, 8, -6, 8, -2},
		{"swap keeps the anchor in a tie", -1, 1, 0, TripletOptions{Swap: true}, 1, 0, 1, -1},
		{"anchor is positive", 2, 2, 3, TripletOptions{Margin: 2}, 1, 1, 0, -1},
		{"anchor is negative", 2, 3, 2, TripletOptions{Margin: 2}, 3, -1, 1, 0},
		{"all equal", 2, 2, 2, TripletOptions{Margin: 2}, 2, 0, 0, 0},
		{"soft, halfway", 0, 3, 3, TripletOptions{Soft: true}, math.Ln2, 0, 0.5, -0.5},
		{"soft with a margin", 0, 3, 4, TripletOptions{Soft: true, Margin: 1}, math.Ln2, 0, 0.5, -0.5},
		{"soft, far inside", 0, 1, 801, TripletOptions{Soft: true}, 0, 0, 0, 0},
		{"soft, far outside", 0, 801, -1, TripletOptions{Soft: true}, 800, -2, 1, 1},
		{"soft, small", 0, 0, 100, TripletOptions{Soft: true}, math.Exp(-100), math.Exp(-100), 0, -math.Exp(-100)},
	} {
		loss, g := Triplet(line(c.a), line(c.p), line(c.n), c.o)
		got := []float64{loss, g.DQ.At(0, 0), g.DK.At(0, 0), g.DNeg.At(0, 0)}
		want := []float64{c.loss, c.da, c.dp, c.dn}
		for i := range want {
			if !near(got[i], want[i], 1e-15) {
				t.Errorf("%s: loss and gradients %v, want %v", c.name, got, want)
				break
			}
		}
	}
}

func TestTripletIsAMean(t *testing.T) {
	loss, g := Triplet(line(0, 0), line(3, 1), line(4, 9), TripletOptions{Margin: 2})
	if loss != 0.5 || !slices.Equal(g.DK.Data, []float64{0.5, 0}) || !slices.Equal(g.DNeg.Data, []float64{-0.5, 0}) {
		t.Errorf("loss %v, gradient %v", loss, g)
	}
	if loss, g := Triplet(NewMat(0, 3), NewMat(0, 3), NewMat(0, 3), TripletOptions{Margin: 2}); loss != 0 || !isZero(g) {
		t.Errorf("no triplets: %v", loss)
	}
}

func TestHardTriplets(t *testing.T) {
	for _, c := range []struct {
		name    string
		x       Mat
		labels  []int
		a, p, n []int
	}{
		{"farthest and nearest", line(0, 1, 5, 2, 9), []int{0, 0, 0, 1, 1}, []int{0, 1, 2, 3, 4}, []int{2, 2, 0, 4, 3}, []int{3, 3, 3, 1, 2}},
		{"lowest index in a tie", line(0, 2, -2, 1, -1, 1), []int{0, 0, 0, 1, 1, 1}, []int{0, 1, 2, 3, 4, 5}, []int{1, 2, 1, 4, 3, 4}, []int{3, 3, 4, 0, 0, 0}},
		{"a duplicate is a positive", line(3, 3, 4), []int{7, 7, -1}, []int{0, 1}, []int{1, 0}, []int{2, 2}},
		{"an anchor alone is left out", line(0, 1, 2), []int{5, 5, 6}, []int{0, 1}, []int{1, 0}, []int{2, 2}},
		{"no positives", line(0, 1, 2), []int{0, 1, 2}, nil, nil, nil},
		{"no negatives", line(0, 1, 2), []int{0, 0, 0}, nil, nil, nil},
		{"one row", line(0), []int{0}, nil, nil, nil},
		{"no rows", line(), nil, nil, nil, nil},
	} {
		a, p, n := HardTriplets(c.x, c.labels)
		if !slices.Equal(a, c.a) || !slices.Equal(p, c.p) || !slices.Equal(n, c.n) {
			t.Errorf("%s: %v %v %v, want %v %v %v", c.name, a, p, n, c.a, c.p, c.n)
		}
		if loss, g := BatchHard(c.x, c.labels, TripletOptions{Margin: 1}); c.a == nil && (loss != 0 || !isZero(g)) {
			t.Errorf("%s: loss %v, gradient %v, want zeros", c.name, loss, g.DQ)
		}
	}
}

// The mean is over the valid anchors, and the gradients of all three roles add up.
func TestBatchHard(t *testing.T) {
	// Triplets (0,1,2) and (1,0,2): v = 1 − 3 + 3 = 1 and 1 − 2 + 3 = 2; row 2 is alone.
	loss, g := BatchHard(line(0, 1, 3), []int{5, 5, 6}, TripletOptions{Margin: 3})
	if loss != 1.5 || !slices.Equal(g.DQ.Data, []float64{-0.5, 1.5, -1}) {
		t.Errorf("loss %v, gradient %v", loss, g.DQ.Data)
	}
}
