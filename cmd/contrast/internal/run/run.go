// Package run makes runs: it settles what a run is, trains, evaluates, and keeps all of it
// in a folder.
package run

import (
	"errors"
	"fmt"
	"io"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// Options are how a run is made and where it is kept. No weight depends on them.
type Options struct {
	Out             string `placeholder:"DIR" help:"Folder of the run. Default: the first of runs/001, runs/002, … that is free."`
	Resume          bool   `xor:"out,config" help:"Continue from the checkpoint in --out, with its settings."`
	Force           bool   `xor:"out" help:"Replace the run in --out."`
	CheckpointEvery int    `default:"500" placeholder:"N" help:"Steps between checkpoints; 0 writes one at the end only. Default ${default}."`
	Workers         int    `placeholder:"N" help:"Goroutines to use; no result depends on it. Default: as many as GOMAXPROCS."`
	Chunk           int    `placeholder:"N" help:"Samples to encode at a time, to save memory; no result depends on it. Default: the whole batch."`
	Report          bool   `help:"Write report.html, one file that needs no network, into --out during training and at the end."`
	Serve           string `placeholder:"ADDR" help:"Show the report during training at an address such as 127.0.0.1:8080; port 0 is any free one."`
	ServeAll        bool   `help:"Let other machines connect to --serve. The page shows the data and has no password."`
	TensorBoard     bool   `name:"tensorboard" help:"Write the curves as an event file, for tensorboard --logdir DIR."`
}

// MaxWorkers bounds --workers, each of which has memory of its own.
const MaxWorkers = 1024

// CheckWorkers returns an error for a number of workers that is out of range.
func CheckWorkers(n int) error {
	if n < 0 || n > MaxWorkers {
		return fmt.Errorf("--workers is %d, want 0 to %d", n, MaxWorkers)
	}
	return nil
}

// check returns an error for an option that is out of range or lacks another.
func (o *Options) check() error {
	if err := CheckWorkers(o.Workers); err != nil {
		return err
	}
	switch {
	case o.Chunk < 0:
		return fmt.Errorf("--chunk is %d, want 0 or more", o.Chunk)
	case o.CheckpointEvery < 0:
		return fmt.Errorf("--checkpoint-every is %d, want 0 or more", o.CheckpointEvery)
	case o.ServeAll && o.Serve == "":
		return errors.New("--serve-all is for --serve ADDR")
	case o.Out == "" && (o.Resume || o.Force):
		return errors.New("--resume and --force need the folder of the run: --out DIR")
	}
	return nil
}

// A UsageError says that flags are wrong, as opposed to what they name.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// A Run is a run whose settings are settled and whose data are open.
type Run struct {
	Options
	Settings *settings.Settings
	Dataset  dataset.Dataset

	trainer *train.Trainer
	encoder nn.Model
	folder  folder
	memory  memoryPlan
}

// Resolve settles the settings of a run: those that were given, then those of the checkpoint
// that it resumes, or the defaults that follow from the data, which it opens. It writes
// nothing, but tells on w what an old name means now.
func Resolve(w io.Writer, flags *settings.Settings, given settings.Given, o Options) (*Run, error) {
	if err := o.check(); err != nil {
		return nil, &UsageError{err}
	}
	r := &Run{Options: o, folder: folder(o.Out), memory: newMemoryPlan()}
	flags.Data = dataset.FullName(flags.Data)
	text, err := "", error(nil)
	if o.Resume {
		text, err = r.resume(w, flags, given)
	} else {
		err = r.begin(w, flags, given)
	}
	if err != nil {
		return nil, err
	}
	return r, r.build(text)
}

// begin settles a new run.
func (r *Run) begin(w io.Writer, flags *settings.Settings, given settings.Given) (err error) {
	moveMomentum(w, flags, given, flags)
	early := settings.Settle(flags, given, nil)
	if err := check(early); err != nil {
		return err
	}
	if r.Dataset, err = dataset.Open(early.Source, early.Augment); err != nil {
		return err
	}
	facts := r.Dataset.Facts()
	r.Settings = settings.Settle(flags, given, &facts)
	return check(r.Settings)
}

// moveMomentum tells of a flag that has another meaning now in a run with the loss and the
// optimizer of s.
func moveMomentum(w io.Writer, flags *settings.Settings, given settings.Given, s *settings.Settings) {
	if text := settings.MoveMomentum(flags, given, s.Loss, s.Optimizer); text != "" {
		fmt.Fprintf(w, "contrast: %s\n", text)
	}
}

func check(s *settings.Settings) error {
	err := s.Check()
	if err == nil {
		err = s.CheckTogether()
	}
	if err != nil {
		return &UsageError{err}
	}
	return nil
}

// resume takes the settings of the checkpoint, and returns its text. A flag that was given
// must say the same.
func (r *Run) resume(w io.Writer, flags *settings.Settings, given settings.Given) (text string, err error) {
	c, _, err := train.LastCheckpoint(string(r.folder)) // Trainer.Resume tells of a damaged one
	if err != nil {
		return "", fmt.Errorf("--resume: %w", err)
	}
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("--resume: checkpoint: %s: %w", r.folder, err)
	}
	saved, digest, err := settings.Parse(c.Config)
	if err != nil {
		return fail(err)
	}
	moveMomentum(w, flags, given, saved)
	s := *saved
	s.Override(flags, given)
	if err := s.Difference(saved); err != nil {
		return fail(err)
	}
	if r.Dataset, err = dataset.Open(s.Source, s.Augment); err != nil {
		return "", err
	}
	got, err := r.Dataset.Digest()
	if err != nil {
		return "", err
	}
	if got != digest {
		return fail(fmt.Errorf("config: got data with digest %s, want %s: the data have changed", short(got), short(digest)))
	}
	if settings.Earlier(c.Config) && (saved.Supervised || saved.Kind() == settings.Pairs) {
		fmt.Fprintln(w, "note: a run of the version before: in each step, samples of one class and equal documents stay negatives of each other")
	}
	r.Settings = saved
	return c.Config, nil
}

