package optim

import (
	"math"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/par"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2; as in
// PyTorch, the decay is multiplied by the learning rate). For each parameter w with gradient g, at
// step t counted from 1:
//
//	w −= rate·WeightDecay·w    weights only
//	m = Beta1·m + (1−Beta1)·g
//	v = Beta2·v + (1−Beta2)·g²
//	w −= rate · m/(1−Beta1ᵗ) / (√(v/(1−Beta2ᵗ)) + Epsilon)
//
// With Coupled the decay is added to the gradient instead, g += WeightDecay·w: this is Adam with L2
// regularization (Kingma and Ba 2015, algorithm 1).
//
// The zero value is Adam without decay.
type AdamW struct {
	Beta1       float32 // 0 means 0.9
	Beta2       float32 // 0 means 0.999
	Epsilon     float32 // 0 means 1e-8
	WeightDecay float32 // 0 means none
	Coupled     bool    // the decay is part of the gradient
	Workers     int     // 0 means GOMAXPROCS; the result does not depend on it

	m, v   []float32
	spans  []span
	params *nn.Params

	// Derived for the current step.
	beta1, beta2, epsilon float32
	shrink                float32 // 1 − rate·WeightDecay
	rate                  float32 // rate/(1−Beta1ᵗ)
	rescale               float32 // 1/√(1−Beta2ᵗ)
}

// State returns the first and second moments.
func (o *AdamW) State(n int) []data.Tensor {
	o.m, o.v = zeros(o.m, n), zeros(o.v, n)
	return []data.Tensor{
		{Name: "m", Shape: []int{n}, Data: o.m},
		{Name: "v", Shape: []int{n}, Data: o.v},
	}
}

// StateBytes returns the size of both moments.
func (o *AdamW) StateBytes(n int) int64 { return 8 * int64(n) }

// Step updates p.
func (o *AdamW) Step(p *nn.Params, step int, rate float32) {
	o.m, o.v = zeros(o.m, len(p.Values)), zeros(o.v, len(p.Values))
	o.beta1, o.beta2, o.epsilon = standard(o.Beta1, 0.9), standard(o.Beta2, 0.999), standard(o.Epsilon, 1e-8)
	o.shrink = float32(1 - float64(float64(rate)*float64(o.WeightDecay)))
	o.rate = float32(float64(rate) / (1 - power(float64(o.beta1), step+1)))
	o.rescale = float32(1 / math.Sqrt(1-power(float64(o.beta2), step+1)))
	o.params, o.spans = p, appendSpans(o.spans[:0], p)
	par.For(o.Workers, len(o.spans), o, (*AdamW).update)
	o.params = nil
}

// standard returns v, or def where v is 0.
func standard(v, def float32) float32 {
	if v == 0 {
		return def
	}
	return v
}

// power returns xⁿ for n ≥ 0 by squaring. So the bias corrections follow from the number of the
// step, and the state consists of the moments alone.
func power(x float64, n int) float64 {
	p := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p *= x
		}
		x *= x
	}
	return p
}

// update updates the parameters of a span.
func (o *AdamW) update(_, piece int) {
	s := o.spans[piece]
	w, grads := o.params.Values[s.lo:s.hi], o.params.Grads[s.lo:s.hi]
	ms, vs := o.m[s.lo:s.hi], o.v[s.lo:s.hi]
	ms, vs, w = ms[:len(grads)], vs[:len(grads)], w[:len(grads)]
	shrink, decay := o.shrink, float32(0)
	if o.Coupled {
		shrink, decay = 1, o.WeightDecay
	}
	if !s.decay {
		shrink, decay = 1, 0
	}
	b1, b2, a1, a2 := o.beta1, o.beta2, 1-o.beta1, 1-o.beta2
	for i, g := range grads {
		if decay != 0 { // adding 0 would turn −0 into 0
			g += float32(decay * w[i])
		}
		m := float32(b1*ms[i]) + float32(a1*g)
		v := float32(b2*vs[i]) + float32(a2*float32(g*g))
		ms[i], vs[i] = m, v
		root := float32(math.Sqrt(float64(v)))
		w[i] = float32(shrink*w[i]) - float32(o.rate*m)/(float32(root*o.rescale)+o.epsilon)
	}
}
