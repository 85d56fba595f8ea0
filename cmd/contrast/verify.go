package main

import (
	"fmt"

	"github.com/contrast-go/contrast/cmd/contrast/internal/conformance"
	"github.com/contrast-go/contrast/cmd/contrast/internal/verification"
)

type verifyCommand struct {
	File string `arg:"" optional:"" help:"Conformance cases in JSON: inputs of losses, with their values and gradients."`
	JSON bool   `name:"json" help:"Print a JSON object on standard output."`
}

// Help is shown by kong below the summary.
func (*verifyCommand) Help() string {
	return fmt.Sprintf("Every level must give the recorded hashes. With FILE, the losses are evaluated as well, and their errors may be at most %g of the value and %g of the largest element of a gradient.",
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
	r, err := verification.New()
	if err != nil {
		return err
	}
	if err := r.AddCases(cases); err != nil {
		return err
	}
	failed := r.Failed(c.File)
	r.OK = failed == nil

	r.PrintHashes(con.stderr)
	if c.File != "" {
		r.PrintLosses(con.stderr)
	}
	if c.JSON {
		if err := con.printJSON(r); err != nil {
			return err
		}
	}
	return failed
}
