package train

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// An Encoder turns samples, the rows of a matrix, into embeddings.
//
// [Trainer.Chunk] asks for two things more: that the embedding of a row does not depend on
// the other rows (see [Mixer]), and that Backward carries its sums over rows on from what the gradients
// hold, in ascending order, so that two calls with some of the rows each add the bits that
// one with all of them would. An [MLP] does both, and a [CNN] without batch norm.
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

// A Mixer is an encoder that tells whether what Forward makes of a row depends on which other rows
// it is given, as with batch norm. Then it must see all rows of a step at once.
type Mixer interface {
	MixesRows() bool
}

// A Stateful encoder remembers more than its parameters, such as the statistics that batch norm takes
// in place of those of a batch. A checkpoint keeps them.
type Stateful interface {
	// State returns what the encoder remembers, in its memory: to be written to a file, or
	// overwritten by what was read from one.
	State() []data.Tensor
}

// encoderTensors returns the parameters and the state of e, in its memory.
func encoderTensors(e Encoder) []data.Tensor {
	tensors := asData(e.Params().Tensors)
	if s, ok := e.(Stateful); ok {
		tensors = append(tensors, s.State()...)
	}
	return tensors
}

// checkMixing returns an error where the encoder is to see a part of a batch and needs all of it.
func (t *Trainer) checkMixing() error {
	if m, ok := t.Encoder.(Mixer); !ok || !m.MixesRows() {
		return nil
	}
	switch {
	case t.Chunk > 0:
		return fmt.Errorf("chunk is %d, want 0: what the encoder makes of a row depends on the other rows", t.Chunk)
	case t.Keys != nil:
		return fmt.Errorf("keys: want none: what the encoder makes of a row depends on the other rows, which would be of one view")
	}
	return nil
}
