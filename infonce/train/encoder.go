package train

import "github.com/contrast-go/contrast/simd"

// An Encoder turns samples, the rows of a matrix, into embeddings.
//
// [Trainer.Chunk] asks for two things more: that the embedding of a row does not depend on
// the other rows, and that Backward carries its sums over rows on from what the gradients
// hold, in ascending order, so that two calls with some of the rows each add the bits that
// one with all of them would. An [MLP] does both.
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
