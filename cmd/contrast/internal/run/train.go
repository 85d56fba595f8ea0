package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/interrupt"
	"github.com/contrast-go/contrast/cmd/contrast/internal/view"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/cpu"
)

// ErrInterrupted says that a signal stopped a run.
var ErrInterrupted = errors.New("interrupted")

// A Report is what --json prints of a run.
type Report struct {
	Loss          float64            `json:"loss"` // of the last step
	Steps         int                `json:"steps"`
	Seconds       float64            `json:"seconds"` // of the steps that this process made
	Level         string             `json:"level"`
	WeightsSHA256 string             `json:"weights_sha256"`
	Temperature   float32            `json:"temperature,omitempty"` // that was learned
	Eval          evaluation.Report  `json:"eval"`                  // augmented queries
	Clean         *evaluation.Report `json:"clean,omitempty"`       // queries without augmentation
	PlannedBytes  int64              `json:"planned_bytes"`
	PeakBytes     int64              `json:"peak_bytes,omitempty"` // of this process, where the system tells
	Out           string             `json:"out"`
}

// Train trains and evaluates. It tells people on w how it goes. All input is checked before
// the folder of the run is touched.
func (r *Run) Train(ctx context.Context, w io.Writer) (*Report, error) {
	if err := r.memory.add(r.trainer, r.Dataset); err != nil {
		return nil, err
	}
	r.trainer.Warn = func(err error) { fmt.Fprintf(w, "warning: %v\n", err) }
	first := 0
	if r.Resume {
		unlock, err := r.folder.lock()
		if err != nil {
			return nil, err
		}
		defer unlock()
		if first, err = r.trainer.Resume(); err != nil {
			return nil, err
		}
	}
	server, err := serve(ctx, w, r.Serve, r.ServeAll)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	if !r.Resume {
		var unlock func()
		if r.folder, unlock, err = r.folder.claim(r.Force); err != nil {
			return nil, err
		}
		defer unlock()
		r.trainer.Dir = string(r.folder)
	}
	o := &observer{run: r, w: w, server: server, first: first}
	if err := r.train(ctx, o); err != nil {
		return nil, err
	}
	return r.finish(o)
}

// train makes the steps that are left.
func (r *Run) train(ctx context.Context, o *observer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	o.start = time.Now()
	r.trainer.Report = func(s train.Progress) {
		if err := o.step(s); err != nil {
			stop(err)
		}
	}
	err := interrupt.Guard(func() error { return r.trainer.Run(ctx) })
	o.seconds = time.Since(o.start).Seconds()
	if failed := o.close(); failed != nil {
		return failed
	}
	switch cause := context.Cause(ctx); {
	case !errors.Is(err, context.Canceled):
		return err
	case !errors.Is(cause, context.Canceled): // of the observer
		return cause
	}
	saved, readErr := train.ReadCheckpoint(r.folder.path(train.CheckpointFile))
	if readErr != nil {
		return fmt.Errorf("%w: %w", err, readErr)
	}
	return fmt.Errorf("%w: the checkpoint holds step %d of %d; go on with: contrast train --resume --out %s",
		ErrInterrupted, saved.Step, r.Settings.Steps, shellQuote(string(r.folder)))
}

// finish draws the pictures, evaluates, and writes the model last, because its presence
// tells a finished run.
func (r *Run) finish(o *observer) (*Report, error) {
	curves, err := view.ReadCurves(r.folder.path(train.MetricsFile))
	if err != nil {
		return nil, err
	}
	if err := interrupt.Guard(func() error { return view.DrawLosses(r.folder.path(CurveFile), r.title(), curves.Loss) }); err != nil {
		return nil, err
	}
	f, err := r.evaluate()
	if err != nil {
		return nil, err
	}
	if err := r.show(o, curves, f); err != nil {
		return nil, err
	}
	if err := interrupt.Guard(func() error { return nn.WriteModel(r.folder.path(ModelFile), r.encoder) }); err != nil {
		return nil, err
	}
	report := r.report(f)
	report.Loss, report.Seconds = curves.Loss[len(curves.Loss)-1], o.seconds
	r.print(o.w, f, report)
	return report, nil
}

