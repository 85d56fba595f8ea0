package ref

// Lifted returns the smooth lifted structure loss (Song et al. 2016) of
// the rows of x, over the n pairs i < j of one label:
//
//	1/2n Σ_ij max(0, J_ij)²
//	J_ij = d(i, j) + ln( Σ_k exp(m − d(i, k)) + Σ_k exp(m − d(j, k)) )
//
// where k goes over the rows of another label and d is the Euclidean distance.
// Without pairs, or without negatives, the loss is 0. DQ is with respect to x.
func Lifted(x Mat, labels []int, margin float64) (float64, Grad) {
	dx := NewMat(x.Rows, x.Cols)
	pairs := 0
	for i := range labels {
		pairs += positives(labels, i) // in both orders
	}
	pairs /= 2
	loss := 0.0
	for i := range x.Rows {
		for j := i + 1; j < x.Rows; j++ {
			if labels[i] != labels[j] {
				continue
			}
			var z []float64
			var from, to []int // z is the margin less the distance between these rows
			for _, r := range []int{i, j} {
				for k := range x.Rows {
					if labels[k] != labels[r] {
						z = append(z, margin-distance(x.Row(r), x.Row(k), false))
						from, to = append(from, r), append(to, k)
					}
				}
			}
			above, _ := hinge(distance(x.Row(i), x.Row(j), false)+LogSumExp(z), false)
			loss += float64(above*above) / float64(2*pairs)
			slope := above / float64(pairs)
			addDistanceGrad(dx.Row(i), dx.Row(j), slope, x.Row(i), x.Row(j), false)
			for e, p := range Softmax(z) {
				addDistanceGrad(dx.Row(from[e]), dx.Row(to[e]), -slope*p, x.Row(from[e]), x.Row(to[e]), false)
			}
		}
	}
	return loss, Grad{DQ: dx}
}
