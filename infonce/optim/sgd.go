package optim

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/par"
)

// SGD is stochastic gradient descent with momentum (Sutskever et al. 2013, in the
// form of PyTorch). For each parameter w with gradient g:
//
//	g += WeightDecay·w    weights only
//	v = Momentum·v + g
//	w −= rate·v, or rate·(g + Momentum·v) with Nesterov
//
// The zero value is plain gradient descent.
type SGD struct {
	Momentum    float32 // 0 means none
	Nesterov    bool    // Nesterov momentum
	WeightDecay float32 // 0 means none
	Workers     int     // 0 means GOMAXPROCS; the result does not depend on it

	velocity []float32
	spans    []span
	params   *nn.Params
	rate     float32
}

// State returns the velocity, or nothing without momentum.
func (o *SGD) State(n int) []data.Tensor {
	if o.Momentum == 0 {
		return nil
	}
	o.velocity = zeros(o.velocity, n)
	return []data.Tensor{{Name: "velocity", Shape: []int{n}, Data: o.velocity}}
}

// StateBytes returns the size of the velocity, or 0 without momentum.
func (o *SGD) StateBytes(n int) int64 {
	if o.Momentum == 0 {
		return 0
	}
	return 4 * int64(n)
}

// Step updates p.
func (o *SGD) Step(p *nn.Params, _ int, rate float32) {
	if o.Momentum != 0 {
		o.velocity = zeros(o.velocity, len(p.Values))
	}
	o.params, o.rate, o.spans = p, rate, appendSpans(o.spans[:0], p)
	par.For(o.Workers, len(o.spans), o, (*SGD).update)
	o.params = nil
}

// update updates the parameters of a span.
func (o *SGD) update(_, piece int) {
	s := o.spans[piece]
	w, grads := o.params.Values[s.lo:s.hi], o.params.Grads[s.lo:s.hi]
	rate, momentum, decay := o.rate, o.Momentum, o.WeightDecay
	if !s.decay {
		decay = 0
	}
	if momentum == 0 {
		for i, g := range grads {
			g += float32(decay * w[i])
			w[i] -= float32(rate * g)
		}
		return
	}
	velocity := o.velocity[s.lo:s.hi]
	for i, g := range grads {
		g += float32(decay * w[i])
		v := float32(momentum*velocity[i]) + g
		velocity[i] = v
		if o.Nesterov {
			v = g + float32(momentum*v)
		}
		w[i] -= float32(rate * v)
	}
}
