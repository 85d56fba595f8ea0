package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/contrast-go/contrast/infonce/train"
)

// A progress shows how the training goes: a bar on a terminal, otherwise a line
// now and then.
type progress struct {
	con          *console
	bar          *progressbar.ProgressBar // nil where there is no terminal
	first, steps int
	rows         int    // a step
	what         string // they are
	every        int    // steps between lines
	start        time.Time
}

// newProgress shows a run that began at start with step first.
func newProgress(con *console, first, steps, rows int, what string, start time.Time) *progress {
	p := &progress{con: con, first: first, steps: steps, rows: rows, what: what, every: max(steps/20, 1), start: start}
	if first > 0 {
		con.printf("resumed after step %d\n", first)
	}
	if f, ok := con.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(steps,
			progressbar.OptionSetWriter(con.stderr),
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

// step is told of each step.
func (p *progress) step(s train.Progress) {
	done := s.Step + 1
	rate := float64((done-p.first)*p.rows) / time.Since(p.start).Seconds()
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("loss %.4f, %.0f %s/s", s.Loss, rate, p.what))
		p.bar.Set(done)
		return
	}
	if done%p.every == 0 || done == p.steps {
		left := time.Since(p.start).Seconds() / float64(done-p.first) * float64(p.steps-done)
		p.con.printf("step %*d of %d  loss %.4f  %.0f %s/s  %.0f s left\n", len(fmt.Sprint(p.steps)), done, p.steps, s.Loss, rate, p.what, left)
	}
}

// note writes a line of its own.
func (p *progress) note(text string) {
	if p.bar != nil {
		p.bar.Clear()
	}
	p.con.printf("%s\n", text)
}

// close leaves the bar as it is and ends its line.
func (p *progress) close() {
	if p.bar != nil {
		p.bar.Exit()
		p.con.printf("\n")
	}
}
