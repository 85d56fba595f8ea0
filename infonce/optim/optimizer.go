package optim

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
)

// An Optimizer updates parameters to reduce a loss, given its gradients.
type Optimizer interface {
	// Step updates p.Values, given p.Grads, at the given learning rate. Steps count from 0 and must
	// come in order. An Optimizer serves one set of parameters.
	Step(p *nn.Params, step int, rate float32)

	// State returns the state for n parameters, such as moments: tensors of n elements in memory of
	// the optimizer, to be written to a checkpoint, or to be overwritten with what was read from
	// one. Their names and number follow from the settings of the optimizer.
	State(n int) []data.Tensor
}

// A MemoryEstimator is an optimizer that tells the size of its state for n parameters in bytes,
// without allocating it.
type MemoryEstimator interface {
	StateBytes(n int) int64
}

// spanSize is the number of parameters in a piece of an update.
const spanSize = 1 << 14

// A span is a range of parameters within one tensor.
type span struct {
	lo, hi int
	decay  bool // weight decay applies
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

// decays reports whether weight decay applies to t: it does to weights, but not to biases and
// scales.
func decays(t nn.Tensor) bool { return len(t.Shape) > 1 }

// zeros returns x if it has n elements, or else n zeros.
func zeros(x []float32, n int) []float32 {
	if len(x) != n {
		return make([]float32, n)
	}
	return x
}
