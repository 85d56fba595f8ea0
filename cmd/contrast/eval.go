package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/internal/cpu"
)

type evalCommand struct {
	Model string `required:"" placeholder:"DIR" help:"Folder of a finished run."`
	sampleFlags
	Layer   string `enum:"embedding,representation" default:"embedding" placeholder:"NAME" help:"What to measure: embedding, which the loss saw, or representation, without the projection head. Default embedding."`
	Limit   int    `default:"10000" placeholder:"N" help:"The most samples to measure; of more, as many that lie evenly among them. Default 10000."`
	Workers int    `placeholder:"N" help:"Goroutines that share the work; results do not depend on it. Default 0: as many as GOMAXPROCS."`
	JSON    bool   `name:"json" help:"Print the results as one JSON object on standard output, shares between 0 and 1."`
}

// The sampleFlags name samples to be seen by a model.
type sampleFlags struct {
	Data   string   `xor:"samples" placeholder:"SOURCE" help:"Samples, as for train. Default: those of the run that it did not train on."`
	Pairs  []string `xor:"samples" placeholder:"Q,D" help:"Two files of embeddings: row i of one belongs to row i of the other."`
	Labels string   `placeholder:"FILE" help:"The class of each embedding of --data, as for train."`
}

func (f *sampleFlags) given() bool { return f.Data != "" || len(f.Pairs) > 0 }

// Validate is called by kong when the command line is read.
func (f *sampleFlags) Validate() error {
	if f.Labels != "" && f.Data == "" {
		return errors.New("--labels needs the samples that it belongs to: --data FILE")
	}
	return (&settings{Data: f.Data, Pairs: f.Pairs, Labels: f.Labels}).checkSamples()
}

// of returns the settings of a run whose samples are those of f, if it names some.
func (f *sampleFlags) of(s settings) *settings {
	if f.given() {
		s.Data, s.Pairs, s.Labels, s.Triplets = f.Data, f.Pairs, f.Labels, ""
		s.nameFormat()
	}
	return &s
}

// A scoreReport is what --json prints.
type scoreReport struct {
	Model   string `json:"model"`
	Data    string `json:"data"`
	Samples int    `json:"samples"`
	Level   string `json:"level"`
	evalReport
}

// Help is shown by kong below the summary.
func (*evalCommand) Help() string {
	return "Samples that the encoder has never seen are measured as they are, as the encoder saw them before its first step, and as it sees them now: " +
		"what is found among them, how well two of a class are told from two of different ones, and how far from each other they lie."
}

// Validate is called by kong when the command line is read.
func (c *evalCommand) Validate() error {
	switch {
	case c.Workers < 0:
		return fmt.Errorf("--workers is %d, want 0 or more", c.Workers)
	case c.Limit < 2:
		return fmt.Errorf("--limit is %d, want 2 or more", c.Limit)
	}
	return c.sampleFlags.Validate()
}

// Run measures.
func (c *evalCommand) Run(con *console) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	run, err := openRun(c.Model, c.Workers)
	if err != nil {
		return err
	}
	d, err := run.corpus(&c.sampleFlags)
	if err != nil {
		return err
	}
	h, err := d.held(c.Limit, c.Workers)
	if err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	untrained, err := run.settings.encoder(d)
	if err != nil {
		return err
	}
	untrained.SetWorkers(c.Workers)

	raw, comparable := h.raw()
	var names []string
	var scores []figures
	for _, how := range waysToSee(raw, comparable, untrained, run.model, c.Layer) {
		f, err := h.score(how)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(how.name, " ")
		names, scores = append(names, name), append(scores, f)
	}
	con.printf("%s:\n\n%s", h.question(), scoreTable(names, scores))
	if c.JSON {
		return con.printJSON(scoreReport{c.Model, d.name(), h.q.Rows, cpu.Active().String(), newEvalReport(scores)})
	}
	return nil
}
