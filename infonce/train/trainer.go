package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
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

	// Chunk is the most rows that the encoder sees at a time; 0 means all. With fewer than
	// Views·Batch what it keeps of them no longer grows with Batch, for a second Forward of
	// each. The result has the same bits.
	Chunk int

	// Keys embeds the second views in place of Encoder and gets no gradient; nil means
	// that Encoder embeds both.
	Keys *MomentumEncoder

	// Memory keeps the embeddings of the second views, as Negatives of the steps to come;
	// nil means that nothing is kept. It gets no gradient. Arrange must be Pairs, of two Views. With Keys this
	// is MoCo (He et al. 2020); without, the cross-batch memory of Wang et al. (2020), for
	// which infonce.InfoNCE has InBatch. In the first step Memory is empty, and InfoNCE has the
	// other second views of the batch as negatives.
	Memory *Queue

	// MemoryAfter is the number of steps before Memory is filled and used; 0 means none. An
	// encoder that begins to learn moves fast, and may flee from its own past into a
	// collapse; Wang et al. wait for 1000 steps, with Keys there is no need.
	MemoryAfter int

	// Scale learns the temperature of Loss; nil means that it stays as it is.
	Scale *LogScale

	// Clip is the largest Euclidean norm of the gradient of all parameters of Encoder: a longer one
	// is shortened to it (Pascanu et al. 2013, algorithm 1). 0 means that none is.
	Clip float64

	// Arrange shows the embeddings of a step to the loss, and their gradient in the
	// same way: Pairs, Labelled or Triplets. nil means Pairs where there are two Views. Where
	// there are more it means Labelled, with the number of the sample as the label, so that all
	// views of a sample are positives of each other (infonce.SupCon).
	Arrange func(z simd.Matrix, labels []int) infonce.Batch

	// Dir is the folder of the last two checkpoints and the metrics, made where it is missing. A
	// run that was not resumed replaces those it finds. Empty means that nothing is written.
	Dir string

	// Every is the number of steps between checkpoints; 0 means that one is written
	// only before the first step and after the last.
	Every int

	// Config describes the run, as JSON or otherwise. It is kept in the checkpoint,
	// and a run can be resumed only under the same.
	Config string

	// Report is called after each step; nil means not at all.
	Report func(Progress)

	// Warn is called with what the run goes on in spite of: a damaged checkpoint whose place
	// the one before it takes. nil means not at all.
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
	MetricsFile    = "metrics.jsonl"                   // one object a step: step, loss, lr, grad_norm, temperature where it is learned, clipped with Clip
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
// an error that wraps ctx.Err(); all else that it returns is fatal: a sample, an
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
		if t.Every > 0 && t.step%t.Every == 0 {
			if err := t.save(metrics); err != nil {
				return err
			}
		}
	}
	return t.save(metrics)
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
	if t.Batch < 1 || t.Steps < 0 || t.Every < 0 {
		return fmt.Errorf("batch %d, steps %d, every %d: want at least 1, 0 and 0", t.Batch, t.Steps, t.Every)
	}
	if t.Chunk < 0 || t.MemoryAfter < 0 {
		return fmt.Errorf("chunk %d, memory after %d steps: want at least 0 and 0", t.Chunk, t.MemoryAfter)
	}
	if !(t.Clip >= 0) {
		return fmt.Errorf("clip is %v, want at least 0", t.Clip)
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
	return cmp.Or(t.checkMixing(), t.Memory.check(), t.Keys.check(t.Encoder.Params()), t.Scale.start())
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
	m.clipped = t.Clip > 0
	return m, nil
}

// advance makes one step of training. Its error leaves the parameters as they were.
func (t *Trainer) advance(step int) (Progress, error) {
	labels, err := t.Source.Next(step, t.x)
	if err != nil {
		return Progress{}, fmt.Errorf("source: %w", err)
	}
	z := t.embed()
	if err := t.checkEmbedding(z); err != nil {
		return Progress{}, err
	}

	batch := t.arrange(z, labels)
	if err := t.recall(step, &batch); err != nil {
		return Progress{}, err
	}
	t.dz = t.dz.Reshape(z.Rows, z.Cols)
	clear(t.dz.Data)
	t.grad = t.arrange(t.dz, nil)
	result, err := t.Loss.Evaluate(batch, &t.grad, 1)
	if err != nil {
		return Progress{}, err
	}
	if !finite(result.Loss) {
		return Progress{}, fmt.Errorf("loss is %v, want a finite number", result.Loss)
	}
	if err := checkMatrix("gradient", "embedding", t.dz); err != nil {
		return Progress{}, err
	}

	params := t.Encoder.Params()
	clear(params.Grads)
	if err := t.backward(); err != nil {
		return Progress{}, err
	}
	norm, err := gradientNorm(params)
	if err != nil {
		return Progress{}, err
	}
	if err := t.Scale.load(result.DTemperature); err != nil {
		return Progress{}, err
	}

	rate := t.Schedule.Rate(step)
	if !finite(float64(rate)) {
		return Progress{}, fmt.Errorf("learning rate is %v, want a finite number", rate)
	}
	p := Progress{Result: result, Step: step, Rate: rate, GradNorm: norm}
	t.Scale.step(&p)
	t.clip(&p, params)
	t.Optimizer.Step(params, step, rate)
	t.remember(step, batch)
	return p, nil
}

