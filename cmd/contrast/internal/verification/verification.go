// Package verification recomputes what is recorded: hashes of results, and conformance cases of
// losses, at every level of this CPU.
package verification

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/conformance"
	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/golden"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// A Report is what verify --json prints.
type Report struct {
	OK     bool     `json:"ok"`
	Levels []string `json:"levels"`
	Golden []Hashes `json:"golden"`
	Losses []Loss   `json:"losses,omitempty"` // those that were run
	NotRun []NotRun `json:"not_run,omitempty"`
}

// Hashes are the recorded hashes of a package at a level.
type Hashes struct {
	Package    string   `json:"package"`
	Level      string   `json:"level"`
	Hashes     int      `json:"hashes"`
	Mismatches []string `json:"mismatches"`
}

// A Loss is the cases of one loss, over all levels.
type Loss struct {
	Loss     string            `json:"loss"`
	Cases    int               `json:"cases"`
	Value    evaluation.Number `json:"value_error"`    // the worst, relative
	Gradient evaluation.Number `json:"gradient_error"` // the worst, relative to the largest element
	Failures []string          `json:"failures"`
}

// A NotRun counts the cases of a loss that is not one of ours.
type NotRun struct {
	Loss  string `json:"loss"`
	Cases int    `json:"cases"`
}

// New recomputes all recorded hashes at every level.
func New() (*Report, error) {
	r := new(Report)
	for _, l := range cpu.Levels() {
		r.Levels = append(r.Levels, l.String())
		if err := atLevel(l, func() { r.addHashes(l) }); err != nil {
			return nil, err
		}
	}
	return r, nil
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
func (r *Report) addHashes(l cpu.Level) {
	for _, e := range golden.Entries() {
		at := slices.IndexFunc(r.Golden, func(h Hashes) bool { return h.Package == e.Package && h.Level == l.String() })
		if at < 0 {
			at = len(r.Golden)
			r.Golden = append(r.Golden, Hashes{Package: e.Package, Level: l.String(), Mismatches: []string{}})
		}
		h := &r.Golden[at]
		h.Hashes++
		if e.Check() != nil {
			h.Mismatches = append(h.Mismatches, e.Name)
		}
	}
}

// AddCases runs cases at every level.
func (r *Report) AddCases(cases []conformance.Case) error {
	for _, c := range cases {
		if !c.Supported() {
			at := slices.IndexFunc(r.NotRun, func(n NotRun) bool { return n.Loss == c.Loss })
			if at < 0 {
				at = len(r.NotRun)
				r.NotRun = append(r.NotRun, NotRun{Loss: c.Loss})
			}
			r.NotRun[at].Cases++
			continue
		}
		at := slices.IndexFunc(r.Losses, func(l Loss) bool { return l.Loss == c.Loss })
		if at < 0 {
			at = len(r.Losses)
			r.Losses = append(r.Losses, Loss{Loss: c.Loss, Failures: []string{}})
		}
		for _, l := range cpu.Levels() {
			if err := atLevel(l, func() { r.Losses[at].run(c, l) }); err != nil {
				return err
			}
		}
		r.Losses[at].Cases++
	}
	slices.SortFunc(r.Losses, func(a, b Loss) int { return cmp.Compare(a.Loss, b.Loss) })
	slices.SortFunc(r.NotRun, func(a, b NotRun) int { return cmp.Compare(a.Loss, b.Loss) })
	return nil
}

// run runs a case at level l, which is in use.
func (r *Loss) run(c conformance.Case, l cpu.Level) {
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

// Failed returns an error that counts what is wrong, or nil. File is what the cases are from.
func (r *Report) Failed(file string) error {
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
		wrong = append(wrong, fmt.Sprintf("%s: %d of %d runs of cases failed", file, bad, all))
	}
	if all == 0 && len(r.NotRun) > 0 {
		wrong = append(wrong, file+": no case is of a loss known here")
	}
	if wrong == nil {
		return nil
	}
	return errors.New("verify: " + strings.Join(wrong, "; "))
}

func (r *Report) PrintHashes(w io.Writer) {
	fmt.Fprintf(w, "Recorded hashes, recomputed at each level of this CPU:\n\n%-12s", "package")
	for _, l := range r.Levels {
		fmt.Fprintf(w, " %-12s", l)
	}
	fmt.Fprintf(w, "\n")
	var packages []string
	for _, h := range r.Golden {
		if !slices.Contains(packages, h.Package) {
			packages = append(packages, h.Package)
		}
	}
	for _, p := range packages {
		fmt.Fprintf(w, "%-12s", p)
		for _, h := range r.Golden {
			if h.Package != p {
				continue
			}
			state := fmt.Sprintf("ok (%d)", h.Hashes)
			if n := len(h.Mismatches); n > 0 {
				state = fmt.Sprintf("%d of %d WRONG", n, h.Hashes)
			}
			fmt.Fprintf(w, " %-12s", state)
		}
		fmt.Fprintf(w, "\n")
	}
	for _, h := range r.Golden {
		for _, name := range h.Mismatches {
			fmt.Fprintf(w, "WRONG: %s %s at %s\n", h.Package, name, h.Level)
		}
	}
}

func (r *Report) PrintLosses(w io.Writer) {
	fmt.Fprintf(w, "\nConformance cases, worst errors over %s (at most %g and %g):\n\n", strings.Join(r.Levels, ", "), conformance.MaxValueError, conformance.MaxGradientError)
	fmt.Fprintf(w, "%-26s %6s %12s %12s\n", "loss", "cases", "value", "gradient")
	for _, l := range r.Losses {
		state := ""
		if len(l.Failures) > 0 {
			state = "  WRONG"
		}
		fmt.Fprintf(w, "%-26s %6d %12.2g %12.2g%s\n", l.Loss, l.Cases, float64(l.Value), float64(l.Gradient), state)
	}
	for _, n := range r.NotRun {
		fmt.Fprintf(w, "%-26s %6d   not run: no such loss here\n", n.Loss, n.Cases)
	}
	for _, l := range r.Losses {
		for _, f := range l.Failures {
			fmt.Fprintf(w, "WRONG: %s/%s\n", l.Loss, f)
		}
	}
}
