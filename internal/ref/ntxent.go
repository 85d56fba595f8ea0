package ref

// NTXent returns the loss of SimCLR (Chen et al. 2020, eq. 1 and algorithm 1).
// The N rows of q and the N rows of k are two views of the same samples; z is
// all 2N rows, and the other view of the sample is the positive of each:
//
//	1/2N Σ_i −ln( exp(z_i·z_pos(i)/τ) / Σ_{a≠i} exp(z_i·z_a/τ) )
//
// Google's code returns twice that.
func NTXent(q, k Mat, temperature float64, normalize bool) (float64, Grad) {
	n := q.Rows
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	dq, dk := NewMat(n, q.Cols), NewMat(n, k.Cols)
	z, dz := make([][]float64, 2*n), make([][]float64, 2*n)
	for i := range n {
		z[i], dz[i] = qn.Row(i), dq.Row(i)
		z[n+i], dz[n+i] = kn.Row(i), dk.Row(i)
	}
	loss, dTemperature := 0.0, 0.0
	for i := range z {
		a := anchor{x: z[i], dx: dz[i], weight: 1 / float64(2*n)}
		positive, y := (i+n)%(2*n), 0
		for j := range z {
			if j == i {
				continue
			}
			if j == positive {
				y = len(a.c)
			}
			a.candidate(z[j], dz[j])
		}
		l, dt := a.term(y, temperature)
		loss += l
		dTemperature += dt
	}
	return loss, Grad{DQ: raw(q, dq, normalize), DK: raw(k, dk, normalize), DTemperature: dTemperature}
}
