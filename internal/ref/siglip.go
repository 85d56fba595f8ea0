package ref

// SigLIP returns the sigmoid loss (Zhai et al. 2023, section 3.2) over the N rows of q
// and all rows of k:
//
//	1/N Σ_i Σ_j ln(1 + exp(−Y_ij z_ij)),  z_ij = q_i·k_j/τ + b,  Y_ij = 1 where i = j, else −1
//
// The gradient with respect to z_ij is σ(z_ij) − [i = j], over N. Rows of k past
// the N-th are negatives for all. No rows make a loss of 0.
func SigLIP(q, k Mat, temperature, bias float64, normalize bool) (float64, Grad) {
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, dTemperature, dBias := 0.0, 0.0, 0.0
	for i := range q.Rows {
		a := anchor{x: qn.Row(i), dx: dq.Row(i), weight: 1 / float64(q.Rows)}
		for j := range k.Rows {
			a.candidate(kn.Row(j), dk.Row(j))
		}
		s := a.scores()
		g := make([]float64, len(s))
		for j, v := range s {
			y := -1.0
			if j == i {
				y = 1
			}
			l, slope := hinge(-y*(v/temperature+bias), true)
			loss += float64(a.weight * l)
			g[j] = -y * slope
			dBias += float64(a.weight * g[j])
		}
		dTemperature += a.backward(g, s, 0, temperature)
	}
	return loss, Grad{
		DQ:           raw(q, dq, normalize),
		DK:           raw(k, dk, normalize),
		DTemperature: dTemperature,
		DBias:        dBias,
	}
}
