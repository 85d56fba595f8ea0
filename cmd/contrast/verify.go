package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/contrast-go/contrast/internal/conformance"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/golden"
)

type verifyCommand struct {
	File string `arg:"" optional:"" help:"JSON file of conformance cases to run as well."`
	JSON bool   `help:"Print one JSON object on stdout."`
}

// A verification is what verify found.
type verification struct {
	OK          bool      `json:"ok"`
	Levels      []string  `json:"levels"`
	Golden      []goldens `json:"golden"`
	Conformance []verdict `json:"conformance,omitempty"`
	NotRun      []string  `json:"not_run,omitempty"` // losses of the file that are not known
	Failures    []string  `json:"failures,omitempty"`
}

// goldens counts the hashes of a package at a level.
type goldens struct {
	Package string `json:"package"`
	Level   string `json:"level"`
	Hashes  int    `json:"hashes"`
	Wrong   int    `json:"wrong"`
}

// A verdict sums up the cases of a loss at a level.
type verdict struct {
	Loss     string  `json:"loss"`
	Level    string  `json:"level"`
	Cases    int     `json:"cases"`
	Failed   int     `json:"failed"`
	Value    float64 `json:"worst_value"`
	Gradient float64 `json:"worst_gradient"`
}

func (c *verifyCommand) Run(o *output) error {
	var cases []conformance.Case
	if c.File != "" {
		var err error
		if cases, err = conformance.Load(c.File); err != nil {
			return err
		}
	}
	var v verification
	for _, l := range cpu.Levels() {
		restore, err := cpu.Select(l)
		if err != nil {
			return err
		}
		v.Levels = append(v.Levels, l.String())
		v.hashes(l.String())
		v.cases(l.String(), cases)
		restore()
	}
	v.OK = len(v.Failures) == 0
	v.print(o, c.File)
	if c.JSON {
		if err := o.object(v); err != nil {
			return err
		}
	}
	if !v.OK {
		return fmt.Errorf("verify: %d failures", len(v.Failures))
	}
	return nil
}

// hashes recomputes the golden hashes at the level in use.
func (v *verification) hashes(level string) {
	for _, e := range golden.Entries() {
		n := len(v.Golden)
		if n == 0 || v.Golden[n-1].Package != e.Package || v.Golden[n-1].Level != level {
			v.Golden = append(v.Golden, goldens{Package: e.Package, Level: level})
			n++
		}
		g := &v.Golden[n-1]
		g.Hashes++
		if err := e.Check(); err != nil {
			g.Wrong++
			v.Failures = append(v.Failures, level+": "+err.Error())
		}
	}
}

// cases runs conformance cases at the level in use.
func (v *verification) cases(level string, cases []conformance.Case) {
	for _, c := range cases {
		if !c.Supported() {
			if !slices.Contains(v.NotRun, c.Loss) {
				v.NotRun = append(v.NotRun, c.Loss)
			}
			continue
		}
		at := slices.IndexFunc(v.Conformance, func(d verdict) bool { return d.Loss == c.Loss && d.Level == level })
		if at < 0 {
			at = len(v.Conformance)
			v.Conformance = append(v.Conformance, verdict{Loss: c.Loss, Level: level})
		}
		d := &v.Conformance[at]
		d.Cases++
		r, err := c.Run()
		switch {
		case err != nil:
			d.Failed++
			v.Failures = append(v.Failures, level+": "+err.Error())
			continue
		case !r.OK():
			d.Failed++
			v.Failures = append(v.Failures, fmt.Sprintf("%s: conformance: %s/%s: value is off by %.2g, gradient of %s by %.2g, want at most %.0e and %.0e",
				level, c.Loss, c.Name, r.Value, r.Worst, r.Gradient, conformance.MaxValueError, conformance.MaxGradientError))
		}
		d.Value, d.Gradient = max(d.Value, r.Value), max(d.Gradient, r.Gradient)
	}
}

func (v *verification) print(o *output, file string) {
	w := tabwriter.NewWriter(o.err, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "golden hashes\tlevel\thashes\twrong")
	for _, g := range v.Golden {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", g.Package, g.Level, g.Hashes, g.Wrong)
	}
	if file != "" {
		fmt.Fprintln(w, "\nconformance\tlevel\tcases\tfailed\tworst value\tworst gradient")
		for _, d := range v.Conformance {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.1e\t%.1e\n", d.Loss, d.Level, d.Cases, d.Failed, d.Value, d.Gradient)
		}
	}
	w.Flush()
	for _, l := range v.NotRun {
		fmt.Fprintf(o.err, "not run: %s is not a loss of this version\n", l)
	}
	for _, f := range v.Failures {
		fmt.Fprintln(o.err, "wrong:", f)
	}
	if v.OK {
		fmt.Fprintln(o.err, "all right: the same bits at", v.Levels)
	}
}
