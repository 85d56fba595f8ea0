package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/simd"
)

// A Trainer trains an encoder. Fields without a stated default are needed. The
// fields must not change while Run runs, nor the parts be used elsewhere.
type Trainer struct {
	Encoder   nn.Encoder
	Loss      infonce.Loss
	Optimizer optim.Optimizer
	Schedule  optim.Schedule
	Source    dataset.Source

	Batch int // samples a step; the source is asked for Views·Batch rows
	Views int // of a sample; 0 means 2
	Steps int // of the whole run, resumed or not

	// Chunk is the largest number of rows that the encoder sees at a time; 0 means all. Below
	// Views·Batch, its memory no longer grows with Batch, at the price of a second Forward of each
	// row (GradCache, Gao et al. 2021). The result has the same bits.
	Chunk int

	// KeyEncoder embeds the second views in place of Encoder and gets no gradient; nil means that
	// Encoder embeds both.
	KeyEncoder *MomentumEncoder

	// Queue keeps the embeddings of the second views as Negatives of later steps; nil means that
	// nothing is kept. It gets no gradient. Arrange must be Pairs, with two Views. With a KeyEncoder
	// this is MoCo (He et al. 2020); without one it is the cross-batch memory of Wang et al. (2020),
	// for which infonce.InfoNCE has InBatch. In the first step the queue is empty, and the negatives
	// of InfoNCE are the other second views of the batch.
	Queue *Queue

	// QueueAfter is the number of steps before Queue is filled and used; 0 means none. An encoder
	// that begins to learn moves fast, and may collapse while it runs away from its own past: Wang et
	// al. wait for 1000 steps. With a KeyEncoder there is no need.
	QueueAfter int

	// LearnedTemperature learns the temperature of Loss; nil means that it does not change.
	LearnedTemperature *LearnedTemperature

	// ClipNorm clips the Euclidean norm of the gradient of all parameters of Encoder to this value
	// (Pascanu et al. 2013, algorithm 1); 0 is off.
	ClipNorm float64

	// Arrange shows the embeddings of a step to the loss, and their gradient in the
	// same way: Pairs, Labelled or Triplets. nil means Pairs where there are two Views. Where
	// there are more it means Labelled, with the number of the sample as the label, so that all
	// views of a sample are positives of each other (infonce.SupCon).
	Arrange func(z simd.Matrix, labels []int) infonce.Batch

	// Dir is the folder of the last two checkpoints and the metrics, made where it is missing. A
	// run that was not resumed replaces those it finds. Empty means that nothing is written.
	Dir string

	// CheckpointEvery is the number of steps between checkpoints; 0 means that one is written only
	// before the first step and after the last.
	CheckpointEvery int

	// Config describes the run, as JSON or otherwise. It is kept in the checkpoint,
	// and a run can be resumed only under the same.
	Config string

	// Report is called after each step; nil means not at all.
	Report func(Progress)

	// Warn is called with a problem that does not stop the run: a damaged checkpoint that is replaced
	// by the one before it. nil means not at all.
	Warn func(error)

	step  int  // steps done
	saved int  // the step of the checkpoint that this run wrote or read, plus 1
	whole bool // that checkpoint is in CheckpointFile, and not in PreviousFile alone
	x     simd.Matrix
	z, dz simd.Matrix // the embeddings, where the encoder does not keep them, and their gradient
	grad  infonce.Batch
	ids   []int

	samples []int     // of the rows
	clips   []float32 // an integer: how often the gradient was clipped
}

// The files that a run keeps in its folder.
const (
	CheckpointFile = "checkpoint.safetensors"          // the state after a step
	PreviousFile   = "checkpoint.previous.safetensors" // the one before it
	MetricsFile    = "metrics.jsonl"                   // one object a step: step, loss, lr, grad_norm, temperature if it is learned, clipped with ClipNorm
)

// A Progress tells how a step went.
type Progress struct {
	infonce.Result
	Step     int     // counted from 0
	Rate     float32 // learning rate
	GradNorm float64 // Euclidean norm of the gradient of all parameters, before it is clipped
	Clipped  int     // steps, up to this one, whose gradient was clipped

	// Of a temperature that is learned; 0 where none is.
	Temperature float32 // of the loss in this step
	Clamps      int     // steps, up to this one, after which it was brought back into its range
}

