package train

import (
	"fmt"
	"slices"

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
	if !t.chunked() {
		return t.Encoder.Forward(t.x)
	}
	_, out := t.Encoder.Dims()
	t.z = t.z.Reshape(t.x.Rows, out)
	for i := 0; i < t.x.Rows; i += t.Chunk {
		j := min(i+t.Chunk, t.x.Rows)
		copyRows(t.z.Slice(i, j), t.Encoder.Forward(t.x.Slice(i, j)))
	}
	return t.z
}

// backward adds the gradients of the parameters, given t.dz, the gradient with respect
// to what embed returned.
func (t *Trainer) backward() error {
	if !t.chunked() {
		t.Encoder.Backward(t.dz)
		return nil
	}
	for i := 0; i < t.x.Rows; i += t.Chunk {
		j := min(i+t.Chunk, t.x.Rows)
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

// chunked reports whether the encoder sees fewer rows at a time than there are.
func (t *Trainer) chunked() bool { return t.Chunk > 0 && t.Chunk < t.x.Rows }

func copyRows(dst, src simd.Matrix) {
	for i := range dst.Rows {
		copy(dst.Row(i), src.Row(i))
	}
}
