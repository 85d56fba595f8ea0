package optim

import (
	"math"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/par"
)

// LARS is SGD with momentum in which the learning rate of each tensor follows the ratio of the
// norms of its values and its gradient (You et al. 2017, algorithm 1, in the form of SimCLR's
// code). It is for batches so large that no single rate suits all layers. For each tensor w with
// gradient g:
//
//	g += WeightDecay·w
//	trust = Trust·|w|/|g|, or 1 if a norm is 0
//	v = Momentum·v + rate·trust·g
//	w −= v, or Momentum·v + rate·trust·g with Nesterov
//
// Biases and other tensors of one dimension do not decay and have trust 1. The zero value is ready
// to use.
type LARS struct {
	Momentum    float32 // 0 means 0.9, below 0 none
	Trust       float32 // 0 means 0.001
	Nesterov    bool    // Nesterov momentum
	WeightDecay float32 // 0 means none
	Workers     int     // 0 means GOMAXPROCS; the result does not depend on it

	velocity []float32
	spans    []span
	squares  [][2]float64 // of each span: the sums of squares of values and gradient
	rates    []float32    // of each span
	params   *nn.Params
	momentum float32
}

// State returns the velocity.
func (o *LARS) State(n int) []data.Tensor {
	o.velocity = zeros(o.velocity, n)
	return []data.Tensor{{Name: "velocity", Shape: []int{n}, Data: o.velocity}}
}

// StateBytes returns the size of the velocity.
func (o *LARS) StateBytes(n int) int64 { return 4 * int64(n) }

// Step updates p.
func (o *LARS) Step(p *nn.Params, _ int, rate float32) {
	o.velocity = zeros(o.velocity, len(p.Values))
	o.momentum = max(standard(o.Momentum, 0.9), 0)
	o.params, o.spans = p, appendSpans(o.spans[:0], p)
	if len(o.squares) != len(o.spans) {
		o.squares, o.rates = make([][2]float64, len(o.spans)), make([]float32, len(o.spans))
	}
	workers := par.Workers(o.Workers)
	par.For(workers, len(o.spans), o, (*LARS).square)
	o.trust(rate)
	par.For(workers, len(o.spans), o, (*LARS).update)
	o.params = nil
}

// trust sets the rates of all spans, given their squares.
func (o *LARS) trust(rate float32) {
	trust := float64(standard(o.Trust, 0.001))
	i := 0
	for _, t := range o.params.Tensors {
		first, left := i, len(t.Values)
		var w, g float64
		for ; left > 0; i++ {
			w, g = w+o.squares[i][0], g+o.squares[i][1]
			left -= o.spans[i].hi - o.spans[i].lo
		}
		own := rate
		if decays(t) && w > 0 && g > 0 {
			own = float32(float64(rate) * trust * math.Sqrt(w) / math.Sqrt(g))
		}
		for s := first; s < i; s++ {
			o.rates[s] = own
		}
	}
}

// square computes the squares of a span.
func (o *LARS) square(_, piece int) {
	s := o.spans[piece]
	if !s.decay {
		return // trust is 1
	}
	w, grads := o.params.Values[s.lo:s.hi], o.params.Grads[s.lo:s.hi]
	w = w[:len(grads)]
	// Squares of float32 do not overflow in float64. There are four sums because each addition has
	// to wait for the one before it.
	var values, gradient [4]float64
	for i, g := range grads {
		g += float32(o.WeightDecay * w[i])
		values[i&3] += float64(float64(w[i]) * float64(w[i]))
		gradient[i&3] += float64(float64(g) * float64(g))
	}
	o.squares[piece] = [2]float64{
		(values[0] + values[1]) + (values[2] + values[3]),
		(gradient[0] + gradient[1]) + (gradient[2] + gradient[3]),
	}
}

// update updates the parameters of a span.
func (o *LARS) update(_, piece int) {
	s := o.spans[piece]
	w, grads := o.params.Values[s.lo:s.hi], o.params.Grads[s.lo:s.hi]
	velocity := o.velocity[s.lo:s.hi]
	velocity, w = velocity[:len(grads)], w[:len(grads)]
	rate, momentum, decay := o.rates[piece], o.momentum, o.WeightDecay
	if !s.decay {
		decay = 0
	}
	for i, g := range grads {
		g += float32(decay * w[i])
		move := float32(rate * g)
		v := float32(momentum*velocity[i]) + move
		velocity[i] = v
		if o.Nesterov {
			v = float32(momentum*v) + move
		}
		w[i] -= v
	}
}
