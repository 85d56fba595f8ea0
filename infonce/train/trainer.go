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

// A Trainer trains an encoder. Fields without a stated default are required. While Run runs, the
// fields must not change, and the parts must not be used elsewhere.
type Trainer struct {
	Encoder   nn.Encoder
	Loss      infonce.Loss
	Optimizer optim.Optimizer
	Schedule  optim.Schedule
	Source    dataset.Source

	Batch int // samples a step; a step has Views·Batch rows
	Views int // views of a sample; 0 means 2
	Steps int // of the whole run, those before a Resume included

	// Chunk is the largest number of rows that the encoder is given at a time; 0 means all. With a
	// Chunk below Views·Batch, the memory of the encoder does not grow with Batch, at the price of
	// a second Forward (GradCache, Gao et al. 2021). Results have the same bits.
	Chunk int

	// KeyEncoder embeds the second views in place of Encoder, without a gradient; nil means that
	// Encoder embeds both.
	KeyEncoder *MomentumEncoder

	// Queue keeps embeddings of second views as Negatives of later steps, without a gradient; nil
	// means none. Arrange must be Pairs, with two Views. With a KeyEncoder this is MoCo (He et al.
	// 2020); without one it is the cross-batch memory of Wang et al. (2020), for which
	// infonce.InfoNCE has InBatch. In the first step the queue is empty, and InfoNCE uses the other
	// second views of the batch as negatives.
	Queue *Queue

	// QueueAfter is the number of steps before Queue is filled and used; 0 means none. Early in
	// training embeddings change fast, and an encoder that is pushed away from its own stale
	// embeddings may collapse: Wang et al. wait 1000 steps. With a KeyEncoder there is no need to.
	QueueAfter int

	// LearnedTemperature learns the temperature of Loss; nil means that it is fixed.
	LearnedTemperature *LearnedTemperature

	// ClipNorm bounds the Euclidean norm of the gradient of all parameters of Encoder, by scaling
	// longer gradients down (Pascanu et al. 2013, algorithm 1); 0 means no bound.
	ClipNorm float64

	// Arrange turns the embeddings of a step into the batch of the loss, and their gradient
	// likewise: [Pairs], [Labelled] or [Triplets]. nil means Pairs with two Views; with more it
	// means Labelled by sample, so that all views of a sample are positives of each other
	// (infonce.SupCon).
	Arrange func(z simd.Matrix, labels []int) infonce.Batch

	// IgnoreIDs keeps it from the loss which samples of a batch are the same thing, unless there is
	// a Queue. It is for resuming runs of versions before 0.1, which did so.
	IgnoreIDs bool

	// Dir is the folder for the last two checkpoints and the metrics, created if missing. A run
	// that was not resumed replaces those it finds there. Empty means that nothing is written.
	Dir string

	// CheckpointEvery is the number of steps between checkpoints; 0 means only one before the first
	// step and one after the last.
	CheckpointEvery int

	// Config describes the run, as JSON or otherwise. It is stored in checkpoints, and a run can
	// only be resumed with the same one.
	Config string

	// Report is called after each step, unless it is nil.
	Report func(Progress)

	// Warn is called with problems that do not stop the run, unless it is nil: a damaged checkpoint
	// that the one before it replaces.
	Warn func(error)

	step  int  // steps done
	saved int  // 1 + the step of the checkpoint that this run last wrote or read; 0 means none
	whole bool // that checkpoint is in CheckpointFile, not only in PreviousFile
	x     simd.Matrix
	z, dz simd.Matrix // the embeddings, unless the encoder holds them, and their gradient
	grad  infonce.Batch
	ids   []int

	samples []int     // the sample of each row
	clips   intTensor // one integer: how often the gradient was clipped
}

// The files that a run writes to its folder.
const (
	CheckpointFile = "checkpoint.safetensors"          // the newest checkpoint
	PreviousFile   = "checkpoint.previous.safetensors" // the one before it

	// MetricsFile has one JSON object a step: step, loss, lr, grad_norm, temperature if that is
	// learned, and clipped with a ClipNorm.
	MetricsFile = "metrics.jsonl"
)

// A Progress reports a step.
type Progress struct {
	infonce.Result
	Step     int     // counted from 0
	Rate     float32 // learning rate
	GradNorm float64 // Euclidean norm of the gradient of all parameters, before clipping
	Clipped  int     // number of steps so far whose gradient was clipped

	// With a LearnedTemperature; otherwise 0.
	Temperature float32 // used by the loss in this step
	Clamps      int     // number of steps so far after which it was clamped to its range
}

// Run trains until all steps are done, starting from the first or from where [Trainer.Resume] or an
// earlier call left off.
//
// It checks ctx between steps. When ctx is done, it writes a checkpoint and returns an error that
// wraps ctx.Err(). Any other error is fatal. If a sample, an embedding, a loss or a gradient is not
// finite, the error names the step and the tensor, and the parameters are those before that step.
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

// open prepares the folder of the run. A new run writes a checkpoint at once, so that a folder that
// cannot be written to is noticed before the work and not after it.
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
		// The checkpoint of an earlier run must not be taken for one of this run.
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

// check returns an error unless the settings make sense, and prepares the memory of a step.
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
		return fmt.Errorf("batch %d, steps %d, checkpoint every %d: want at least 1, 0 and 0", t.Batch, t.Steps, t.CheckpointEvery)
	}
	if t.Chunk < 0 || t.QueueAfter < 0 {
		return fmt.Errorf("chunk %d, queue after %d steps: want at least 0 and 0", t.Chunk, t.QueueAfter)
	}
	if !(t.ClipNorm >= 0) {
		return fmt.Errorf("clip norm is %v, want at least 0", t.ClipNorm)
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

// checkParts checks the optional parts.
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
		return fmt.Errorf("%d views of a sample, want 2 with a key encoder or a queue", n)
	}
	t.samples = t.samples[:0]
	for i := range n * t.Batch {
		t.samples = append(t.samples, i%t.Batch)
	}
	return nil
}

// checkMixing returns an error if the encoder would be given parts of a batch but needs all of it.
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
