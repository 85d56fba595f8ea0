package main

import "github.com/contrast-go/contrast/infonce/train"

// A watch keeps and shows how a run goes, beside its metrics. It begins with the first step, so
// that a run that can not begin leaves nothing.
type watch struct {
	con     *console
	begin   func() error // sets what follows
	monitor *monitor
	events  *tensorboard // nil where nobody asked for it
}

// newWatch is for a run that goes on after step first.
func (c *trainCommand) newWatch(con *console, d corpus, encoder *train.MLP, out folder, first int) *watch {
	w := &watch{con: con}
	w.begin = func() (err error) {
		if w.monitor, err = newMonitor(d, encoded("encoder", encoder, "embedding"), out, first, c.Steps, c.Workers); err != nil {
			return err
		}
		if c.TensorBoard {
			w.events, err = newTensorboard(out, first)
		}
		return err
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
	l, err := w.monitor.step(s.Step + 1)
	if err != nil {
		return err
	}
	if l != nil {
		if text := w.monitor.warning(l); text != "" {
			p.note("warning: " + text)
		}
	}
	w.events.step(s, l)
	return nil
}

// close ends the watch.
func (w *watch) close() error { return w.events.close() }
