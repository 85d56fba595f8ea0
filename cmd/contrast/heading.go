package main

import (
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/par"
)

// heading tells what is about to happen.
func (c *trainCommand) heading(d corpus, t *train.Trainer, encoder nn.Model, plan *memoryPlan, out folder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data     %s\n", d.describe())
	fmt.Fprintf(&b, "encoder  %s, %d weights\n", encoderText(encoder), len(encoder.Params().Values))
	fmt.Fprintf(&b, "loss     %s\n", c.lossText())
	fmt.Fprintf(&b, "kernels  %v, %d workers\n", cpu.Active(), par.Workers(c.Workers))
	fmt.Fprintf(&b, "memory   %s at most, as planned\n", megabytes(plan.total))
	fmt.Fprintf(&b, "folder   %s\n", out)
	fmt.Fprintf(&b, "config   %s\n", t.Config)
	return b.String()
}

func (c *trainCommand) lossText() string {
	kind := c.kind()
	s := kind.title
	if kind.margin {
		s += fmt.Sprintf(", margin %v", c.Margin)
	}
	if _, temperature := c.newLoss(1); temperature != nil {
		s += fmt.Sprintf(", temperature %v", c.Temperature)
	}
	if c.LearnTemperature {
		s += " and learned"
	}
	if c.Queue > 0 {
		s += fmt.Sprintf(", queue of %d", c.Queue)
	}
	if c.QueueAfter > 0 {
		s += fmt.Sprintf(" after %d steps", c.QueueAfter)
	}
	if c.Loss == "moco" {
		s += fmt.Sprintf(", momentum %v", c.Momentum)
	}
	if c.Supervised {
		s += ", pairs by label"
	}
	if c.Distinct {
		s += ", one sample of a class"
	}
	return s + fmt.Sprintf("; %d steps of %d samples by %s", c.Steps, c.Batch, c.optimizer().title)
}
