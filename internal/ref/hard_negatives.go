package ref

// SymmetricHardNegatives returns multiple negatives ranking (Henderson et al. 2017) both ways: the
// mean of InfoNCE from the N rows of q to the rows of k and neg, and from the rows of k to those of
// q:
//
//	1/2N Σ_i [ −ln( exp(q_i·k_i/τ) / (Σ_j exp(q_i·k_j/τ) + Σ_m exp(q_i·n_m/τ)) ) − ln( exp(q_i·k_i/τ) / Σ_j exp(q_j·k_i/τ) ) ]
//
// The hard negatives have no query, and are no anchors.
func SymmetricHardNegatives(q, k, neg Mat, temperature float64, normalize bool) (float64, Grad) {
	qn, kn, nn := embedded(q, normalize), embedded(k, normalize), embedded(neg, normalize)
	dq, dk, dn := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols), NewMat(neg.Rows, neg.Cols)
	loss, dTemperature := 0.0, 0.0
	for i := range q.Rows {
		row := anchor{x: qn.Row(i), dx: dq.Row(i), weight: 1 / float64(2*q.Rows)}
		col := anchor{x: kn.Row(i), dx: dk.Row(i), weight: row.weight}
		for j := range q.Rows {
			row.candidate(kn.Row(j), dk.Row(j))
			col.candidate(qn.Row(j), dq.Row(j))
		}
		for m := range neg.Rows {
			row.candidate(nn.Row(m), dn.Row(m))
		}
		for _, a := range []anchor{row, col} {
			l, dt := a.term(i, temperature)
			loss += l
			dTemperature += dt
		}
	}
	return loss, Grad{
		DQ:           raw(q, dq, normalize),
		DK:           raw(k, dk, normalize),
		DNeg:         raw(neg, dn, normalize),
		DTemperature: dTemperature,
	}
}
