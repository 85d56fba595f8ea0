package optim

import "cmp"

// A Config has the settings that optimisers share.
type Config struct {
	WeightDecay float32 // 0 means none
	Momentum    float32 // 0 means 0.9, below 0 none; optimisers without momentum ignore it
	Workers     int     // 0 means GOMAXPROCS; the result does not depend on it
}

// A Kind is an optimiser by name. To add one takes its file, its test, and its row in [Kinds].
type Kind struct {
	Name  string // in commands and files: "adamw"
	Title string // in text: "AdamW"

	// LearningRate and WeightDecay are the usual settings; a LearningRate of 0 means that it depends
	// on the task more than on the optimiser.
	LearningRate, WeightDecay float64

	Momentum float64 // the usual setting of Config.Momentum; 0 means that it is not for setting

	New func(c Config) Optimizer
}

// Kinds is the table of all optimisers, the default first, for commands and tests to iterate over.
var Kinds = []Kind{
	{"adamw", "AdamW", 0, 0.1, 0, func(c Config) Optimizer {
		return &AdamW{WeightDecay: c.WeightDecay, Workers: c.Workers}
	}},
	{"adam", "Adam", 0, 0, 0, func(c Config) Optimizer {
		return &AdamW{WeightDecay: c.WeightDecay, Coupled: true, Workers: c.Workers}
	}},
	{"sgd", "SGD with Nesterov momentum", 0.1, 0.0001, 0.9, func(c Config) Optimizer {
		momentum := max(cmp.Or(c.Momentum, 0.9), 0)
		return &SGD{Momentum: momentum, Nesterov: momentum > 0, WeightDecay: c.WeightDecay, Workers: c.Workers}
	}},
	{"lars", "LARS", 3, 0.0001, 0, func(c Config) Optimizer {
		return &LARS{Momentum: c.Momentum, WeightDecay: c.WeightDecay, Workers: c.Workers}
	}},
}

// A ScheduleKind is a schedule by name.
type ScheduleKind struct {
	Name string // in commands and files: "cosine"
	New  func(peak float32, warmup, steps int) Schedule
}

// Schedules is the table of all schedules, the default first, for a run of so many steps.
var Schedules = []ScheduleKind{
	{"cosine", func(peak float32, warmup, steps int) Schedule {
		return Cosine{Peak: peak, Warmup: warmup, Steps: steps}
	}},
	{"constant", func(peak float32, warmup, _ int) Schedule {
		return Constant{Peak: peak, Warmup: warmup}
	}},
	// To a tenth after each third of the steps.
	{"step", func(peak float32, warmup, steps int) Schedule {
		return StepDecay{Peak: peak, Warmup: warmup, Every: max((steps-warmup+2)/3, 1)}
	}},
}
