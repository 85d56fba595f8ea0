package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/interrupt"
	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

type embedCommand struct {
	Model   string `required:"" placeholder:"DIR" help:"Folder of a finished run."`
	Data    string `required:"" placeholder:"SOURCE" help:"Samples, as for train: all rows of a file, or images to train on and then those to test with."`
	Out     string `required:"" placeholder:"FILE" help:"File of the embeddings: ${writable}."`
	Side    string `enum:"query,document" default:"query" placeholder:"NAME" help:"Side of the samples, for an encoder of pairs: query or document. Default ${default}."`
	Layer   string `enum:"embedding,representation" default:"embedding" placeholder:"NAME" help:"Output of the projection head (embedding) or of the body (representation). Default ${default}."`
	Unit    bool   `help:"Scale each embedding to norm 1, so that inner products are cosines."`
	Force   bool   `help:"Replace the file that --out names."`
	Workers int    `placeholder:"N" help:"Goroutines to use; no result depends on it. Default: as many as GOMAXPROCS."`
	JSON    bool   `name:"json" help:"Print a JSON object on standard output."`
}

// An embedReport is what --json prints.
type embedReport struct {
	Model string `json:"model"`
	Data  string `json:"data"`
	Out   string `json:"out"`
	Rows  int    `json:"rows"`
	Dim   int    `json:"dim"`
	Level string `json:"level"`
}

// Help is shown by kong below the summary.
func (*embedCommand) Help() string {
	return "Row i of the file is the embedding of sample i. Samples are read, encoded and written a few at a time, so there may be more of them than memory holds. " +
		"The file appears whole or not at all."
}

// Validate is called by kong when the command line is read.
func (c *embedCommand) Validate() error {
	if err := run.CheckWorkers(c.Workers); err != nil {
		return err
	}
	out := strings.ToLower(c.Out)
	if !slices.ContainsFunc(data.Formats(), func(f data.Format) bool { return f.Writable && strings.HasSuffix(out, f.Extension) }) {
		return fmt.Errorf("--out is %q, want a name that ends with %s", c.Out, writable())
	}
	return nil
}

// writable lists the extensions of files of embeddings that can be written.
func writable() string {
	return settings.Extensions(func(f data.Format) bool { return f.Writable })
}

// Run embeds.
func (c *embedCommand) Run(con *console) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	if _, err := os.Lstat(c.Out); err == nil && !c.Force {
		return fmt.Errorf("--out: %s exists; --force replaces it", c.Out)
	}
	finished, err := run.Open(c.Model, c.Workers)
	if err != nil {
		return err
	}
	samples, err := dataset.OpenAll(c.Data, finished.Settings.ImageSize)
	if err != nil {
		return err
	}
	m := evaluation.Tower(finished.Model, c.Side == "document")
	in, _ := m.Dims()
	if samples.Dim() != in {
		return fmt.Errorf("--data: %s has samples of %d numbers, want the %d of the encoder", c.Data, samples.Dim(), in)
	}
	see := evaluation.Layer(m, c.Layer)
	dim := see(simd.NewMatrix(1, in)).Cols
	var x simd.Matrix
	var pick []int
	embed := func(dst simd.Matrix, first int) error {
		if err := con.ctx.Err(); err != nil {
			return run.ErrInterrupted
		}
		pick = pick[:0]
		for i := range dst.Rows {
			pick = append(pick, first+i)
		}
		x = x.Reshape(dst.Rows, in)
		if err := samples.Gather(x, pick); err != nil {
			return err
		}
		z := see(x)
		if c.Unit {
			simd.NormalizeRows(z, z, make([]float32, z.Rows))
		}
		for i := range dst.Rows {
			copy(dst.Row(i), z.Row(i))
		}
		return nil
	}
	err = interrupt.Guard(func() error { return data.WriteVectorsFrom(c.Out, samples.Len(), dim, embed) })
	if err != nil {
		return err
	}
	con.printf("Wrote %d embeddings of %d numbers to %s\n", samples.Len(), dim, c.Out)
	if c.JSON {
		return con.printJSON(embedReport{c.Model, c.Data, c.Out, samples.Len(), dim, cpu.Active().String()})
	}
	return nil
}
