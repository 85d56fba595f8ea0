package eval

import "math"

// An lbfgs minimises a smooth function by the method of limited memory, which remembers how the
// gradient changed along the last few steps (Liu & Nocedal 1989; Nocedal & Wright 2006, algorithms
// 7.4 and 7.5).
type lbfgs struct {
	evaluate  func(gradient, x []float64) float64
	x         []float64 // the start, and in the end the best point that was found
	tolerance float64   // of the largest component of the gradient

	pairs []curvature // the oldest first
}

// A curvature is a step s and the change y of the gradient along it.
type curvature struct {
	s, y []float64
	rho  float64 // 1/sᵀy
}

// history is how many pairs are kept. From 3 to 20 are usual (Nocedal & Wright 2006, section 7.2).
const history = 8

// minimize takes at most limit steps. It has converged if the gradient is within the tolerance, or
// not even a step 2⁻³⁰ of the suggested one lowers the value: then rounding hides the rest.
func (m *lbfgs) minimize(limit int) (value, largest float64, steps int, converged bool) {
	gradient, direction := make([]float64, len(m.x)), make([]float64, len(m.x))
	next, nextGradient := make([]float64, len(m.x)), make([]float64, len(m.x))
	value = m.evaluate(gradient, m.x)
	for {
		if largest = largestOf(gradient); largest <= m.tolerance {
			return value, largest, steps, true
		}
		if steps == limit {
			return value, largest, steps, false
		}
		m.direct(direction, gradient)
		slope := dot(direction, gradient)
		if !(slope < 0) { // because of rounding: forget the pairs and follow the gradient
			m.pairs = m.pairs[:0]
			m.direct(direction, gradient)
			slope = dot(direction, gradient)
		}
		// Halve the step until the value falls by a fraction of what the slope promises (Armijo
		// 1966).
		step, nextValue := 1.0, 0.0
		for {
			copy(next, m.x)
			axpy(next, step, direction)
			nextValue = m.evaluate(nextGradient, next)
			if nextValue <= value+float64(1e-4*step*slope) {
				break
			}
			if step /= 2; step < 0x1p-30 {
				return value, largest, steps, true
			}
		}
		m.remember(next, nextGradient, gradient)
		m.x, next = next, m.x
		gradient, nextGradient = nextGradient, gradient
		value = nextValue
		steps++
	}
}

// direct stores the direction of the next step in d: −H·g, where H approximates the inverse Hessian
// by the pairs.
func (m *lbfgs) direct(d, g []float64) {
	copy(d, g)
	var alphas [history]float64
	for i := len(m.pairs) - 1; i >= 0; i-- {
		p := &m.pairs[i]
		alphas[i] = float64(p.rho * dot(p.s, d))
		axpy(d, -alphas[i], p.y)
	}
	scale := 1 / math.Sqrt(dot(g, g)) // a step of length 1 if nothing is known
	if n := len(m.pairs); n > 0 {
		scale = 1 / float64(m.pairs[n-1].rho*dot(m.pairs[n-1].y, m.pairs[n-1].y))
	}
	for i := range d {
		d[i] *= scale
	}
	for i := range m.pairs {
		p := &m.pairs[i]
		axpy(d, alphas[i]-float64(p.rho*dot(p.y, d)), p.s)
	}
	for i := range d {
		d[i] = -d[i]
	}
}

// remember keeps the pair of the step to next, in the memory of the oldest pair if there are
// enough. It drops a pair without positive curvature, which only rounding brings about if the
// function is convex.
func (m *lbfgs) remember(next, nextGradient, gradient []float64) {
	var p curvature
	if len(m.pairs) == history {
		p = m.pairs[0]
		m.pairs = append(m.pairs[:0], m.pairs[1:]...)
	} else {
		p = curvature{s: make([]float64, len(next)), y: make([]float64, len(next))}
	}
	for i := range next {
		p.s[i] = next[i] - m.x[i]
		p.y[i] = nextGradient[i] - gradient[i]
	}
	if along := dot(p.s, p.y); along > 0x1p-52*dot(p.y, p.y) {
		p.rho = 1 / along
		m.pairs = append(m.pairs, p)
	}
}

func largestOf(x []float64) float64 {
	var largest float64
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	return largest
}
