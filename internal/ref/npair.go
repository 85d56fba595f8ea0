package ref

// NPair returns the N-pair loss (Sohn 2016), which is
// InfoNCE of products at temperature 1, with the mean squared norm on top:
//
//	1/N Σ_i ln(1 + Σ_{j≠i} exp(q_i·k_j − q_i·k_i)) + λ/N Σ_i (‖q_i‖² + ‖k_i‖²)
//
// No rows make a loss of 0.
func NPair(q, k Mat, lambda float64) (float64, Grad) {
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss := 0.0
	for i := range q.Rows {
		a := anchor{x: q.Row(i), dx: dq.Row(i), weight: 1 / float64(q.Rows)}
		for j := range k.Rows {
			a.candidate(k.Row(j), dk.Row(j))
		}
		l, _ := a.term(i, 1)
		loss += l
		share := lambda / float64(q.Rows)
		loss += float64(share * (Dot(q.Row(i), q.Row(i)) + Dot(k.Row(i), k.Row(i))))
		axpy(dq.Row(i), 2*share, q.Row(i))
		axpy(dk.Row(i), 2*share, k.Row(i))
	}
	return loss, Grad{DQ: dq, DK: dk}
}
