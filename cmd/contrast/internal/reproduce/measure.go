package reproduce

import (
	"math"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// unitRows returns the rows of z scaled to norm 1.
func unitRows(z simd.Matrix) simd.Matrix {
	u := simd.NewMatrix(z.Rows, z.Cols)
	simd.NormalizeRows(u, z, make([]float32, z.Rows))
	return u
}

// meanDistance returns the mean distance of two different rows of z, scaled to norm 1: 0 if all are
// the same, and about √2 if they are spread over many dimensions.
func meanDistance(z simd.Matrix) float64 {
	u, sum := unitRows(z), 0.0
	for i := range u.Rows {
		for j := range i {
			sum += math.Sqrt(float64(simd.SquaredDistance(u.Row(i), u.Row(j))))
		}
	}
	return sum / (float64(u.Rows) * float64(u.Rows-1) / 2)
}

// areaUnderCurve returns the probability that two rows of one identity are closer than two rows of
// different identities, all scaled to norm 1; ties count as half.
func areaUnderCurve(z simd.Matrix, ids []int, workers int) (float64, error) {
	pairs := eval.AllPairs(ids)
	v, err := eval.Verify(pairs.Scores(unitRows(z), eval.Euclidean, workers), pairs.Same, nil)
	return v.AUC, err
}
