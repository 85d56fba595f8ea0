package run

import (
	"fmt"
	"time"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/tfevents"
	"github.com/contrast-go/contrast/infonce/train"
)

// A tensorboard writes the curves of a run as an event file. A nil *tensorboard writes nothing.
type tensorboard struct {
	w   *tfevents.Writer
	err error // the first
}

// newTensorboard opens a file in the folder of a run that goes on after step first.
func newTensorboard(out folder, first int) (*tensorboard, error) {
	w, err := tfevents.Create(string(out), time.Now())
	if err == nil && first > 0 {
		err = w.Restart(int64(first)+1, time.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("--tensorboard: %w", err)
	}
	return &tensorboard{w: w}, nil
}

// step writes the metrics of a step, and the probe after it.
func (t *tensorboard) step(p train.Progress, l *evaluation.Probe) {
	if t == nil {
		return
	}
	step, now := int64(p.Step)+1, time.Now()
	scalar := func(tag string, v float64) {
		if t.err == nil {
			t.err = t.w.Scalar(tag, step, float32(v), now)
		}
	}
	scalar("train/loss", p.Loss)
	scalar("train/learning_rate", float64(p.Rate))
	scalar("train/gradient_norm", p.GradNorm)
	if p.Temperature != 0 {
		scalar("train/temperature", float64(p.Temperature))
	}
	if l != nil {
		scalar("held_out/mean_distance", l.MeanDistance)
		scalar("held_out/effective_rank", l.EffectiveRank)
		scalar("held_out/uniformity", l.Uniformity)
		scalar("held_out/recall@1", l.Recall)
		if t.err == nil {
			t.err = t.w.Flush()
		}
	}
}

// close returns the first error.
func (t *tensorboard) close() error {
	if t == nil {
		return nil
	}
	if err := t.w.Close(); t.err == nil {
		t.err = err
	}
	if t.err != nil {
		return fmt.Errorf("--tensorboard: %w", t.err)
	}
	return nil
}
