package ref

// ContrastivePair returns the contrastive loss (Hadsell et al. 2006, eq. 4) of
// the N pairs of rows of q and k, with d = ‖q_i − k_i‖:
//
//	1/N Σ_i ½ d²             where the pair is similar,
//	1/N Σ_i ½ max(0, m − d)² where it is not
//
// The paper has Y = 0 for similar. Rows that are equal but dissimilar have no
// direction to part in: no gradient. No rows make a loss of 0.
func ContrastivePair(q, k Mat, similar []bool, margin float64) (float64, Grad) {
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, weight := 0.0, 1/float64(q.Rows)
	for i := range q.Rows {
		x, y := q.Row(i), k.Row(i)
		if similar[i] {
			loss += float64(weight * SquaredDistance(x, y) / 2)
			addDistanceGrad(dq.Row(i), dk.Row(i), weight/2, x, y, true)
			continue
		}
		missing, _ := hinge(margin-distance(x, y, false), false)
		loss += float64(weight * missing * missing / 2)
		addDistanceGrad(dq.Row(i), dk.Row(i), -weight*missing, x, y, false)
	}
	return loss, Grad{DQ: dq, DK: dk}
}

// CosineEmbedding returns the mean over the pairs of rows of q and k of
//
//	1 − cos(q_i, k_i)          where the pair is similar,
//	max(0, cos(q_i, k_i) − m)  where it is not
//
// (torch.nn.CosineEmbeddingLoss). A zero row is at right angles to all others.
func CosineEmbedding(q, k Mat, similar []bool, margin float64) (float64, Grad) {
	qn, kn := embedded(q, true), embedded(k, true)
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, weight := 0.0, 1/float64(q.Rows)
	for i := range q.Rows {
		s := Dot(qn.Row(i), kn.Row(i))
		l, slope := 1-s, -1.0
		if !similar[i] {
			l, slope = hinge(s-margin, false)
		}
		loss += float64(weight * l)
		axpy(dq.Row(i), weight*slope, kn.Row(i))
		axpy(dk.Row(i), weight*slope, qn.Row(i))
	}
	return loss, Grad{DQ: raw(q, dq, true), DK: raw(k, dk, true)}
}
