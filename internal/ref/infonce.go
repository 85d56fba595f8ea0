package ref

// InfoNCE returns the in-batch loss (van den Oord et al. 2018, eq. 4)
//
//	1/N Σ_i −ln( exp(q_i·k_i/τ) / Σ_j exp(q_i·k_j/τ) )
//
// over the N rows of q and all rows of k. Row i of k belongs with row i of q;
// rows past the N-th are negatives for all. With normalize, the rows are divided
// by their norms first. No rows make a loss of 0.
func InfoNCE(q, k Mat, temperature float64, normalize bool) (float64, Grad) {
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, dTemperature := 0.0, 0.0
	for i := range q.Rows {
		a := anchor{x: qn.Row(i), dx: dq.Row(i), weight: 1 / float64(q.Rows)}
		for j := range k.Rows {
			a.candidate(kn.Row(j), dk.Row(j))
		}
		l, dt := a.term(i, temperature)
		loss += l
		dTemperature += dt
	}
	return loss, Grad{DQ: raw(q, dq, normalize), DK: raw(k, dk, normalize), DTemperature: dTemperature}
}

// InfoNCESharedNegatives returns the loss with one list of negatives for all
// (He et al. 2020, eq. 1)
//
//	1/N Σ_i −ln( exp(q_i·k_i/τ) / (exp(q_i·k_i/τ) + Σ_m exp(q_i·n_m/τ)) )
//
// The other rows of k are not among the negatives.
func InfoNCESharedNegatives(q, k, neg Mat, temperature float64, normalize bool) (float64, Grad) {
	return withNegatives(q, k, neg, temperature, normalize, func(int) (int, int) { return 0, neg.Rows })
}

// InfoNCEPairedNegatives returns the loss with M negatives of its own for each
// of the N queries: rows i·M to (i+1)·M−1 of the (N·M)×D matrix neg are those of
// query i. The formula is that of InfoNCESharedNegatives with m over these rows.
func InfoNCEPairedNegatives(q, k, neg Mat, temperature float64, normalize bool) (float64, Grad) {
	return withNegatives(q, k, neg, temperature, normalize, func(i int) (int, int) {
		m := neg.Rows / q.Rows
		return i * m, (i + 1) * m
	})
}

// withNegatives compares query i with key i and the rows [lo, hi) of neg.
func withNegatives(q, k, neg Mat, temperature float64, normalize bool, of func(i int) (lo, hi int)) (float64, Grad) {
	qn, kn, nn := embedded(q, normalize), embedded(k, normalize), embedded(neg, normalize)
	dq, dk, dn := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols), NewMat(neg.Rows, neg.Cols)
	loss, dTemperature := 0.0, 0.0
	for i := range q.Rows {
		a := anchor{x: qn.Row(i), dx: dq.Row(i), weight: 1 / float64(q.Rows)}
		a.candidate(kn.Row(i), dk.Row(i))
		lo, hi := of(i)
		for m := lo; m < hi; m++ {
			a.candidate(nn.Row(m), dn.Row(m))
		}
		l, dt := a.term(0, temperature)
		loss += l
		dTemperature += dt
	}
	return loss, Grad{
		DQ:           raw(q, dq, normalize),
		DK:           raw(k, dk, normalize),
		DNeg:         raw(neg, dn, normalize),
		DTemperature: dTemperature,
	}
}
