package reproduce

import (
	"cmp"
	"math"
	"slices"

	"github.com/contrast-go/contrast/simd"
)

// unitRows returns the rows of z at norm 1.
func unitRows(z simd.Matrix) simd.Matrix {
	u := simd.NewMatrix(z.Rows, z.Cols)
	simd.NormalizeRows(u, z, make([]float32, z.Rows))
	return u
}

// meanDistance returns the mean distance of two different rows of z, brought to norm 1 first: 0 where all
// are the same, and about √2 where they are spread over many dimensions.
func meanDistance(z simd.Matrix) float64 {
	u, sum := unitRows(z), 0.0
	for i := range u.Rows {
		for j := range i {
			sum += math.Sqrt(float64(simd.SquaredDistance(u.Row(i), u.Row(j))))
		}
	}
	return sum / (float64(u.Rows) * float64(u.Rows-1) / 2)
}

// areaUnderCurve returns the probability that two rows of one identity are closer than two of different ones
// (the area under the curve of true against false accepts), equals counted as half.
func areaUnderCurve(z simd.Matrix, ids []int) float64 {
	type pair struct {
		distance float32
		same     bool
	}
	u := unitRows(z)
	var pairs []pair
	for i := range u.Rows {
		for j := range i {
			pairs = append(pairs, pair{simd.SquaredDistance(u.Row(i), u.Row(j)), ids[i] == ids[j]})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.distance, b.distance) })
	var closer, same, different int64 // closer counts pairs of pairs twice
	for lo := 0; lo < len(pairs); {
		hi, s := lo, int64(0)
		for ; hi < len(pairs) && pairs[hi].distance == pairs[lo].distance; hi++ {
			if pairs[hi].same {
				s++
			}
		}
		d := int64(hi-lo) - s
		closer += d * (2*same + s)
		same, different = same+s, different+d
		lo = hi
	}
	return float64(closer) / (2 * float64(same) * float64(different))
}
