package main

import (
	"github.com/contrast-go/contrast/cmd/contrast/internal/report"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// A watch keeps and shows how a run goes, beside its metrics. It begins with the first step, so
// that a run that can not begin leaves nothing.
type watch struct {
	con     *console
	begin   func() error // sets what follows
	monitor *monitor
	events  *tensorboard               // nil where nobody asked for it
	steps   curves                     // that were made
	show    func(p *report.Page) error // nil where nobody asked for a page
	page    func(w *watch) *report.Page
}

// newWatch is for a run of t that goes on after step first.
func (c *trainCommand) newWatch(con *console, d corpus, t *train.Trainer, encoder nn.Model, server *pageServer, out folder, first int) *watch {
	w := &watch{con: con}
	w.begin = func() (err error) {
		if w.monitor, err = newMonitor(d, encoded("encoder", encoder, "embedding"), out, first, c.Steps, c.Workers); err != nil {
			return err
		}
		if first > 0 {
			if w.steps, err = readCurves(out.path(train.MetricsFile)); err != nil {
				return err
			}
			w.steps.cut(first)
		}
		if c.TensorBoard {
			w.events, err = newTensorboard(out, first)
		}
		return err
	}
	if c.Report || server != nil {
		w.show = func(p *report.Page) error {
			server.update(p)
			if !c.Report {
				return nil
			}
			return p.WriteFile(out.path(reportFile))
		}
	}
	w.page = func(w *watch) *report.Page {
		p := c.page(d, t.Config, w.steps, w.monitor.looks)
		p.Running = true
		addMap(p, nil, w.monitor.sample, w.monitor.see)
		return p
	}
	return w
}

// step is told of each step.
func (w *watch) step(s train.Progress, p *progress) error {
	if w.monitor == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	w.steps.add(s.Loss, float64(s.Rate), s.GradNorm, float64(s.Temperature))
	l, err := w.monitor.step(s.Step + 1)
	if err != nil {
		return err
	}
	w.events.step(s, l)
	if l == nil {
		return nil
	}
	if text := w.monitor.warning(l); text != "" {
		p.note("warning: " + text)
	}
	if w.show == nil {
		return nil
	}
	return w.show(w.page(w))
}

// close ends the watch.
func (w *watch) close() error { return w.events.close() }