// findings are what the evaluation of a run found.
type findings struct {
	evaluation evaluation.Evaluation
	embedders  []evaluation.Embedder
	answers    []evaluation.Answer // one for each embedder
}

func (f *findings) first() evaluation.Answer { return f.answers[0] }
func (f *findings) last() evaluation.Answer  { return f.answers[len(f.answers)-1] }

func (r *Run) evaluate() (*findings, error) {
	untrained, err := r.Settings.NewEncoder(r.Dataset.Facts())
	if err != nil {
		return nil, err
	}
	untrained.SetWorkers(r.Workers)
	e, err := evaluation.New(r.Dataset, r.Workers)
	if err != nil {
		return nil, err
	}
	f := &findings{evaluation: e, embedders: evaluation.Embedders(e, untrained, r.encoder, "embedding")}
	for _, how := range f.embedders {
		a, err := e.Evaluate(how)
		if err != nil {
			return nil, err
		}
		f.answers = append(f.answers, a)
	}
	return f, nil
}

// show draws neighbours, and the last page.
func (r *Run) show(o *observer, curves view.Curves, f *findings) error {
	if e, ok := f.evaluation.(*evaluation.Retrieval); ok {
		if err := interrupt.Guard(func() error { return view.DrawNeighbours(r.folder.path(GridFile), e, f.first(), f.last()) }); err != nil {
			return err
		}
	}
	if !o.hasPage() {
		return nil
	}
	probes, err := evaluation.ReadProbes(r.folder.path(MonitorFile), r.Settings.Steps)
	if err != nil {
		return err
	}
	h, err := evaluation.NewHeldOut(r.Dataset, view.MaxMapped, r.Workers)
	if err != nil {
		return err
	}
	p := view.Page(r.title(), r.trainer.Config, r.Settings.Steps, curves, probes)
	if err := view.AddResults(p, f.evaluation, f.answers, h, f.embedders, r.Dataset); err != nil {
		return err
	}
	return interrupt.Guard(func() error { return o.publish(p) })
}

func (r *Run) report(f *findings) *Report {
	report := &Report{
		Steps:         r.Settings.Steps,
		Level:         cpu.Active().String(),
		WeightsSHA256: nn.WeightsSHA256(r.encoder.Params().Values),
		Eval:          evaluation.ReportOf(f.answers, func(a evaluation.Answer) evaluation.Metrics { return a.Eval }),
		PlannedBytes:  r.memory.total,
		PeakBytes:     peak(),
		Out:           string(r.folder),
	}
	if f.first().Clean != nil {
		clean := evaluation.ReportOf(f.answers, func(a evaluation.Answer) evaluation.Metrics { return a.Clean })
		report.Clean = &clean
	}
	if r.trainer.LearnedTemperature != nil {
		report.Temperature = *r.trainer.LearnedTemperature.Temperature
	}
	return report
}

// print shows the report to people.
func (r *Run) print(w io.Writer, f *findings, report *Report) {
	queries := ""
	if report.Clean != nil {
		queries = " on augmented queries"
	}
	fmt.Fprintf(w, "\n%s\n%s", evaluation.Table(f.evaluation.Question(), f.answers), evaluation.Gain(f.first(), f.last(), queries))
	if r.trainer.LearnedTemperature != nil {
		fmt.Fprintf(w, "\nTemperature %.4f, learned from %v on\n", report.Temperature, r.Settings.Temperature)
	}
	if report.PeakBytes > 0 {
		fmt.Fprintf(w, "\nMemory %s at most, %s planned", Megabytes(report.PeakBytes), Megabytes(report.PlannedBytes))
	}
	fmt.Fprintf(w, "\nWeights %s\nWrote %s\n", report.WeightsSHA256, r.folder.list())
}
