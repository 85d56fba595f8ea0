package train

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/simd"
)

// The loss of a batch needs the embeddings of all rows at once, but not what the
// encoder keeps of them on the way. So the encoder may see them in chunks (GradCache, Gao
// et al. 2021, section 3): the first time only the embeddings are kept, and once their
// gradient is known, each chunk is embedded again for the encoder to go back through it.
// That is a second Forward for memory that no longer grows with the batch.
//
// The chunks come in ascending order and the sums over rows go on from one to the
// next, so the gradients have the bits that one pass would give them.

// embed returns the embeddings of the rows of t.x.
func (t *Trainer) embed() simd.Matrix {
	n := t.taught()
	if n == t.x.Rows && n <= t.chunk() {
		return t.Encoder.Forward(t.x)
	}
	_, out := t.Encoder.Dims()
	t.z = t.z.Reshape(t.x.Rows, out)
	t.forward(t.Encoder, 0, n)
	if t.Keys != nil {
		t.forward(t.Keys.Encoder, n, t.x.Rows)
	}
	return t.z
}

// forward stores the embeddings of rows from to to−1 of t.x in t.z.
func (t *Trainer) forward(e nn.Encoder, from, to int) {
	for i := from; i < to; i += t.chunk() {
		j := min(i+t.chunk(), to)
		z, dst := e.Forward(t.x.Slice(i, j)), t.z.Slice(i, j)
		for r := range z.Rows {
			copy(dst.Row(r), z.Row(r))
		}
	}
}

// backward adds the gradients of the parameters, given t.dz, the gradient with respect
// to what embed returned.
func (t *Trainer) backward() error {
	n := t.taught()
	if n <= t.chunk() {
		t.Encoder.Backward(t.dz.Slice(0, n))
		return nil
	}
	for i := 0; i < n; i += t.chunk() {
		j := min(i+t.chunk(), n)
		z := t.Encoder.Forward(t.x.Slice(i, j))
		for r := range z.Rows {
			if !slices.Equal(z.Row(r), t.z.Row(i+r)) {
				return fmt.Errorf("encoder: row %d has another embedding the second time, want the same: it is the one that the gradient is of", i+r)
			}
		}
		t.Encoder.Backward(t.dz.Slice(i, j))
	}
	return nil
}

// chunk returns how many rows an encoder sees at a time.
func (t *Trainer) chunk() int {
	if t.Chunk == 0 {
		return t.x.Rows
	}
	return t.Chunk
}

// taught returns how many rows of t.x, from the first on, the trained encoder embeds.
func (t *Trainer) taught() int {
	if t.Keys != nil {
		return t.Batch
	}
	return t.x.Rows
}
