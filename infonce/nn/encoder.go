package nn

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// An Encoder turns samples, the rows of a matrix, into embeddings.
//
// Training in chunks (train.Trainer.Chunk) requires two more things: the embedding of a row does
// not depend on other rows (see [BatchDependent]), and Backward sums over rows in ascending order,
// continuing from what the gradients hold, so that calls for parts of a batch give the bits of one
// call for all of it. An [MLP] does both, and so does a [CNN] without batch norm.
type Encoder interface {
	// Params returns the parameters: the same memory at every call.
	Params() *Params

	// Dims returns the width of a sample and of an embedding.
	Dims() (in, out int)

	// Forward returns the embeddings of the rows of x. They are valid, and x must not change, until
	// Backward or the next Forward is called.
	Forward(x simd.Matrix) simd.Matrix

	// Backward adds the gradients of the parameters to Params().Grads, given dz, the gradient with
	// respect to the output of the last Forward.
	Backward(dz simd.Matrix)
}

// A BatchDependent encoder tells whether the embedding of a row depends on other rows of the batch,
// as with batch norm. If so, it must be given all rows of a step at once.
type BatchDependent interface {
	MixesRows() bool
}

// A Stateful encoder has state beside its parameters, such as the running statistics of batch norm.
// Checkpoints and model files contain it.
type Stateful interface {
	// State returns the state in memory of the encoder, to be written to a file, or to be
	// overwritten with what was read from one.
	State() []data.Tensor
}

// State returns the parameters of e and, if e is [Stateful], its state, in memory of e.
func State(e Encoder) []data.Tensor {
	tensors := e.Params().State()
	if s, ok := e.(Stateful); ok {
		tensors = append(tensors, s.State()...)
	}
	return tensors
}

// A MemoryEstimator is an encoder that estimates its memory: the bytes that it holds after a
// Forward and Backward of rows, without its parameters and gradients.
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
