package ref

import "math"

// ArcFace returns the additive angular margin loss (Deng et al. 2019, eq. 3) of
// the N rows of x, with the rows of w as the centres of the classes:
//
//	1/N Σ_i −ln( exp(t φ(θ_iy)) / (exp(t φ(θ_iy)) + Σ_{j≠y} exp(t cos θ_ij)) ),  y = labels[i]
//	φ(θ) = cos(θ + m) where θ + m ≤ π, else cos θ − m sin m
//
// where θ_ij is the angle between x_i and w_j and t is scale. The second case is
// the authors' code, so that φ falls everywhere. At angles of 0 and π the loss
// has no slope in x and w, as there is no direction to turn to. DK is with
// respect to w. No rows make a loss of 0.
func ArcFace(x, w Mat, labels []int, margin, scale float64) (float64, Grad) {
	return marginSoftmax(x, w, labels, scale, func(x, w []float64) (float64, float64) {
		cos := Dot(x, w)
		if cos < -math.Cos(margin) {
			return cos - float64(margin*math.Sin(margin)), 1
		}
		sin := sine(x, w)
		target := float64(cos*math.Cos(margin)) - float64(sin*math.Sin(margin))
		if sin == 0 {
			return target, 0
		}
		// φ = cos(θ + m), so dφ/dcos θ = sin(θ + m)/sin θ.
		return target, math.Cos(margin) + float64(math.Sin(margin)*cos/sin)
	})
}

// sine returns the sine of the angle between two unit vectors, |x − w||x + w|/2,
// which is exact for small angles as √(1 − cos²) is not. A zero vector is at
// right angles to all others.
func sine(x, w []float64) float64 {
	if Dot(x, x) == 0 || Dot(w, w) == 0 {
		return 1
	}
	minus := make([]float64, len(w))
	for i := range w {
		minus[i] = -w[i]
	}
	return distance(x, w, false) * distance(x, minus, false) / 2
}

// CosFace returns the large margin cosine loss (Wang et al. 2018, eq. 4), which
// is ArcFace with φ(θ) = cos θ − m.
func CosFace(x, w Mat, labels []int, margin, scale float64) (float64, Grad) {
	return marginSoftmax(x, w, labels, scale, func(x, w []float64) (float64, float64) {
		return Dot(x, w) - margin, 1
	})
}

// marginSoftmax returns the mean cross-entropy of cosines times scale, in which
// that of the label is replaced by a function of the unit vectors, given with its
// derivative by their cosine.
func marginSoftmax(x, w Mat, labels []int, scale float64, target func(x, w []float64) (value, slope float64)) (float64, Grad) {
	xn, wn := embedded(x, true), embedded(w, true)
	dx, dw := NewMat(x.Rows, x.Cols), NewMat(w.Rows, w.Cols)
	loss, weight := 0.0, 1/float64(x.Rows)
	for i := range x.Rows {
		s, slopes := make([]float64, w.Rows), make([]float64, w.Rows)
		for j := range s {
			s[j], slopes[j] = Dot(xn.Row(i), wn.Row(j)), 1
		}
		y := labels[i]
		s[y], slopes[y] = target(xn.Row(i), wn.Row(y))
		g := make([]float64, len(s))
		loss += float64(weight * crossEntropy(g, s, y, 1/scale))
		for j := range g {
			b := weight * scale * g[j] * slopes[j]
			axpy(dx.Row(i), b, wn.Row(j))
			axpy(dw.Row(j), b, xn.Row(i))
		}
	}
	return loss, Grad{DQ: raw(x, dx, true), DK: raw(w, dw, true)}
}
