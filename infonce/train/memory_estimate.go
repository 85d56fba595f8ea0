package train

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/simd"
)

// MemoryEstimate estimates the peak memory of a run in bytes, within 20 % above some ten megabytes:
// parameters, gradients, the state of the optimizer, activations, the scratch memory of the loss,
// and data in memory. Activations of an Encoder that is no [nn.MemoryEstimator] count as 0, and so
// does the memory of a loss or source that does not estimate it.
//
// The program itself takes some ten megabytes more, Resume the size of a checkpoint while it reads
// one, and the garbage collector what GOGC and GOMEMLIMIT allow. The error is that of
// [Trainer.Run].
func (t *Trainer) MemoryEstimate() (int64, error) {
	if err := t.check(); err != nil {
		return 0, err
	}
	in, out := t.Encoder.Dims()
	rows, n := t.x.Rows, len(t.Encoder.Params().Values)
	total := 8*int64(n) + stateBytes(t.Optimizer, n)
	total += 4 * int64(rows) * int64(in+out) // samples, and the gradient of the embeddings
	if t.KeyEncoder != nil || rows > t.chunk() {
		total += 4 * int64(rows) * int64(out) // the embeddings
	}
	total += nn.ActivationBytes(t.Encoder, min(t.chunk(), t.trainedRows()))
	if t.KeyEncoder != nil {
		total += 8 * int64(n)
		// It keeps outputs, but neither gradients nor packed inputs.
		total += nn.ActivationBytes(t.KeyEncoder.Encoder, min(t.chunk(), t.Batch)) / 3
	}
	t.dz = t.dz.Reshape(rows, out) // as a step does
	b := t.arrange(t.dz, t.samples)
	if t.Queue != nil {
		total += 4 * int64(t.Queue.Size) * int64(out+intLen)
		b.Negatives = simd.Matrix{Rows: t.Queue.Size, Cols: out}
	}
	total += infonce.MemoryEstimate(t.Loss, b)
	if s, ok := t.Source.(dataset.Sized); ok {
		total += s.Bytes()
	}
	return total, nil
}

// stateBytes returns the size of the state for n parameters. An optimizer that does not estimate it
// has to allocate it.
func stateBytes(o optim.Optimizer, n int) (total int64) {
	if o, ok := o.(optim.MemoryEstimator); ok {
		return o.StateBytes(n)
	}
	for _, s := range o.State(n) {
		total += 4 * int64(len(s.Data))
	}
	return total
}
