package ref

// MarginRanking returns the mean over all elements of
//
//	max(0, −Y (x1 − x2) + m)
//
// (Herbrich et al. 2000; torch.nn.MarginRankingLoss). Y = order[i] is that of all
// elements of row i: 1 where x1 is to rank higher, −1 where x2 is; no order means
// 1 for all. DQ and DK are with respect to x1 and x2. No elements make a loss of 0.
func MarginRanking(x1, x2 Mat, order []float64, margin float64) (float64, Grad) {
	return ranking(x1, x2, order, margin, false)
}

// LogisticRanking returns the mean over all elements of ln(1 + exp(−Y (x1 − x2)))
// (Burges et al. 2005; Rendle et al. 2009), else as MarginRanking.
func LogisticRanking(x1, x2 Mat, order []float64) (float64, Grad) {
	return ranking(x1, x2, order, 0, true)
}

func ranking(x1, x2 Mat, order []float64, margin float64, soft bool) (float64, Grad) {
	g := Grad{DQ: NewMat(x1.Rows, x1.Cols), DK: NewMat(x2.Rows, x2.Cols)}
	loss, weight := 0.0, 1/float64(len(x1.Data))
	for i := range x1.Rows {
		y := 1.0
		if len(order) > 0 {
			y = order[i]
		}
		for j := range x1.Cols {
			l, slope := hinge(margin-float64(y*(x1.At(i, j)-x2.At(i, j))), soft)
			loss += float64(weight * l)
			g.DQ.Row(i)[j] = -y * slope * weight
			g.DK.Row(i)[j] = y * slope * weight
		}
	}
	return loss, g
}
