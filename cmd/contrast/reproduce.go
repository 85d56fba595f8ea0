package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/contrast-go/contrast/cmd/contrast/internal/reproduce"
	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/cmd/contrast/internal/view"
	"github.com/contrast-go/contrast/internal/cpu"
)

type reproduceCommand struct {
	Name    string `arg:"" enum:"${experiments}" help:"The experiment: ${enum}."`
	Quick   bool   `xor:"size" help:"Use less data and fewer steps: the shape only, in seconds."`
	Large   bool   `xor:"size" help:"Use more of both, in tens of minutes."`
	Out     string `default:"reproduce" placeholder:"DIR" help:"Folder of the picture NAME.png. Default ${default}."`
	Seed    uint64 `default:"1" placeholder:"N" help:"Seed of all random numbers. Default ${default}."`
	Workers int    `placeholder:"N" help:"Goroutines to use; no result depends on it. Default: as many as GOMAXPROCS."`
	JSON    bool   `name:"json" help:"Print the results as a JSON object on standard output."`
}

// Help is shown by kong below the summary.
func (*reproduceCommand) Help() string {
	var b strings.Builder
	b.WriteString("Repeats a published result with generated data, and compares the shape. The exit status is 1 if it does not hold.\n\n")
	for _, name := range reproduce.Names() {
		e, _ := reproduce.Find(name)
		fmt.Fprintf(&b, "    %-13s%s\n    %-13s%s\n", e.Name, e.Title, "", e.Source)
	}
	return b.String()
}

// Validate is called by kong when the command line is read.
func (c *reproduceCommand) Validate() error {
	if c.Out == "" {
		return errors.New("--out is empty, want a folder")
	}
	return run.CheckWorkers(c.Workers)
}

// A reproduceReport is what --json prints.
type reproduceReport struct {
	*reproduce.Report
	Holds   bool    `json:"holds"`
	Seconds float64 `json:"seconds"`
	Level   string  `json:"level"`
	Picture string  `json:"picture"`
}

// Run makes the experiment.
func (c *reproduceCommand) Run(con *console) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	e, err := reproduce.Find(c.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil { // before the work, not after
		return fmt.Errorf("--out: %w", err)
	}
	start := time.Now()
	r, err := e.Run(con.ctx, reproduce.Options{
		Quick: c.Quick, Large: c.Large, Seed: c.Seed, Workers: c.Workers,
		Progress: func(line string) { con.printf("%4.0f s  %s\n", time.Since(start).Seconds(), line) },
	})
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", run.ErrInterrupted, err)
	case err != nil:
		return err
	}
	seconds := time.Since(start).Seconds()
	picture := filepath.Join(c.Out, c.Name+".png")
	var b bytes.Buffer
	if err := r.WritePNG(&b); err != nil {
		return err
	}
	if err := view.WritePicture(picture, b.Bytes()); err != nil {
		return err
	}

	con.printf("\n%s\nTook %.0f s at level %v. Wrote %s\n", r, seconds, cpu.Active(), picture)
	if c.JSON {
		if err := con.printJSON(reproduceReport{r, r.Holds(), seconds, cpu.Active().String(), picture}); err != nil {
			return err
		}
	}
	if !r.Holds() {
		return fmt.Errorf("reproduce: %s does not hold: %s", c.Name, strings.Join(r.Failed(), "; "))
	}
	return nil
}
