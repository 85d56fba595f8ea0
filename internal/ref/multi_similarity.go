package ref

import "math"

// MultiSimilarity returns the multi-similarity loss (Wang et al. 2019) of
// the N rows of x with the cosines s, without its miner:
//
//	1/N Σ_i [ 1/α ln(1 + Σ_p exp(−α (s_ip − λ))) + 1/β ln(1 + Σ_n exp(β (s_in − λ))) ]
//
// where p goes over the other rows of the label of i, n over those of another
// label, and λ is base. All rows count; no positives, or no negatives, make a
// logarithm of 0.
func MultiSimilarity(x Mat, labels []int, alpha, beta, base float64) (float64, Grad) {
	xn := embedded(x, true)
	dx := NewMat(x.Rows, x.Cols)
	loss, weight := 0.0, 1/float64(x.Rows)
	for i := range x.Rows {
		for _, side := range []struct {
			positive bool
			scale    float64
		}{{true, -alpha}, {false, beta}} {
			var rows []int
			var z []float64
			for j := range x.Rows {
				if j != i && (labels[j] == labels[i]) == side.positive {
					rows = append(rows, j)
					z = append(z, side.scale*(Dot(xn.Row(i), xn.Row(j))-base))
				}
			}
			// 1/α ln(1 + exp(LSE z)), with the derivative ±exp(z_j)/(1 + Σ exp z) in s_ij
			l, slope := hinge(LogSumExp(z), true)
			if side.positive {
				slope = -slope
			}
			loss += float64(weight * l / math.Abs(side.scale))
			for e, p := range Softmax(z) {
				axpy(dx.Row(i), weight*slope*p, xn.Row(rows[e]))
				axpy(dx.Row(rows[e]), weight*slope*p, xn.Row(i))
			}
		}
	}
	return loss, Grad{DQ: raw(x, dx, true)}
}
