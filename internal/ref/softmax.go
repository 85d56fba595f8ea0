package ref

import "math"

// LogSumExp returns ln Σ exp(x_i). It is −Inf when x is empty or all −Inf, x_0
// itself when there is nothing else, +Inf when some x_i is and none is NaN, and
// NaN when some x_i is.
func LogSumExp(x []float64) float64 {
	m := Max(x)
	if math.IsInf(m, 0) {
		// x − m would be Inf − Inf below, a NaN where there was none.
		for _, v := range x {
			if v != v {
				return v
			}
		}
		return m
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - m)
	}
	return m + math.Log(sum)
}

// Softmax returns exp(x_i) / Σ exp(x_j), and zeros where all x are −Inf. If some
// x_i is +Inf or NaN, so that no probabilities exist, all are NaN.
func Softmax(x []float64) []float64 {
	p := make([]float64, len(x))
	if math.IsInf(LogSumExp(x), -1) {
		return p
	}
	m, sum := Max(x), 0.0
	for i, v := range x {
		p[i] = math.Exp(v - m)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// crossEntropy returns the loss −ln softmax(s/τ)_y of one anchor, with the
// scores s of its candidates, of which y is the positive, and what it stores in
// g is the gradient with respect to the logits s/τ: p_j − [j = y].
//
// It stays accurate when the loss is tiny: then the positive is the largest, the
// loss is ln(1 + Σ exp(z_j − z_y)) over the others, and the gradient of the
// positive is minus the sum of the others, never p_y − 1.
func crossEntropy(g, s []float64, y int, temperature float64) float64 {
	m := Max(s)
	sum, others := 0.0, 0.0
	for j, v := range s {
		g[j] = math.Exp((v - m) / temperature)
		sum += g[j]
		if j != y {
			others += g[j]
		}
	}
	loss := (m-s[y])/temperature + math.Log(sum)
	if s[y] == m {
		loss = math.Log1p(others)
	}
	for j := range g {
		g[j] /= sum
	}
	g[y] = -others / sum
	return loss
}

// An anchor is one term of a loss of the softmax family: the vector x and its
// candidates, with the places where their gradients are added.
type anchor struct {
	x, dx  []float64
	c, dc  [][]float64
	weight float64 // of the term in the loss
}

// candidate adds a candidate.
func (a *anchor) candidate(c, dc []float64) {
	a.c = append(a.c, c)
	a.dc = append(a.dc, dc)
}

// scores returns the products x·c_j.
func (a *anchor) scores() []float64 {
	s := make([]float64, len(a.c))
	for j, c := range a.c {
		s[j] = Dot(a.x, c)
	}
	return s
}

// backward adds the gradients of a term with the scores s, where g_j is its
// gradient with respect to the logits z_j = s_j/τ, or s_j/τ and a bias, and
// returns the derivative with respect to τ:
//
//	∂L/∂x = Σ g_j c_j / τ,  ∂L/∂c_j = g_j x / τ,  ∂L/∂τ = −Σ g_j (s_j − origin) / τ²
//
// Where Σ g_j = 0 any origin may be taken from every score: that of the positive
// leaves no cancellation when the loss is tiny. Elsewhere it is 0.
func (a *anchor) backward(g, s []float64, origin, temperature float64) (dTemperature float64) {
	for j, c := range a.c {
		b := a.weight * g[j] / temperature
		axpy(a.dx, b, c)
		axpy(a.dc[j], b, a.x)
		dTemperature -= float64(b * ((s[j] - origin) / temperature))
	}
	return dTemperature
}

// term returns the weighted cross-entropy of the scores x·c_j at temperature τ
// with candidate y the positive, adds its gradients, and returns the derivative
// with respect to τ.
//
//	z_j = x·c_j/τ,  L = −z_y + ln Σ exp(z_j)
func (a *anchor) term(y int, temperature float64) (loss, dTemperature float64) {
	s := a.scores()
	g := make([]float64, len(s))
	loss = a.weight * crossEntropy(g, s, y, temperature)
	return loss, a.backward(g, s, s[y], temperature)
}
