package ref

// CLIP returns the symmetric loss (Radford et al. 2021, figure 3): the mean of InfoNCE from q to k
// and from k to q, which have N rows each.
//
//	1/2N Σ_i [ −ln( exp(q_i·k_i/τ) / Σ_j exp(q_i·k_j/τ) ) − ln( exp(q_i·k_i/τ) / Σ_j exp(q_j·k_i/τ) ) ]
func CLIP(q, k Mat, temperature float64, normalize bool) (float64, Grad) {
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, dTemperature := 0.0, 0.0
	for i := range q.Rows {
		row := anchor{x: qn.Row(i), dx: dq.Row(i), weight: 1 / float64(2*q.Rows)}
		col := anchor{x: kn.Row(i), dx: dk.Row(i), weight: row.weight}
		for j := range q.Rows {
			row.candidate(kn.Row(j), dk.Row(j))
			col.candidate(qn.Row(j), dq.Row(j))
		}
		for _, a := range []anchor{row, col} {
			l, dt := a.term(i, temperature)
			loss += l
			dTemperature += dt
		}
	}
	return loss, Grad{DQ: raw(q, dq, normalize), DK: raw(k, dk, normalize), DTemperature: dTemperature}
}
