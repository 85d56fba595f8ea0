package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/conformance"
	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/golden"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

type verifyCommand struct {
	File string `arg:"" optional:"" help:"Conformance cases in JSON: inputs of losses, with their values and gradients."`
	JSON bool   `name:"json" help:"Print a JSON object on standard output."`
}

// A verifyReport is what --json prints.
type verifyReport struct {
	OK     bool           `json:"ok"`
	Levels []string       `json:"levels"`
	Golden []hashesReport `json:"golden"`
	Losses []lossReport   `json:"losses,omitempty"` // those that were run
	NotRun []notRunReport `json:"not_run,omitempty"`
}

// A hashesReport is about the recorded hashes of a package at a level.
type hashesReport struct {
	Package    string   `json:"package"`
	Level      string   `json:"level"`
	Hashes     int      `json:"hashes"`
	Mismatches []string `json:"mismatches"`
}

// A lossReport is about the cases of a loss, over all levels.
type lossReport struct {
	Loss     string            `json:"loss"`
	Cases    int               `json:"cases"`
	Value    evaluation.Number `json:"value_error"`    // the worst, relative
	Gradient evaluation.Number `json:"gradient_error"` // the worst, relative to the largest element
	Failures []string          `json:"failures"`
}

// A notRunReport counts the cases of a loss that is not one of ours.
type notRunReport struct {
	Loss  string `json:"loss"`
	Cases int    `json:"cases"`
}

// Help is shown by kong below the summary.
func (*verifyCommand) Help() string {
	return fmt.Sprintf("Every level must give the recorded hashes. With FILE the losses are run as well, and their errors held to %g of the value and %g of the largest element of a gradient.",
		conformance.MaxValueError, conformance.MaxGradientError)
}

// Run verifies this machine.
func (c *verifyCommand) Run(con *console) error {
	var cases []conformance.Case
	if c.File != "" {
		var err error
		if cases, err = conformance.Load(c.File); err != nil {
			return err
		}
	}
	var r verifyReport
	for _, l := range cpu.Levels() {
		r.Levels = append(r.Levels, l.String())
		if err := atLevel(l, func() { r.addHashes(l) }); err != nil {
			return err
		}
	}
	if err := r.runCases(cases); err != nil {
		return err
	}
	failed := r.failed()
	r.OK = failed == nil

	r.printHashes(con)
	if c.File != "" {
		r.printLosses(con)
	}
	if c.JSON {
		if err := con.printJSON(r); err != nil {
			return err
		}
	}
	return failed
}

// atLevel calls f with level l in use.
func atLevel(l cpu.Level, f func()) error {
	restore, err := cpu.Select(l)
	if err != nil {
		return err
	}
	defer restore()
	f()
	return nil
}

// addHashes recomputes all hashes at level l, which is in use.
func (r *verifyReport) addHashes(l cpu.Level) {
	for _, e := range golden.Entries() {
		at := slices.IndexFunc(r.Golden, func(h hashesReport) bool { return h.Package == e.Package && h.Level == l.String() })
		if at < 0 {
			at = len(r.Golden)
			r.Golden = append(r.Golden, hashesReport{Package: e.Package, Level: l.String(), Mismatches: []string{}})
		}
		h := &r.Golden[at]
		h.Hashes++
		if e.Check() != nil {
			h.Mismatches = append(h.Mismatches, e.Name)
		}
	}
}

// runCases runs the cases at every level.
func (r *verifyReport) runCases(cases []conformance.Case) error {
	for _, c := range cases {
		if !c.Supported() {
			at := slices.IndexFunc(r.NotRun, func(n notRunReport) bool { return n.Loss == c.Loss })
			if at < 0 {
				at = len(r.NotRun)
				r.NotRun = append(r.NotRun, notRunReport{Loss: c.Loss})
			}
			r.NotRun[at].Cases++
			continue
		}
		at := slices.IndexFunc(r.Losses, func(l lossReport) bool { return l.Loss == c.Loss })
		if at < 0 {
			at = len(r.Losses)
			r.Losses = append(r.Losses, lossReport{Loss: c.Loss, Failures: []string{}})
		}
		for _, l := range cpu.Levels() {
			if err := atLevel(l, func() { r.Losses[at].run(c, l) }); err != nil {
				return err
			}
		}
		r.Losses[at].Cases++
	}
	slices.SortFunc(r.Losses, func(a, b lossReport) int { return cmp.Compare(a.Loss, b.Loss) })
	slices.SortFunc(r.NotRun, func(a, b notRunReport) int { return cmp.Compare(a.Loss, b.Loss) })
	return nil
}

