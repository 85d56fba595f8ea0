package settings

import (
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/optim"
)

// optimizer returns the optimizer that s names, or the default.
func (s *Settings) optimizer() optim.Kind {
	i := slices.IndexFunc(optim.Kinds, func(k optim.Kind) bool { return k.Name == s.Optimizer })
	return optim.Kinds[max(i, 0)]
}

// NewOptimizer returns the optimizer that s names.
func (s *Settings) NewOptimizer(workers int) optim.Optimizer {
	c := optim.Config{WeightDecay: s.WeightDecay, Workers: workers}
	if k := s.optimizer(); k.Momentum > 0 {
		c.Momentum = s.Momentum
		if c.Momentum == 0 {
			c.Momentum = -1 // none
		}
	}
	return s.optimizer().New(c)
}

// NewSchedule returns the schedule that s names, or the default.
func (s *Settings) NewSchedule() optim.Schedule {
	warmup := s.Steps / 10
	if s.Warmup != nil {
		warmup = *s.Warmup
	}
	i := slices.IndexFunc(optim.Schedules, func(k optim.ScheduleKind) bool { return k.Name == s.Schedule })
	return optim.Schedules[max(i, 0)].New(s.LR, warmup, s.Steps)
}

// optimizerRules are the defaults of all optimizers but the first, whose are those of the task.
func optimizerRules() (list []rule) {
	for _, k := range optim.Kinds[1:] {
		values := values{"weight-decay": k.WeightDecay}
		if k.LearningRate > 0 {
			values["lr"] = k.LearningRate
		}
		if k.Momentum > 0 {
			values["momentum"] = k.Momentum
		}
		list = append(list, rule{"for " + k.Name, func(s *Settings, _ *Facts, _ Given) bool {
			return s.Optimizer == k.Name
		}, values})
	}
	return list
}

func optimizerNames() (names []string) {
	for _, k := range optim.Kinds {
		names = append(names, k.Name)
	}
	return names
}

func scheduleNames() (names []string) {
	for _, k := range optim.Schedules {
		names = append(names, k.Name)
	}
	return names
}

// withMomentum lists the optimizers whose momentum can be set.
func withMomentum() string {
	var names []string
	for _, k := range optim.Kinds {
		if k.Momentum > 0 {
			names = append(names, k.Name)
		}
	}
	return strings.Join(names, ", ")
}

func hasMomentum(optimizer string) bool {
	return slices.ContainsFunc(optim.Kinds, func(k optim.Kind) bool { return k.Name == optimizer && k.Momentum > 0 })
}
