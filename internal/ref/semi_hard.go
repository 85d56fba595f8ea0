package ref

import "math"

// A Fallback tells what SemiHardTriplets does where no negative is semi-hard.
type Fallback int

const (
	Drop     Fallback = iota // no triplet; a semi-hard negative is within the margin too
	Farthest                 // the farthest negative, where none is farther than the positive
)

// SemiHardTriplets returns the rows of the triplets of SemiHard, a and p in
// ascending order: for each two rows of one label the nearest row n of another
// with d(a, n) > d(a, p), the lowest index in a tie. Drop (Schroff et al. 2015,
// eq. 4) also wants d(a, n) < d(a, p) + margin, and leaves out the pair where
// there is none. Farthest (TensorFlow Addons) takes the farthest row of another
// label then, if any, and does not look at the margin. Swap and Soft do not count.
func SemiHardTriplets(x Mat, labels []int, o TripletOptions, fallback Fallback) (a, p, n []int) {
	for i := range x.Rows {
		for j := range x.Rows {
			if j == i || labels[j] != labels[i] {
				continue
			}
			positive := SquaredDistance(x.Row(i), x.Row(j))
			near, far := -1, -1
			nearest, farthest := math.Inf(1), math.Inf(-1)
			for k := range x.Rows {
				if labels[k] == labels[i] {
					continue
				}
				d := SquaredDistance(x.Row(i), x.Row(k))
				if d > positive && d < nearest {
					near, nearest = k, d
				}
				if d > farthest {
					far, farthest = k, d
				}
			}
			if fallback == Farthest && near < 0 {
				near = far
			}
			if near < 0 {
				continue
			}
			if fallback == Drop && distance(x.Row(i), x.Row(near), o.Squared) >= distance(x.Row(i), x.Row(j), o.Squared)+o.Margin {
				continue
			}
			a, p, n = append(a, i), append(p, j), append(n, near)
		}
	}
	return a, p, n
}

// SemiHard returns the mean triplet loss over the SemiHardTriplets of the rows of
// x, 0 where there are none. DQ is with respect to x.
func SemiHard(x Mat, labels []int, o TripletOptions, fallback Fallback) (float64, Grad) {
	a, p, n := SemiHardTriplets(x, labels, o, fallback)
	return tripletRows(x, a, p, n, o)
}
