package ref

// A Triple is a triplet of rows: anchor, positive, negative.
type Triple struct{ A, P, N int }

// MarginLoss returns the margin based loss (Wu et al. 2017, section 4.2) of
// triplets of rows of x, each of which makes two terms with the boundary β:
//
//	max(0, d(a, p) − β + m),  max(0, β − d(a, n) + m)
//
// on Euclidean distances. The mean is over the terms above 0, and 0 where there
// are none. DQ is with respect to x, and DBias with respect to β.
func MarginLoss(x Mat, t []Triple, boundary, margin float64) (float64, Grad) {
	return marginTerms(x, boundary, margin, func(add func(i, j int, sign float64)) {
		for _, r := range t {
			add(r.A, r.P, 1)
			add(r.A, r.N, -1)
		}
	})
}

// MarginPairs is MarginLoss of all pairs i < j of rows, which are positive where
// their labels are equal.
func MarginPairs(x Mat, labels []int, boundary, margin float64) (float64, Grad) {
	return marginTerms(x, boundary, margin, func(add func(i, j int, sign float64)) {
		for i := range labels {
			for j := i + 1; j < len(labels); j++ {
				if labels[i] == labels[j] {
					add(i, j, 1)
				} else {
					add(i, j, -1)
				}
			}
		}
	})
}

// marginTerms returns the mean of the terms of the pairs that list adds, with sign 1
// where they are positive and −1 where they are negative.
func marginTerms(x Mat, boundary, margin float64, list func(add func(i, j int, sign float64))) (float64, Grad) {
	dx := NewMat(x.Rows, x.Cols)
	loss, dBoundary, active := 0.0, 0.0, 0
	list(func(i, j int, sign float64) {
		l, slope := hinge(sign*(distance(x.Row(i), x.Row(j), false)-boundary)+margin, false)
		if l == 0 {
			return
		}
		active++
		loss += l
		dBoundary -= sign
		addDistanceGrad(dx.Row(i), dx.Row(j), sign*slope, x.Row(i), x.Row(j), false)
	})
	if active == 0 {
		return 0, Grad{DQ: dx}
	}
	for i := range dx.Data {
		dx.Data[i] /= float64(active)
	}
	return loss / float64(active), Grad{DQ: dx, DBias: dBoundary / float64(active)}
}
