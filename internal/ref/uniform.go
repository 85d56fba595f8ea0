package ref

import "math"

// Align returns the alignment (Wang & Isola 2020, section 4.1) of the N pairs of
// rows of q and k, as unit vectors:
//
//	1/N Σ_i ‖q_i − k_i‖^α
//
// A pair that agrees has no gradient. No rows make a loss of 0.
func Align(q, k Mat, alpha float64) (float64, Grad) {
	qn, kn := embedded(q, true), embedded(k, true)
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, weight := 0.0, 1/float64(q.Rows)
	for i := range q.Rows {
		d := distance(qn.Row(i), kn.Row(i), false)
		if d == 0 {
			continue
		}
		loss += float64(weight * math.Pow(d, alpha))
		addDistanceGrad(dq.Row(i), dk.Row(i), weight*alpha*math.Pow(d, alpha-1), qn.Row(i), kn.Row(i), false)
	}
	return loss, Grad{DQ: raw(q, dq, true), DK: raw(k, dk, true)}
}

// Uniform returns the uniformity (Wang & Isola 2020, section 4.1) of the rows of
// x, as unit vectors:
//
//	ln( mean over the pairs i < j of exp(−t ‖x_i − x_j‖²) )
//
// Fewer than two rows make a loss of 0. DQ is with respect to x.
func Uniform(x Mat, t float64) (float64, Grad) {
	xn := embedded(x, true)
	dx := NewMat(x.Rows, x.Cols)
	var z []float64
	var from, to []int
	for i := range x.Rows {
		for j := i + 1; j < x.Rows; j++ {
			z = append(z, -t*SquaredDistance(xn.Row(i), xn.Row(j)))
			from, to = append(from, i), append(to, j)
		}
	}
	if len(z) == 0 {
		return 0, Grad{DQ: dx}
	}
	for e, p := range Softmax(z) {
		i, j := from[e], to[e]
		addDistanceGrad(dx.Row(i), dx.Row(j), -t*p, xn.Row(i), xn.Row(j), true)
	}
	return LogSumExp(z) - math.Log(float64(len(z))), Grad{DQ: raw(x, dx, true)}
}
