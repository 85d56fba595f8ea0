package ref

// RowOptions change InfoNCE. The zero value changes nothing.
type RowOptions struct {
	Smoothing float64             // ε: of the target, ε is spread over all candidates of the row
	Weights   []float64           // of the rows, not negative; empty means 1 each
	Sum       bool                // Σ w_i L_i in place of Σ w_i L_i / Σ w_i
	Drop      func(i, j int) bool // key j is no candidate of row i; not asked about the positive
}

// SoftmaxRows returns InfoNCE (van den Oord et al. 2018, eq. 4) with weights of
// the rows, smoothed targets (Szegedy et al. 2016, section 7) and candidates left
// out (Solatorio 2024):
//
//	Σ_i w_i L_i / Σ_i w_i,  L_i = −Σ_j T_ij ln( exp(q_i·k_j/τ) / Σ_j exp(q_i·k_j/τ) ),
//	T_ij = (1 − ε)[j = i] + ε/M_i
//
// where j goes over the M_i candidates of row i: the rows of k that are not
// dropped, key i always among them. Where the weights sum to 0 the loss is 0.
func SoftmaxRows(q, k Mat, temperature float64, normalize bool, o RowOptions) (float64, Grad) {
	weights := o.Weights
	if len(weights) == 0 {
		weights = make([]float64, q.Rows)
		for i := range weights {
			weights[i] = 1
		}
	}
	total := Sum(weights)
	qn, kn := embedded(q, normalize), embedded(k, normalize)
	dq, dk := NewMat(q.Rows, q.Cols), NewMat(k.Rows, k.Cols)
	loss, dTemperature := 0.0, 0.0
	for i := range q.Rows {
		a := anchor{x: qn.Row(i), dx: dq.Row(i), weight: weights[i]}
		if !o.Sum {
			if total == 0 {
				break
			}
			a.weight /= total
		}
		y := 0
		for j := range k.Rows {
			switch {
			case j == i:
				y = len(a.c)
			case o.Drop != nil && o.Drop(i, j):
				continue
			}
			a.candidate(kn.Row(j), dk.Row(j))
		}
		s := a.scores()
		g := make([]float64, len(s))
		loss += float64(a.weight * smoothedCrossEntropy(g, s, y, temperature, o.Smoothing))
		dTemperature += a.backward(g, s, s[y], temperature)
	}
	return loss, Grad{DQ: raw(q, dq, normalize), DK: raw(k, dk, normalize), DTemperature: dTemperature}
}

// smoothedCrossEntropy is crossEntropy with the target (1 − ε)[j = y] + ε/M. It
// is the mixture, by ε, of the loss and the mean of the losses that the M
// candidates would have as positives, so that nothing is lost where ε is 0.
func smoothedCrossEntropy(g, s []float64, y int, temperature, smoothing float64) float64 {
	loss := crossEntropy(g, s, y, temperature)
	if smoothing == 0 {
		return loss
	}
	z := make([]float64, len(s))
	for j := range s {
		z[j] = (s[j] - s[y]) / temperature
	}
	m := float64(len(s))
	p := Softmax(z)
	for j := range g {
		g[j] = float64((1-smoothing)*g[j]) + float64(smoothing*(p[j]-1/m))
	}
	return float64((1-smoothing)*loss) + float64(smoothing*(LogSumExp(z)-Sum(z)/m))
}