// run runs a case at level l, which is in use.
func (r *lossReport) run(c conformance.Case, l cpu.Level) {
	report, err := runCase(c)
	switch {
	case err != nil:
		r.Failures = append(r.Failures, fmt.Sprintf("%s at %v: %v", c.Name, l, err))
		return
	case !report.OK():
		r.Failures = append(r.Failures, fmt.Sprintf("%s at %v: value off by %.2g, gradient by %.2g (%s)", c.Name, l, report.Value, report.Gradient, report.Worst))
	}
	r.Value = max(r.Value, evaluation.Number(report.Value))
	r.Gradient = max(r.Gradient, evaluation.Number(report.Gradient))
}

// runCase runs a case; that its shapes do not fit together is an error of the file.
func runCase(c conformance.Case) (report conformance.Report, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *simd.ShapeError:
			err = e
		default:
			panic(e)
		}
	}()
	return c.Run()
}

// failed returns nil or an error that counts what is wrong.
func (r *verifyReport) failed() error {
	var wrong []string
	bad, all := 0, 0
	for _, h := range r.Golden {
		bad += len(h.Mismatches)
		all += h.Hashes
	}
	if bad > 0 {
		wrong = append(wrong, fmt.Sprintf("%d of %d hashes differ", bad, all))
	}
	bad, all = 0, 0
	for _, l := range r.Losses {
		bad += len(l.Failures)
		all += l.Cases * len(r.Levels)
	}
	if bad > 0 {
		wrong = append(wrong, fmt.Sprintf("%d of %d runs of cases failed", bad, all))
	}
	if all == 0 && len(r.NotRun) > 0 {
		wrong = append(wrong, "no case is of a loss known here")
	}
	if wrong == nil {
		return nil
	}
	return errors.New("verify: " + strings.Join(wrong, "; "))
}

func (r *verifyReport) printHashes(con *console) {
	con.printf("Recorded hashes, recomputed at each level of this CPU:\n\n%-12s", "package")
	for _, l := range r.Levels {
		con.printf(" %-12s", l)
	}
	con.printf("\n")
	var packages []string
	for _, h := range r.Golden {
		if !slices.Contains(packages, h.Package) {
			packages = append(packages, h.Package)
		}
	}
	for _, p := range packages {
		con.printf("%-12s", p)
		for _, h := range r.Golden {
			if h.Package != p {
				continue
			}
			state := fmt.Sprintf("ok (%d)", h.Hashes)
			if n := len(h.Mismatches); n > 0 {
				state = fmt.Sprintf("%d of %d WRONG", n, h.Hashes)
			}
			con.printf(" %-12s", state)
		}
		con.printf("\n")
	}
	for _, h := range r.Golden {
		for _, name := range h.Mismatches {
			con.printf("WRONG: %s %s at %s\n", h.Package, name, h.Level)
		}
	}
}

func (r *verifyReport) printLosses(con *console) {
	con.printf("\nConformance cases, worst errors over %s (at most %g and %g):\n\n", strings.Join(r.Levels, ", "), conformance.MaxValueError, conformance.MaxGradientError)
	con.printf("%-26s %6s %12s %12s\n", "loss", "cases", "value", "gradient")
	for _, l := range r.Losses {
		state := ""
		if len(l.Failures) > 0 {
			state = "  WRONG"
		}
		con.printf("%-26s %6d %12.2g %12.2g%s\n", l.Loss, l.Cases, float64(l.Value), float64(l.Gradient), state)
	}
	for _, n := range r.NotRun {
		con.printf("%-26s %6d   not run: no such loss here\n", n.Loss, n.Cases)
	}
	for _, l := range r.Losses {
		for _, f := range l.Failures {
			con.printf("WRONG: %s/%s\n", l.Loss, f)
		}
	}
}