// checkEmbedding returns an error where what went into the step or came out of the
// encoder is not finite. The samples are looked at on their own because max(0, −∞) is
// finite.
func (t *Trainer) checkEmbedding(z simd.Matrix) error {
	if err := checkMatrix("source", "sample", t.x); err != nil {
		return err
	}
	err := checkMatrix("encoder", "embedding", z)
	if err == nil {
		return nil
	}
	for _, p := range t.Encoder.Params().Tensors { // the cause, where it is among them
		if err := checkMatrix("parameter", p.Name, asMatrix(p.Shape, p.Values)); err != nil {
			return err
		}
	}
	return err
}

// gradientNorm returns the Euclidean norm of all gradients, or an error that names
// the tensor where they are not finite.
func gradientNorm(p *nn.Params) (float64, error) {
	var sum float64
	for _, t := range p.Tensors {
		sum += float64(simd.Dot(t.Grads, t.Grads))
	}
	if finite(sum) {
		return math.Sqrt(sum), nil
	}
	for _, t := range p.Tensors {
		if err := checkMatrix("gradient", t.Name, asMatrix(t.Shape, t.Grads)); err != nil {
			return 0, err
		}
	}
	sum = 0 // only the squares overflowed
	for _, g := range p.Grads {
		sum += float64(float64(g) * float64(g))
	}
	return math.Sqrt(sum), nil
}

// asMatrix returns a tensor as a matrix of as many columns as its last dimension.
func asMatrix(shape []int, values []float32) simd.Matrix {
	cols := 1
	if len(shape) > 0 {
		cols = max(shape[len(shape)-1], 1)
	}
	return simd.Matrix{Rows: len(values) / cols, Cols: cols, Stride: cols, Data: values}
}

// checkMatrix returns an error that names the first number of m that is not finite.
func checkMatrix(op, name string, m simd.Matrix) error {
	for i := range m.Rows {
		row := m.Row(i)
		// The sum of squares is finite only if the row is.
		if finite(float64(simd.Dot(row, row))) {
			continue
		}
		for j, v := range row {
			if !finite(float64(v)) {
				return &infonce.NonFiniteError{Op: op, Arg: name, Row: i, Col: j, Value: v}
			}
		}
	}
	return nil
}

func finite(x float64) bool { return x-x == 0 }

// Resume goes on from the checkpoint in Dir that [LastCheckpoint] reads: it takes over its
// parameters, the state of the optimiser and of all that the run remembers, and the number of
// steps done, which it returns. The run that follows is the rest of the one that wrote it,
// bit for bit. Warn is told where the newest checkpoint is damaged and the one before it is used.
//
// The error wraps fs.ErrNotExist where there is no checkpoint; it is not nil either
// where both are damaged, of another version, or of a run with another Config or
// other parts. Nothing is changed then.
func (t *Trainer) Resume() (step int, err error) {
	if t.Dir == "" || t.Encoder == nil || t.Optimizer == nil {
		return 0, errors.New("resume: want a folder, an encoder and an optimizer")
	}
	if err := t.checkParts(); err != nil {
		return 0, fmt.Errorf("resume: %w", err)
	}
	c, damage, err := LastCheckpoint(t.Dir)
	if err != nil {
		return 0, err
	}
	state := t.state()
	switch {
	case c.Config != t.Config:
		err = fmt.Errorf("config: %s", difference(c.Config, t.Config))
	case c.Step > t.Steps:
		err = fmt.Errorf("step: got %d, want at most %d", c.Step, t.Steps)
	default:
		err = sealed.Match(c.Tensors, state)
	}
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %s: %w", c.path, err)
	}
	if damage != nil && t.Warn != nil {
		t.Warn(fmt.Errorf("going on from %s, of step %d: %w", c.path, c.Step, damage))
	}
	sealed.Copy(state, c.Tensors)
	t.step, t.saved, t.whole = c.Step, c.Step+1, damage == nil
	return c.Step, nil
}

func (t *Trainer) checkpoint() string { return filepath.Join(t.Dir, CheckpointFile) }
func (t *Trainer) previous() string   { return filepath.Join(t.Dir, PreviousFile) }

// save writes a checkpoint unless there is one of this step or no folder for it, and keeps the
// one before it, unless it is damaged or of another run. The metrics of its steps are
// on the disk before it is.
func (t *Trainer) save(m *metrics) error {
	if t.Dir == "" || t.saved == t.step+1 {
		return nil
	}
	if err := m.sync(); err != nil {
		return err
	}
	c := Checkpoint{Step: t.step, Config: t.Config, Tensors: t.state()}
	previous := ""
	if t.whole {
		previous = t.previous()
	}
	if err := c.write(t.checkpoint(), previous); err != nil {
		return err
	}
	t.saved, t.whole = t.step+1, true
	return nil
}

// state returns what a checkpoint keeps, in the memory of the parts.
func (t *Trainer) state() []data.Tensor {
	var state []data.Tensor
	keep := func(part string, tensors []data.Tensor) {
		for _, s := range tensors {
			s.Name = part + "." + s.Name
			state = append(state, s)
		}
	}
	params := t.Encoder.Params()
	keep("model", nn.State(t.Encoder))
	keep("optimizer", t.Optimizer.State(len(params.Values)))
	if t.Keys != nil {
		keep("keys", t.Keys.Encoder.Params().State())
	}
	if t.Memory != nil {
		_, width := t.Encoder.Dims()
		keep("memory", t.Memory.State(width))
	}
	if t.Scale != nil {
		keep("temperature", t.Scale.state())
	}
	if t.Clip > 0 {
		keep("clip", t.clipState())
	}
	return state
}

// checkMixing returns an error where the encoder is to see a part of a batch and needs all of it.
func (t *Trainer) checkMixing() error {
	if m, ok := t.Encoder.(nn.BatchDependent); !ok || !m.MixesRows() {
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
