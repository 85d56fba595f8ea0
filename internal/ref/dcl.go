package ref

// DCL returns the decoupled contrastive loss (Yeh et al. 2022), which is
// NTXent without the positive in the denominator. The N rows of q and of k are
// two views of the same samples, and z is all 2N rows:
//
//	1/2N Σ_i [ −w_i z_i·z_pos(i)/τ + ln Σ_{a≠i,pos(i)} exp(z_i·z_a/τ) ]
//
// With oneWay only the rows of q are anchors and only those of k are candidates:
//
//	1/N Σ_i [ −w_i q_i·k_i/τ + ln Σ_{j≠i} exp(q_i·k_j/τ) ]
//
// The weights are 1 if sigma is 0, and else those of DCLW, which do not take
// part in the gradient: w_i = 2 − N exp(q_i·k_i/σ) / Σ_j exp(q_j·k_j/σ),
// the same for both views. Fewer than two rows have no negatives: the loss is 0.
func DCL(q, k Mat, temperature, sigma float64, normalize, oneWay bool) (float64, Grad) {
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	return dcl(q, k, temperature, normalize, oneWay, dclWeights(qn, kn, sigma))
}

func dclWeights(q, k Mat, sigma float64) []float64 {
	w := make([]float64, q.Rows)
	if sigma == 0 {
		for i := range w {
			w[i] = 1
		}
		return w
	}
	for i := range w {
		w[i] = Dot(q.Row(i), k.Row(i)) / sigma
	}
	for i, p := range Softmax(w) {
		w[i] = 2 - float64(float64(q.Rows)*p)
	}
	return w
}

// dcl is DCL with these weights of the samples.
func dcl(q, k Mat, temperature float64, normalize, oneWay bool, weights []float64) (float64, Grad) {
	n := q.Rows
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	dq, dk := NewMat(n, q.Cols), NewMat(k.Rows, k.Cols)
	loss, dTemperature := 0.0, 0.0
	// anchor i of x with its positive, row i of y, and all other rows of y, and of x itself unless
	// oneWay
	add := func(i int, x, dx, y, dy Mat, weight float64) {
		a := anchor{x: x.Row(i), dx: dx.Row(i), weight: weight}
		a.candidate(y.Row(i), dy.Row(i))
		for j := range y.Rows {
			if j != i {
				a.candidate(y.Row(j), dy.Row(j))
			}
		}
		for j := range x.Rows {
			if j != i && !oneWay {
				a.candidate(x.Row(j), dx.Row(j))
			}
		}
		if len(a.c) == 1 {
			return
		}
		// The positive is taken from every score, so that only differences are
		// divided by τ: −w z_0 + LSE(z) = (1 − w) z_0 + LSE(z − z_0).
		s := a.scores()
		z := make([]float64, len(s)-1)
		for j := range z {
			z[j] = (s[j+1] - s[0]) / temperature
		}
		g := append([]float64{-weights[i]}, Softmax(z)...)
		loss += float64(weight * (LogSumExp(z) + float64((1-weights[i])*(s[0]/temperature))))
		dTemperature += a.backward(g, s, s[0], temperature)
		dTemperature -= float64(weight * (1 - weights[i]) * (s[0] / temperature / temperature)) // Σ g = 1 − w
	}
	for i := range n {
		if oneWay {
			add(i, qn, dq, kn, dk, 1/float64(n))
			continue
		}
		add(i, qn, dq, kn, dk, 1/float64(2*n))
		add(i, kn, dk, qn, dq, 1/float64(2*n))
	}
	return loss, Grad{DQ: raw(q, dq, normalize), DK: raw(k, dk, normalize), DTemperature: dTemperature}
}
