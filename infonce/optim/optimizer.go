package optim

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
)

// An Optimizer moves parameters against their gradients.
type Optimizer interface {
	// Step updates p.Values by p.Grads at the given learning rate. Steps count
	// from 0; an optimiser whose memory starts at 0 takes them in order.
	Step(p *nn.Params, step int, rate float32)

	// State returns what the optimiser remembers of n parameters between steps, to be
	// written to a checkpoint or, on resuming, to be overwritten by what was
	// read from one: tensors of n elements in the memory of the optimiser. Their
	// names and number follow from its settings.
	State(n int) []data.Tensor
}

// A MemoryEstimator is an optimiser that tells how many bytes it remembers of n parameters, without
// taking the memory for them.
type MemoryEstimator interface {
	StateBytes(n int) int64
}

// spanSize is the number of parameters that are one piece of an update.
const spanSize = 1 << 14

// A span is a piece of the blocks of parameters that lies within one tensor.
type span struct {
	lo, hi int
	decay  bool // weights decay, biases do not
}

// appendSpans appends the spans of p to dst.
func appendSpans(dst []span, p *nn.Params) []span {
	at := 0
	for _, t := range p.Tensors {
		end := at + len(t.Values)
		for ; at < end; at += min(spanSize, end-at) {
			dst = append(dst, span{at, min(at+spanSize, end), decays(t)})
		}
	}
	return dst
}

// decays reports whether t is a weight, and not a bias or the scale of a norm.
func decays(t nn.Tensor) bool { return len(t.Shape) > 1 }

// zeros returns x where it has n elements, else n zeros.
func zeros(x []float32, n int) []float32 {
	if len(x) != n {
		return make([]float32, n)
	}
	return x
}
