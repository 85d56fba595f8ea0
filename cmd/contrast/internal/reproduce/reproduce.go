// Package reproduce repeats experiments that made contrastive learning what it is, in
// minutes and on data that it generates, and compares their shapes with what was published.
//
// The numbers of an experiment have the same bits on every machine and for any number of
// workers, as all that it computes with has; times and memory are measured, and those of
// the machine.
package reproduce

import (
	"context"
	"fmt"
	"slices"
)

// An Experiment repeats a published result.
type Experiment struct {
	Name   string
	Title  string
	Source string // where it was published
	Claim  string // what is said there, in a sentence

	run func(ctx context.Context, o Options, r *Report) error
}

// experiments are in the order in which they are told.
var experiments = []Experiment{mutualInformation, collapse, temperature, batchSizes, memory, uniformity}

// Names returns the names of the experiments.
func Names() []string {
	names := make([]string, len(experiments))
	for i, e := range experiments {
		names[i] = e.Name
	}
	return names
}

// Find returns the experiment of that name; the error lists those there are.
func Find(name string) (Experiment, error) {
	i := slices.IndexFunc(experiments, func(e Experiment) bool { return e.Name == name })
	if i < 0 {
		return Experiment{}, fmt.Errorf("reproduce: got experiment %q, want one of %v", name, Names())
	}
	return experiments[i], nil
}

// Options say how an experiment is made. The zero value makes it as it is meant to be made.
type Options struct {
	Quick   bool   // with less data and fewer steps, in seconds: the shape only
	Large   bool   // with more of both, in tens of minutes
	Seed    uint64 // of all random numbers
	Workers int    // 0 means GOMAXPROCS; the results do not depend on it

	// Progress is called with a line for people after each part; nil means not at all.
	Progress func(line string)
}

// scale chooses a number by the size of the experiment.
func (o Options) scale(quick, standard, large int) int {
	switch {
	case o.Quick:
		return quick
	case o.Large:
		return large
	}
	return standard
}

func (o Options) progress(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// Run makes the experiment. Its error says that it could not be made, and wraps ctx.Err()
// where ctx was done; whether what was found is what was published the report says.
func (e Experiment) Run(ctx context.Context, o Options) (*Report, error) {
	r := &Report{Experiment: e.Name, Title: e.Title, Source: e.Source, Claim: e.Claim, Seed: o.Seed, Notes: []string{}}
	if err := e.run(ctx, o, r); err != nil {
		return nil, fmt.Errorf("reproduce: %s: %w", e.Name, err)
	}
	return r, nil
}
