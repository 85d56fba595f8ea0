package ref

import "math"

// SupCon returns the supervised contrastive loss (Khosla et al. 2020) of the N
// rows of x. The positives P_i of a row are the other rows of its label; all
// other rows are its candidates:
//
//	outside (eq. 2): 1/n Σ_i −1/|P_i| Σ_{p∈P_i} ln( exp(x_i·x_p/τ) / Σ_{a≠i} exp(x_i·x_a/τ) )
//	inside (eq. 3):  1/n Σ_i −ln( 1/|P_i| Σ_{p∈P_i} exp(x_i·x_p/τ) / Σ_{a≠i} exp(x_i·x_a/τ) )
//
// The mean is over the n rows that have a positive, 0 where there are none. The
// authors' code counts the others as zeros, and multiplies by τ over a base.
func SupCon(x Mat, labels []int, temperature float64, normalize, inside bool) (float64, Grad) {
	valid := 0
	for i := range labels {
		if positives(labels, i) > 0 {
			valid++
		}
	}
	xn := embedded(x, normalize)
	dx := NewMat(x.Rows, x.Cols)
	loss, dTemperature := 0.0, 0.0
	for i := range x.Rows {
		n := positives(labels, i)
		if n == 0 {
			continue
		}
		a := anchor{x: xn.Row(i), dx: dx.Row(i), weight: 1 / float64(valid)}
		var positive []bool
		for j := range x.Rows {
			if j != i {
				a.candidate(xn.Row(j), dx.Row(j))
				positive = append(positive, labels[j] == labels[i])
			}
		}
		if inside {
			s := a.scores()
			g := make([]float64, len(s))
			loss += float64(a.weight * insideCrossEntropy(g, s, positive, temperature))
			dTemperature += a.backward(g, s, Max(s), temperature)
			continue
		}
		a.weight /= float64(n)
		ofRow := 0.0
		for j, p := range positive {
			if p {
				l, dt := a.term(j, temperature)
				ofRow += l
				dTemperature += dt
			}
		}
		loss += ofRow
	}
	return loss, Grad{DQ: raw(x, dx, normalize), DTemperature: dTemperature}
}

// positives returns how many other rows have the label of row i.
func positives(labels []int, i int) int {
	n := 0
	for j := range labels {
		if j != i && labels[j] == labels[i] {
			n++
		}
	}
	return n
}

// insideCrossEntropy returns −ln( 1/n Σ_{p∈P} exp(s_p/τ) / Σ_a exp(s_a/τ) ), and
// stores the gradient with respect to s/τ in g. With z⁺ and z⁻ the log-sum-exp of
// the n positives and of the others,
//
//	L = ln n + ln(1 + exp(z⁻ − z⁺)),  g_a = ± σ(z⁻ − z⁺) exp(z_a − z^±)
//
// minus for a positive: no difference of probabilities is taken.
func insideCrossEntropy(g, s []float64, positive []bool, temperature float64) float64 {
	var pos, neg []float64
	z := make([]float64, len(s))
	m := Max(s) // taken from all, so that the logits are as exact as their differences
	for j, v := range s {
		z[j] = (v - m) / temperature
		if positive[j] {
			pos = append(pos, z[j])
		} else {
			neg = append(neg, z[j])
		}
	}
	zpos, zneg := LogSumExp(pos), LogSumExp(neg)
	loss, slope := hinge(zneg-zpos, true)
	for j := range z {
		if positive[j] {
			g[j] = -slope * math.Exp(z[j]-zpos)
		} else {
			g[j] = slope * math.Exp(z[j]-zneg)
		}
	}
	return math.Log(float64(len(pos))) + loss
}
