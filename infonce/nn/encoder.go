package nn

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// An Encoder turns samples, the rows of a matrix, into embeddings.
//
// Training in chunks (train.Trainer.Chunk) asks for two more things: the embedding of a row does not
// depend on the other rows (see [BatchDependent]), and Backward continues its sums over rows from what
// the gradients hold, in ascending order, so that several calls with a part of the rows each give the
// bits of one call with all of them. An [MLP] does both, and so does a [CNN] without batch norm.
type Encoder interface {
	// Params returns the parameters. They are the same memory at every call.
	Params() *Params

	// Dims returns the columns of a sample and of an embedding.
	Dims() (in, out int)

	// Forward returns the embeddings of the rows of x. They stay valid, and x must
	// not change, until the call of Backward or the next of Forward.
	Forward(x simd.Matrix) simd.Matrix

	// Backward adds to the gradients of the parameters those that follow from dz,
	// the gradient with respect to what the last call of Forward returned.
	Backward(dz simd.Matrix)
}

// A BatchDependent is an encoder that says whether the embedding of a row depends on the other rows of
// the batch, as with batch norm. If so, it must see all rows of a step at once.
type BatchDependent interface {
	MixesRows() bool
}

// A Stateful encoder remembers more than its parameters, such as the statistics that batch norm takes
// in place of those of a batch. A checkpoint keeps them.
type Stateful interface {
	// State returns what the encoder remembers, in its memory: to be written to a file, or
	// overwritten by what was read from one.
	State() []data.Tensor
}

// State returns the parameters of e and, of a [Stateful] encoder, its state, in the memory of e.
func State(e Encoder) []data.Tensor {
	tensors := e.Params().State()
	if s, ok := e.(Stateful); ok {
		tensors = append(tensors, s.State()...)
	}
	return tensors
}

// A MemoryEstimator is an encoder that tells how many bytes it keeps beside its parameters and their
// gradients once it has passed so many rows forward and backward, about.
type MemoryEstimator interface {
	ActivationBytes(rows int) int64
}

// ActivationBytes returns the estimate of e, or 0 if e is no [MemoryEstimator].
func ActivationBytes(e Encoder, rows int) int64 {
	if e, ok := e.(MemoryEstimator); ok {
		return e.ActivationBytes(rows)
	}
	return 0
}
