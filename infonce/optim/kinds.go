package optim

import "cmp"

// A Config has the settings that optimizers share.
type Config struct {
	WeightDecay float32 // 0 means none
	Momentum    float32 // 0 means 0.9, below 0 none; optimizers without momentum ignore it
	Workers     int     // 0 means GOMAXPROCS; the result does not depend on it
}

// A Kind is an optimizer by name. To add one takes its file, its test, and its row in [Kinds].
type Kind struct {
	Name  string // in commands and files: "adamw"
	Title string // in text: "AdamW"

	// LearningRate is a usual peak; 0 means that it depends on the task more than on the optimizer.
	LearningRate float64

	WeightDecay float64 // a usual setting
	Momentum    float64 // a usual setting; 0 means that commands do not offer it

	New func(c Config) Optimizer
}

// Kinds is the table of all optimizers, the default first, for commands and tests to iterate over.
var Kinds = []Kind{
	{
		Name: "adamw", Title: "AdamW", WeightDecay: 0.1,
		New: func(c Config) Optimizer {
			return &AdamW{WeightDecay: c.WeightDecay, Workers: c.Workers}
		},
	},
	{
		Name: "adam", Title: "Adam",
		New: func(c Config) Optimizer {
			return &AdamW{WeightDecay: c.WeightDecay, Coupled: true, Workers: c.Workers}
		},
	},
	{
		Name: "sgd", Title: "SGD with Nesterov momentum",
		LearningRate: 0.1, WeightDecay: 0.0001, Momentum: 0.9,
		New: func(c Config) Optimizer {
			momentum := max(cmp.Or(c.Momentum, 0.9), 0)
			return &SGD{Momentum: momentum, Nesterov: momentum > 0, WeightDecay: c.WeightDecay, Workers: c.Workers}
		},
	},
	{
		Name: "lars", Title: "LARS", LearningRate: 3, WeightDecay: 0.0001,
		New: func(c Config) Optimizer {
			return &LARS{Momentum: c.Momentum, WeightDecay: c.WeightDecay, Workers: c.Workers}
		},
	},
}

// A ScheduleKind is a schedule by name.
type ScheduleKind struct {
	Name string // in commands and files: "cosine"

	// New returns the schedule of a run of so many steps, warmup of them for the warm-up.
	New func(peak float32, warmup, steps int) Schedule
}

// Schedules is the table of all schedules, the default first.
var Schedules = []ScheduleKind{
	{"cosine", func(peak float32, warmup, steps int) Schedule {
		return Cosine{Peak: peak, Warmup: warmup, Steps: steps}
	}},
	{"constant", func(peak float32, warmup, _ int) Schedule {
		return Constant{Peak: peak, Warmup: warmup}
	}},
	// Falls to a tenth after each third of the steps.
	{"step", func(peak float32, warmup, steps int) Schedule {
		return StepDecay{Peak: peak, Warmup: warmup, Every: max((steps-warmup+2)/3, 1)}
	}},
}