func short(digest string) string { return fmt.Sprintf("%.12s…", digest) }

// build makes the trainer. The text of its checkpoints is that of the run it resumes, or
// that of its settings where text is empty.
func (r *Run) build(text string) error {
	s, workers := r.Settings, r.Workers
	facts := r.Dataset.Facts()
	if s.NeedsLabels() && !facts.Labelled {
		return r.missingLabels()
	}
	source, arrange, err := r.Dataset.Batches(dataset.Sampling{
		Sampling: s.Sampling, ByLabel: s.ByLabel(), Batch: s.Batch, Seed: s.Seed, Workers: workers,
	})
	if err != nil {
		return err
	}
	if n := facts.Samples; s.Batch > n {
		return fmt.Errorf("--batch is %d, want at most %d, the samples to train on", s.Batch, n)
	}
	if r.encoder, err = s.NewEncoder(facts); err != nil {
		return err
	}
	r.encoder.SetWorkers(workers)
	if text == "" {
		digest, err := r.Dataset.Digest()
		if err != nil {
			return err
		}
		if text, err = s.Text(digest); err != nil {
			return err
		}
	}
	loss, temperature := s.NewLoss(workers)
	r.trainer = &train.Trainer{
		Encoder: r.encoder, Loss: loss, Source: source, Arrange: arrange,
		Optimizer: s.NewOptimizer(workers), Schedule: s.NewSchedule(), ClipNorm: s.ClipNorm,
		Batch: s.Batch, Views: s.RowsPerSample(), Steps: s.Steps,
		IgnoreIDs: settings.Earlier(text), // as the steps that it made already
		Config:    text, Dir: r.Out, CheckpointEvery: r.CheckpointEvery, Chunk: r.Chunk,
	}
	if s.Queue > 0 {
		r.trainer.Queue, r.trainer.QueueAfter = &train.Queue{Size: s.Queue}, s.QueueAfter
	}
	if s.Loss == "moco" {
		r.trainer.KeyEncoder = &train.MomentumEncoder{Encoder: nn.CloneModel(r.encoder), Momentum: s.EMA, Workers: workers}
	}
	if s.LearnTemperature {
		r.trainer.LearnedTemperature = &train.LearnedTemperature{Temperature: temperature}
	}
	return nil
}

func (r *Run) missingLabels() error {
	s, others := r.Settings, settings.LossNames(false)
	switch s.Kind() {
	case settings.Pairs:
		return errors.New("--supervised and --distinct need classes, which pairs do not have")
	case settings.Images:
		return fmt.Errorf("%s has images without labels, which --loss %s, --supervised or --distinct need; want one of --loss %s", s.Data, s.Loss, others)
	}
	return fmt.Errorf("%s has no classes, which --loss %s, --supervised or --distinct need: --labels FILE, or one of --loss %s", s.Data, s.Loss, others)
}

// title names the run in pictures.
func (r *Run) title() string {
	return fmt.Sprintf("%s on %s", r.Settings.LossTitle(), r.Dataset.Name())
}
