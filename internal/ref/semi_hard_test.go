package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// farApart reports whether no distance between two rows comes near another one,
// nor near another one plus the margin.
func farApart(x Mat, o TripletOptions) bool {
	var d []float64
	for i := range x.Rows {
		for j := range i {
			d = append(d, distance(x.Row(i), x.Row(j), o.Squared))
		}
	}
	for i, v := range d {
		for j, w := range d {
			if j != i && math.Abs(v-w) < kinkDistance || math.Abs(v-w-o.Margin) < kinkDistance && o.Margin > 0 {
				return false
			}
		}
	}
	return true
}

func TestSemiHardGradients(t *testing.T) {
	for _, o := range tripletOptions() {
		for _, fallback := range []Fallback{Drop, Farthest} {
			t.Run(fmt.Sprintf("%+v/fallback=%v", o, fallback), func(t *testing.T) {
				checkLabelled(t, 17, func(x Mat, labels []int) (float64, Mat, bool) {
					a, p, n := SemiHardTriplets(x, labels, o, fallback)
					value, g := SemiHard(x, labels, o, fallback)
					return value, g.DQ, farApart(x, o) && smooth(gather(x, a), gather(x, p), gather(x, n), o)
				})
			})
		}
	}
}

func TestSemiHardTriplets(t *testing.T) {
	type triplets struct{ a, p, n []int }
	for _, c := range []struct {
		name           string
		x              Mat
		labels         []int
		margin         float64
		drop, farthest triplets
	}{
		{"nearest beyond the positive", line(0, 2, 1, 3, 9), []int{0, 0, 1, 1, 1}, 2,
			triplets{[]int{0, 3, 4, 4}, []int{1, 2, 2, 3}, []int{3, 0, 0, 1}},
			triplets{[]int{0, 1, 2, 2, 3, 3, 4, 4}, []int{1, 0, 3, 4, 2, 4, 2, 3}, []int{3, 4, 0, 0, 0, 0, 0, 1}}},
		{"outside the margin", line(0, 1, 3), []int{0, 0, 1}, 2,
			triplets{[]int{1}, []int{0}, []int{2}},
			triplets{[]int{0, 1}, []int{1, 0}, []int{2, 2}}},
		{"none is beyond", line(0, 5, 1, -2), []int{0, 0, 1, 2}, 9,
			triplets{[]int{1}, []int{0}, []int{3}},
			triplets{[]int{0, 1}, []int{1, 0}, []int{3, 3}}},
		{"as far as the positive is not beyond", line(0, 2, -2), []int{0, 0, 1}, 9,
			triplets{[]int{1}, []int{0}, []int{2}},
			triplets{[]int{0, 1}, []int{1, 0}, []int{2, 2}}},
		{"lowest index in a tie", line(0, 1, 2, -2, 2, 0), []int{0, 0, 1, 2, 3, 4}, 9,
			triplets{[]int{0, 1}, []int{1, 0}, []int{2, 3}},
			triplets{[]int{0, 1}, []int{1, 0}, []int{2, 3}}},
		{"lowest index in a tie of the farthest", line(0, 4, 2, -2), []int{0, 0, 1, 1}, 9,
			triplets{[]int{1, 3}, []int{0, 2}, []int{3, 1}},
			triplets{[]int{0, 1, 2, 3}, []int{1, 0, 3, 2}, []int{2, 3, 0, 1}}},
		{"no positives", line(0, 1, 2), []int{0, 1, 2}, 9, triplets{}, triplets{}},
		{"no negatives", line(0, 1, 2), []int{0, 0, 0}, 9, triplets{}, triplets{}},
		{"one row", line(0), []int{0}, 9, triplets{}, triplets{}},
		{"no rows", line(), nil, 9, triplets{}, triplets{}},
	} {
		for fallback, want := range []triplets{c.drop, c.farthest} {
			o := TripletOptions{Margin: c.margin}
			a, p, n := SemiHardTriplets(c.x, c.labels, o, Fallback(fallback))
			if !slices.Equal(a, want.a) || !slices.Equal(p, want.p) || !slices.Equal(n, want.n) {
				t.Errorf("%s, fallback %d: %v %v %v, want %v", c.name, fallback, a, p, n, want)
			}
			if loss, g := SemiHard(c.x, c.labels, o, Fallback(fallback)); want.a == nil && (loss != 0 || !isZero(g)) {
				t.Errorf("%s, fallback %d: loss %v, gradient %v, want zeros", c.name, fallback, loss, g.DQ)
			}
		}
	}
}

// The mean is over the triplets, and the gradients of all three roles add up.
func TestSemiHard(t *testing.T) {
	// Triplets (0,1,2) and (1,0,2): v = 1 − 3 + 3 = 1 and 1 − 2 + 3 = 2; row 2 is alone.
	for _, fallback := range []Fallback{Drop, Farthest} {
		loss, g := SemiHard(line(0, 1, 3), []int{5, 5, 6}, TripletOptions{Margin: 3}, fallback)
		if loss != 1.5 || !slices.Equal(g.DQ.Data, []float64{-0.5, 1.5, -1}) {
			t.Errorf("loss %v, gradient %v", loss, g.DQ.Data)
		}
	}
}
