package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/contrast-go/contrast/infonce/train"
)

// A progress shows how far training is: a bar on a terminal, elsewhere a line now and then.
type progress struct {
	w            io.Writer
	bar          *progressbar.ProgressBar // nil where there is no terminal
	first, steps int
	images       int // a step
	every        int // steps between lines
	began        time.Time
	loss         float64 // smoothed
}

func newProgress(w io.Writer, first, steps, images int) *progress {
	p := &progress{w: w, first: first, steps: steps, images: images, every: max(steps/10, 1), began: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(steps-first,
			progressbar.OptionSetWriter(w),
			progressbar.OptionFullWidth(),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true))
	}
	return p
}

// step takes note of a step that was done.
func (p *progress) step(s train.Progress) {
	if s.Step == p.first {
		p.loss = s.Loss
	}
	p.loss += 0.05 * (s.Loss - p.loss) // for the eye only: nothing follows from it
	done := s.Step + 1
	rate := float64((done-p.first)*p.images) / time.Since(p.began).Seconds()
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("loss %.3f, %.0f images/s", p.loss, rate))
		_ = p.bar.Add(1) // a terminal that can not be written to stops no training
		return
	}
	if done%p.every == 0 || done == p.steps {
		fmt.Fprintf(p.w, "step %d/%d, loss %.4f, %.0f images/s\n", done, p.steps, p.loss, rate)
	}
}

// done ends the bar's line.
func (p *progress) done() {
	if p.bar != nil {
		fmt.Fprintln(p.w)
	}
}
