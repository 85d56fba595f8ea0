package ref

// Circle returns the circle loss (Sun et al. 2020) of the rows of x
// with the cosines s: the mean over the rows i with a positive p, another row of
// its label, and a negative n, a row of another, of
//
//	ln( 1 + Σ_n exp(γ α_n (s_in − m)) · Σ_p exp(−γ α_p (s_ip − (1 − m))) )
//	α_p = max(0, 1 + m − s_ip),  α_n = max(0, s_in + m)
//
// The weights α do not take part in the gradient. Without such rows the loss is 0.
func Circle(x Mat, labels []int, margin, gamma float64) (float64, Grad) {
	return circle(x, embedded(x, true), labels, margin, gamma)
}

// circle is Circle with the weights of the unit vectors of another matrix.
func circle(x, weighing Mat, labels []int, margin, gamma float64) (float64, Grad) {
	xn := embedded(x, true)
	dx := NewMat(x.Rows, x.Cols)
	valid := 0
	for i := range labels {
		if p := positives(labels, i); 0 < p && p < x.Rows-1 {
			valid++
		}
	}
	loss := 0.0
	for i := range x.Rows {
		if p := positives(labels, i); p == 0 || p == x.Rows-1 {
			continue
		}
		var rows [2][]int          // of the positives, and of the negatives
		var slopes, z [2][]float64 // ∂z/∂s = ±γ α, and the exponents z
		for j := range x.Rows {
			if j == i {
				continue
			}
			s, w := Dot(xn.Row(i), xn.Row(j)), Dot(weighing.Row(i), weighing.Row(j))
			side, slope, from := 1, gamma*max(0, w+margin), margin
			if labels[j] == labels[i] {
				side, slope, from = 0, -gamma*max(0, 1+margin-w), 1-margin
			}
			rows[side] = append(rows[side], j)
			slopes[side] = append(slopes[side], slope)
			z[side] = append(z[side], slope*(s-from))
		}
		l, outer := hinge(LogSumExp(z[0])+LogSumExp(z[1]), true)
		loss += l / float64(valid)
		for side := range rows {
			for e, p := range Softmax(z[side]) {
				j := rows[side][e]
				g := outer * slopes[side][e] * p / float64(valid)
				axpy(dx.Row(i), g, xn.Row(j))
				axpy(dx.Row(j), g, xn.Row(i))
			}
		}
	}
	return loss, Grad{DQ: raw(x, dx, true)}
}
