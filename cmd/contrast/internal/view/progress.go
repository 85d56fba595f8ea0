// Package view shows runs to people: their progress, curves, neighbours and pages.
package view

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/contrast-go/contrast/infonce/train"
)

// A Progress shows how training goes: a bar on a terminal, otherwise a line now and then.
type Progress struct {
	w            io.Writer
	bar          *progressbar.ProgressBar // nil where there is no terminal
	first, steps int
	rows         int    // a step
	what         string // they are
	every        int    // steps between lines
	start        time.Time
}

// NewProgress shows a run that began at start with step first.
func NewProgress(w io.Writer, first, steps, rows int, what string, start time.Time) *Progress {
	p := &Progress{w: w, first: first, steps: steps, rows: rows, what: what, every: max(steps/20, 1), start: start}
	if first > 0 {
		fmt.Fprintf(w, "resumed after step %d\n", first)
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(steps,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: ""}),
		)
		p.bar.Set(first)
	}
	return p
}

// Step is told of each step.
func (p *Progress) Step(s train.Progress) {
	done := s.Step + 1
	rate := float64((done-p.first)*p.rows) / time.Since(p.start).Seconds()
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("loss %.4f, %.0f %s/s", s.Loss, rate, p.what))
		p.bar.Set(done)
		return
	}
	if done%p.every == 0 || done == p.steps {
		left := time.Since(p.start).Seconds() / float64(done-p.first) * float64(p.steps-done)
		fmt.Fprintf(p.w, "step %*d of %d  loss %.4f  %.0f %s/s  %.0f s left\n", len(fmt.Sprint(p.steps)), done, p.steps, s.Loss, rate, p.what, left)
	}
}

// Note writes a line of its own.
func (p *Progress) Note(text string) {
	if p.bar != nil {
		p.bar.Clear()
	}
	fmt.Fprintf(p.w, "%s\n", text)
}

// Close leaves the bar and ends its line.
func (p *Progress) Close() {
	if p.bar != nil {
		p.bar.Exit()
		fmt.Fprintf(p.w, "\n")
	}
}
