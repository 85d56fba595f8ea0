package ref

import "math"

// HCL returns the loss with hard negatives (Robinson et al. 2021), which
// is NTXent with another sum over the negatives. The N rows of q and of k are two
// views of the same samples, z is all 2N rows, and each row has n = 2N − 2
// negatives. With the concentration β and the prior ρ of a positive
//
//	1/2N Σ_i −ln( exp(s_i) / (exp(s_i) + G_i) ),  s_i = z_i·z_pos(i)/τ
//	G_i = max( (R_i − ρ n exp(s_i)) / (1 − ρ), n exp(−1/τ) )
//	R_i = n Σ_a exp((1 + β) z_i·z_a/τ) / Σ_a exp(β z_i·z_a/τ)
//
// where a goes over the negatives. With β = 0 it is the debiased loss (Chuang et
// al. 2020), and with ρ = 0 too it is NTXent, if the rows are unit
// vectors: only then is −1/τ the least logit. The gradient with respect to τ has
// the part of exp(−1/τ). Without negatives the loss is 0.
func HCL(q, k Mat, temperature, concentration, prior float64, normalize bool) (float64, Grad) {
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
		positive := (i + n) % (2 * n)
		a := anchor{x: z[i], dx: dz[i], weight: 1 / float64(2*n)}
		a.candidate(z[positive], dz[positive])
		for j := range z {
			if j != i && j != positive {
				a.candidate(z[j], dz[j])
			}
		}
		if len(a.c) == 1 {
			continue
		}
		s := a.scores()
		g := make([]float64, len(s))
		l, dFloor := hardCrossEntropy(g, s, temperature, concentration, prior)
		loss += float64(a.weight * l)
		dTemperature += a.backward(g, s, s[0], temperature)
		// The floor counts as one more score, of −1.
		dTemperature -= float64(a.weight * dFloor * ((-1 - s[0]) / temperature / temperature))
	}
	return loss, Grad{DQ: raw(q, dq, normalize), DK: raw(k, dk, normalize), DTemperature: dTemperature}
}

// hardCrossEntropy returns the loss of one row of HCL with the scores s, that of
// the positive first. It stores the gradient with respect to s/τ in g, and
// returns that with respect to the −1/τ of the floor, which is 0 above it.
//
// All exponentials are shifted by the largest of the three terms, so that none
// overflows and not all vanish.
func hardCrossEntropy(g, s []float64, temperature, concentration, prior float64) (loss, dFloor float64) {
	n := float64(len(s) - 1)
	z := make([]float64, len(s)-1) // of the negatives, less that of the positive
	once, more := make([]float64, len(z)), make([]float64, len(z))
	for j := range z {
		z[j] = (s[j+1] - s[0]) / temperature
		once[j] = concentration * z[j]
		more[j] = (1 + concentration) * z[j]
	}
	logR := math.Log(n) + LogSumExp(more) - LogSumExp(once)
	logFloor := math.Log(n) + (-1-s[0])/temperature
	m := max(0, logR, logFloor)
	e, r, floor := math.Exp(-m), math.Exp(logR-m), math.Exp(logFloor-m)

	sum, clamped := (r-float64(prior*n*e))/(1-prior), false // sum is G
	if sum < floor {
		sum, clamped = floor, true
	}
	c := 1 / (e + sum)
	loss = m + math.Log(e+sum)
	if m == 0 {
		loss = math.Log1p(sum)
	}
	if clamped {
		g[0], dFloor = -sum*c, sum*c
		return loss, dFloor
	}
	g[0] = -c * r / (1 - prior) // −c (G + ρ n e/(1 − ρ)): minus the sum of the others
	p0, p1 := Softmax(once), Softmax(more)
	for j := range z {
		g[j+1] = c * r / (1 - prior) * (float64((1+concentration)*p1[j]) - float64(concentration*p0[j]))
	}
	return loss, 0
}
