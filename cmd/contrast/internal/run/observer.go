package run

import (
	"io"
	"time"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/report"
	"github.com/contrast-go/contrast/cmd/contrast/internal/view"
	"github.com/contrast-go/contrast/infonce/train"
)

// An observer shows how a run goes, and keeps what it sees beside the metrics. It begins
// with the first step, so that a run that cannot begin leaves nothing and says one line.
type observer struct {
	run     *Run
	w       io.Writer
	server  *pageServer // nil if nobody asked for it
	first   int         // steps that were made before
	start   time.Time
	seconds float64 // of all steps, in the end

	// These are nil before the first step.
	progress *view.Progress
	monitor  *evaluation.Monitor
	events   *tensorboard // or if nobody asked for it
	curves   view.Curves
}

func (o *observer) begin() (err error) {
	r := o.run
	io.WriteString(o.w, r.heading()+o.server.text())
	what := "rows"
	if r.Dataset.Facts().Channels > 0 {
		what = "images"
	}
	rows := r.Settings.RowsPerSample() * r.Settings.Batch
	o.progress = view.NewProgress(o.w, o.first, r.Settings.Steps, rows, what, o.start)
	how := evaluation.Encoded("encoder", r.encoder, "embedding")
	o.monitor, err = evaluation.NewMonitor(r.Dataset, how, r.folder.path(MonitorFile), o.first, r.Settings.Steps, r.Workers)
	if err != nil {
		return err
	}
	if o.first > 0 {
		if o.curves, err = view.ReadCurves(r.folder.path(train.MetricsFile)); err != nil {
			return err
		}
		o.curves.Cut(o.first)
	}
	if r.TensorBoard {
		o.events, err = newTensorboard(r.folder, o.first)
	}
	return err
}

// step is told of each step.
func (o *observer) step(s train.Progress) error {
	if o.monitor == nil {
		if err := o.begin(); err != nil {
			return err
		}
	}
	o.progress.Step(s)
	o.curves.Add(s.Loss, float64(s.Rate), s.GradNorm, float64(s.Temperature))
	p, err := o.monitor.Step(s.Step + 1)
	if err != nil {
		return err
	}
	o.events.step(s, p)
	if p == nil {
		return nil
	}
	if text := o.monitor.Warning(p); text != "" {
		o.progress.Note("warning: " + text)
	}
	if !o.hasPage() {
		return nil
	}
	r := o.run
	page := view.Page(r.title(), r.trainer.Config, r.Settings.Steps, o.curves, o.monitor.Probes)
	page.Running = true
	view.AddMap(page, o.monitor.Sample, o.monitor.How)
	return o.publish(page)
}

// hasPage reports whether a page is wanted.
func (o *observer) hasPage() bool { return o.run.Report || o.server != nil }

// publish shows a page where it is wanted.
func (o *observer) publish(p *report.Page) error {
	o.server.update(p)
	if !o.run.Report {
		return nil
	}
	return p.WriteFile(o.run.folder.path(ReportFile))
}

func (o *observer) close() error {
	if o.progress != nil {
		o.progress.Close()
	}
	return o.events.close()
}
