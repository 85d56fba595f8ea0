package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/internal/cpu"
)

type evalCommand struct {
	Model   string   `required:"" placeholder:"DIR" help:"Folder of a finished run."`
	Data    string   `xor:"samples" placeholder:"SOURCE" help:"Samples, as for train. Default: those the run has and did not train on."`
	Pairs   []string `xor:"samples" placeholder:"Q,D" help:"Two files of embeddings: row i of the first matches row i of the second."`
	Labels  string   `placeholder:"FILE" help:"File with the class of each embedding of --data, as for train."`
	Layer   string   `enum:"embedding,representation" default:"embedding" placeholder:"NAME" help:"Output of the projection head (embedding) or of the body (representation). Default ${default}."`
	Limit   int      `default:"10000" placeholder:"N" help:"The most samples to measure; of more, as many are taken evenly. Default ${default}."`
	Workers int      `placeholder:"N" help:"Goroutines to use; no result depends on it. Default: as many as GOMAXPROCS."`
	JSON    bool     `name:"json" help:"Print the results as a JSON object on standard output, with shares between 0 and 1."`
}

// A scoreReport is what --json prints.
type scoreReport struct {
	Model   string `json:"model"`
	Data    string `json:"data"`
	Samples int    `json:"samples"`
	Level   string `json:"level"`
	evaluation.Report
}

// Help is shown by kong below the summary.
func (*evalCommand) Help() string {
	return "Measures samples that the encoder has never seen: as they are, by the encoder before its first step, and by the trained encoder. " +
		"It tells how well a search among them works, how well two samples of a class are told from two of different classes, and how far apart they lie."
}

// source returns the samples that the flags name, if they name any.
func (c *evalCommand) source() settings.Source {
	return settings.Source{Data: c.Data, Pairs: c.Pairs, Labels: c.Labels}
}

// Validate is called by kong when the command line is read.
func (c *evalCommand) Validate() error {
	if err := run.CheckWorkers(c.Workers); err != nil {
		return err
	}
	switch {
	case c.Limit < 2:
		return fmt.Errorf("--limit is %d, want 2 or more", c.Limit)
	case c.Labels != "" && c.Data == "":
		return errors.New("--labels needs the samples that it belongs to: --data FILE")
	}
	s := c.source()
	return s.Check()
}

// Run measures.
func (c *evalCommand) Run(con *console) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	finished, err := run.Open(c.Model, c.Workers)
	if err != nil {
		return err
	}
	d, err := finished.Dataset(c.source())
	if err != nil {
		return err
	}
	h, err := evaluation.NewHeldOut(d, c.Limit, c.Workers)
	if err != nil {
		return err
	}
	if err := h.Check(); err != nil {
		return err
	}
	untrained, err := finished.Settings.NewEncoder(d.Facts())
	if err != nil {
		return err
	}
	untrained.SetWorkers(c.Workers)

	var names []string
	var scores []evaluation.Metrics
	for _, how := range evaluation.Embedders(h, untrained, finished.Model, c.Layer) {
		m, err := h.Score(how)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(how.Name, " ")
		names, scores = append(names, name), append(scores, m)
	}
	con.printf("%s:\n\n%s", h.Question(), evaluation.ScoreTable(names, scores))
	if c.JSON {
		return con.printJSON(scoreReport{c.Model, d.Name(), h.Q.Rows, cpu.Active().String(), evaluation.NewReport(scores)})
	}
	return nil
}