// Run trains until all steps are done, from the first or from where [Trainer.Resume]
// or an earlier call left off.
//
// It looks at ctx between steps. When ctx is done it writes a checkpoint and returns
// an error that wraps ctx.Err(). Any other error is fatal: a sample, an
// embedding, a loss or a gradient that is not finite is an error that names the
// step and the tensor and leaves the parameters as they were before that step.
func (t *Trainer) Run(ctx context.Context) error {
	if err := t.run(ctx); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

func (t *Trainer) run(ctx context.Context) error {
	if err := t.check(); err != nil {
		return err
	}
	metrics, err := t.open()
	if err != nil {
		return err
	}
	defer metrics.close()
	for t.step < t.Steps {
		if err := ctx.Err(); err != nil {
			err = fmt.Errorf("stopped at step %d of %d: %w", t.step, t.Steps, err)
			if failed := t.save(metrics); failed != nil {
				err = fmt.Errorf("%w; %w", err, failed)
			}
			return err
		}
		p, err := t.advance(t.step)
		if err != nil {
			return fmt.Errorf("step %d: %w", t.step, err)
		}
		t.step++
		if err := metrics.add(p); err != nil {
			return err
		}
		if t.Report != nil {
			t.Report(p)
		}
		if t.CheckpointEvery > 0 && t.step%t.CheckpointEvery == 0 {
			if err := t.save(metrics); err != nil {
				return err
			}
		}
	}
	return t.save(metrics)
}

// open prepares the folder of the run. A new run writes its checkpoint at once: what
// keeps it from being written shows before the work, not after.
func (t *Trainer) open() (*metrics, error) {
	if t.Dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(t.Dir, 0o777); err != nil {
		return nil, err
	}
	for _, path := range []string{t.checkpoint(), t.previous()} {
		if err := data.RemoveStale(path); err != nil {
			return nil, err
		}
	}
	if t.step == 0 && t.saved == 0 {
		// What is left of another run is no checkpoint of this one.
		if err := os.Remove(t.previous()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err := t.save(nil); err != nil {
			return nil, err
		}
	}
	m, err := openMetrics(filepath.Join(t.Dir, MetricsFile), t.step)
	if err != nil {
		return nil, err
	}
	m.clipped = t.ClipNorm > 0
	return m, nil
}

func (t *Trainer) check() error {
	for _, part := range []struct {
		name    string
		missing bool
	}{
		{"encoder", t.Encoder == nil},
		{"loss", t.Loss == nil},
		{"optimizer", t.Optimizer == nil},
		{"schedule", t.Schedule == nil},
		{"source", t.Source == nil},
	} {
		if part.missing {
			return fmt.Errorf("no %s", part.name)
		}
	}
	if t.Batch < 1 || t.Steps < 0 || t.CheckpointEvery < 0 {
		return fmt.Errorf("batch %d, steps %d, every %d: want at least 1, 0 and 0", t.Batch, t.Steps, t.CheckpointEvery)
	}
	if t.Chunk < 0 || t.QueueAfter < 0 {
		return fmt.Errorf("chunk %d, memory after %d steps: want at least 0 and 0", t.Chunk, t.QueueAfter)
	}
	if !(t.ClipNorm >= 0) {
		return fmt.Errorf("clip is %v, want at least 0", t.ClipNorm)
	}
	if t.step > t.Steps {
		return fmt.Errorf("%d steps are done, want at most %d", t.step, t.Steps)
	}
	if err := cmp.Or(t.checkViews(), t.checkParts()); err != nil {
		return err
	}
	in, _ := t.Encoder.Dims()
	t.x = t.x.Reshape(t.views()*t.Batch, in)
	return nil
}

// checkParts looks at the parts that a run may do without.
func (t *Trainer) checkParts() error {
	return cmp.Or(t.checkMixing(), t.Queue.check(), t.KeyEncoder.check(t.Encoder.Params()), t.LearnedTemperature.start())
}

func (t *Trainer) views() int { return cmp.Or(t.Views, 2) }

// checkViews returns an error unless the parts agree on the number of views.
func (t *Trainer) checkViews() error {
	n := t.views()
	if n < 1 || n == 1 && t.Arrange == nil {
		return fmt.Errorf("%d views of a sample, want 2 or more, or an arrangement", n)
	}
	if _, ok := t.Encoder.(*nn.Dual); ok && n != 2 {
		return fmt.Errorf("%d views of a sample, want 2: the encoder has two towers", n)
	}
	if s, ok := t.Source.(dataset.Viewer); ok && s.ViewsPerSample() != n {
		return fmt.Errorf("the source gives %d views of each sample, want %d", s.ViewsPerSample(), n)
	}
	if n != 2 && (t.KeyEncoder != nil || t.Queue != nil) {
		return fmt.Errorf("%d views of a sample, want 2 with keys or a memory", n)
	}
	t.samples = t.samples[:0]
	for i := range n * t.Batch {
		t.samples = append(t.samples, i%t.Batch)
	}
	return nil
}

// checkMixing returns an error where the encoder is to see a part of a batch and needs all of it.
func (t *Trainer) checkMixing() error {
	if m, ok := t.Encoder.(nn.BatchDependent); !ok || !m.MixesRows() {
		return nil
	}
	switch {
	case t.Chunk > 0:
		return fmt.Errorf("chunk is %d, want 0: what the encoder makes of a row depends on the other rows", t.Chunk)
	case t.KeyEncoder != nil:
		return fmt.Errorf("key encoder: want none: what the encoder makes of a row depends on the other rows, which would be of one view")
	}
	return nil
}
