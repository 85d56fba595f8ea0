// Package reproduce repeats well-known experiments of contrastive learning in minutes, on data that
// it generates, and compares the shapes of the results with what was published.
//
// The results have the same bits on every machine and for any number of workers; only times and
// memory depend on the machine.
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
	Claim  string // the published result, in a sentence

	run func(ctx context.Context, o Options, r *Report) error
}

// experiments are in the order in which help lists them.
var experiments = []Experiment{mutualInformation, collapse, temperature, batchSizes, memory, uniformity}

// Names returns the names of the experiments.
func Names() []string {
	names := make([]string, len(experiments))
	for i, e := range experiments {
		names[i] = e.Name
	}
	return names
}

// Find returns the experiment with that name; its error lists the names that exist.
func Find(name string) (Experiment, error) {
	i := slices.IndexFunc(experiments, func(e Experiment) bool { return e.Name == name })
	if i < 0 {
		return Experiment{}, fmt.Errorf("reproduce: got experiment %q, want one of %v", name, Names())
	}
	return experiments[i], nil
}

// Options say how an experiment is made. The zero value is the regular size.
type Options struct {
	Quick   bool   // less data and fewer steps, in seconds: the shape only
	Large   bool   // more of both, in tens of minutes
	Seed    uint64 // seed of all random numbers
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

// Run makes the experiment. It returns an error if the experiment could not be made, which wraps
// ctx.Err() if ctx is done. Whether the published result was found is in the report.
func (e Experiment) Run(ctx context.Context, o Options) (*Report, error) {
	r := &Report{Experiment: e.Name, Title: e.Title, Source: e.Source, Claim: e.Claim, Seed: o.Seed, Notes: []string{}}
	if err := e.run(ctx, o, r); err != nil {
		return nil, fmt.Errorf("reproduce: %s: %w", e.Name, err)
	}
	return r, nil
}
