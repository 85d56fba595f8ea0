package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
)

// An optimizerKind is an optimiser that train knows.
type optimizerKind struct {
	name, title string
	defaults    map[string]string // of flags, as in a lossKind
	new         func(s *settings, workers int) optim.Optimizer
}

// The first is the default.
var optimizerKinds = []optimizerKind{
	{"adamw", "AdamW", nil, func(s *settings, workers int) optim.Optimizer {
		return &optim.AdamW{WeightDecay: s.Decay, Workers: workers}
	}},
	{"adam", "Adam", map[string]string{"decay": "0"}, func(s *settings, workers int) optim.Optimizer {
		return &optim.AdamW{WeightDecay: s.Decay, Coupled: true, Workers: workers}
	}},
	{"sgd", "SGD with Nesterov momentum 0.9", map[string]string{"lr": "0.1", "decay": "0.0001"}, func(s *settings, workers int) optim.Optimizer {
		return &optim.SGD{Momentum: 0.9, Nesterov: true, WeightDecay: s.Decay, Workers: workers}
	}},
	{"lars", "LARS", map[string]string{"lr": "3", "decay": "0.0001"}, func(s *settings, workers int) optim.Optimizer {
		return &optim.LARS{WeightDecay: s.Decay, Workers: workers}
	}},
}

// A scheduleKind is a schedule of the learning rate that train knows.
type scheduleKind struct {
	name string
	new  func(s *settings, warmup int) optim.Schedule
}

// The first is the default.
var scheduleKinds = []scheduleKind{
	{"cosine", func(s *settings, warmup int) optim.Schedule {
		return optim.Cosine{Peak: s.LR, Warmup: warmup, Steps: s.Steps}
	}},
	{"constant", func(s *settings, warmup int) optim.Schedule {
		return optim.Constant{Peak: s.LR, Warmup: warmup}
	}},
	{"step", func(s *settings, warmup int) optim.Schedule {
		return optim.StepDecay{Peak: s.LR, Warmup: warmup, Every: max((s.Steps-warmup+2)/3, 1)}
	}},
}

// optimizer returns the kind of the optimiser, whose name is known.
func (s *settings) optimizer() optimizerKind {
	return optimizerKinds[max(slices.IndexFunc(optimizerKinds, func(k optimizerKind) bool { return k.name == s.Optimizer }), 0)]
}

// schedule returns the schedule, whose name is known.
func (s *settings) schedule() optim.Schedule {
	warmup := s.Steps / 10
	if s.Warmup != nil {
		warmup = *s.Warmup
	}
	return scheduleKinds[max(slices.IndexFunc(scheduleKinds, func(k scheduleKind) bool { return k.name == s.Schedule }), 0)].new(s, warmup)
}

// checkNames returns an error for a flag that is set to none of its names.
func (s *settings) checkNames() error {
	check := func(flag, name string, names []string) error {
		if name == "" || slices.Contains(names, name) {
			return nil
		}
		return fmt.Errorf("--%s is %q, want one of %s", flag, name, strings.Join(names, ", "))
	}
	if err := check("optimizer", s.Optimizer, optimizerNames()); err != nil {
		return err
	}
	return cmp.Or(
		check("schedule", s.Schedule, scheduleNames()),
		check("arch", s.Arch, archNames),
		check("split", s.Split, []string{"samples", "classes"}),
		check("norm", s.Norm, []string{nn.NoNorm.String(), nn.BatchNorm.String(), nn.LayerNorm.String()}),
		check("activation", s.Activation, []string{nn.ReLU.String(), nn.GELU.String()}),
	)
}

func optimizerNames() []string {
	var names []string
	for _, k := range optimizerKinds {
		names = append(names, k.name)
	}
	return names
}

func scheduleNames() []string {
	var names []string
	for _, k := range scheduleKinds {
		names = append(names, k.name)
	}
	return names
}
