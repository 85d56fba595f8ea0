package settings

import (
	"slices"

	"github.com/contrast-go/contrast/infonce/optim"
)

// An optimizer is one that can be named.
type optimizer struct {
	name, title string
	defaults    Values
	new         func(s *Settings, workers int) optim.Optimizer
}

// The first is the default.
var optimizers = []optimizer{
	{"adamw", "AdamW", nil, func(s *Settings, workers int) optim.Optimizer {
		return &optim.AdamW{WeightDecay: s.WeightDecay, Workers: workers}
	}},
	{"adam", "Adam", Values{"weight-decay": 0}, func(s *Settings, workers int) optim.Optimizer {
		return &optim.AdamW{WeightDecay: s.WeightDecay, Coupled: true, Workers: workers}
	}},
	{"sgd", "SGD with Nesterov momentum", Values{"lr": 0.1, "weight-decay": 0.0001, "momentum": 0.9},
		func(s *Settings, workers int) optim.Optimizer {
			return &optim.SGD{Momentum: s.Momentum, Nesterov: s.Momentum > 0, WeightDecay: s.WeightDecay, Workers: workers}
		}},
	{"lars", "LARS", Values{"lr": 3, "weight-decay": 0.0001}, func(s *Settings, workers int) optim.Optimizer {
		return &optim.LARS{WeightDecay: s.WeightDecay, Workers: workers}
	}},
}

// A schedule is one of the learning rate that can be named.
type schedule struct {
	name string
	new  func(s *Settings, warmup int) optim.Schedule
}

// The first is the default.
var schedules = []schedule{
	{"cosine", func(s *Settings, warmup int) optim.Schedule {
		return optim.Cosine{Peak: s.LR, Warmup: warmup, Steps: s.Steps}
	}},
	{"constant", func(s *Settings, warmup int) optim.Schedule {
		return optim.Constant{Peak: s.LR, Warmup: warmup}
	}},
	{"step", func(s *Settings, warmup int) optim.Schedule {
		return optim.StepDecay{Peak: s.LR, Warmup: warmup, Every: max((s.Steps-warmup+2)/3, 1)}
	}},
}

// optimizer returns the optimizer that s names, or the default.
func (s *Settings) optimizer() optimizer {
	i := slices.IndexFunc(optimizers, func(o optimizer) bool { return o.name == s.Optimizer })
	return optimizers[max(i, 0)]
}

// NewOptimizer returns the optimizer that s names.
func (s *Settings) NewOptimizer(workers int) optim.Optimizer { return s.optimizer().new(s, workers) }

// NewSchedule returns the schedule that s names.
func (s *Settings) NewSchedule() optim.Schedule {
	warmup := s.Steps / 10
	if s.Warmup != nil {
		warmup = *s.Warmup
	}
	i := slices.IndexFunc(schedules, func(k schedule) bool { return k.name == s.Schedule })
	return schedules[max(i, 0)].new(s, warmup)
}

func optimizerNames() (names []string) {
	for _, o := range optimizers {
		names = append(names, o.name)
	}
	return names
}

func scheduleNames() (names []string) {
	for _, k := range schedules {
		names = append(names, k.name)
	}
	return names
}
