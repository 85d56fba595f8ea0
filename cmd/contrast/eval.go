package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/cpu"
)

type evalCommand struct {
	Model   string `required:"" placeholder:"DIR" help:"Folder of a finished run."`
	Data    string `placeholder:"SOURCE" help:"Samples to measure, as for train. Default: those of the run that it did not train on."`
	Layer   string `enum:"embedding,representation" default:"embedding" placeholder:"NAME" help:"What to measure: embedding, which the loss saw, or representation, without the projection head. Default embedding."`
	Workers int    `placeholder:"N" help:"Goroutines that share the work; results do not depend on it. Default 0: as many as GOMAXPROCS."`
	JSON    bool   `name:"json" help:"Print the results as one JSON object on standard output, shares between 0 and 1."`
}

// A scoreReport is what --json prints.
type scoreReport struct {
	Model string `json:"model"`
	Data  string `json:"data"`
	Level string `json:"level"`
	evalReport
}

// Help is shown by kong below the summary.
func (*evalCommand) Help() string {
	return "Samples that the encoder has never seen are measured as they are, as the encoder saw them before its first step, and as it sees them now: " +
		"what is found among them, how well two of a class are told from two of different ones, and how far from each other they lie."
}

// Validate is called by kong when the command line is read.
func (c *evalCommand) Validate() error {
	if c.Workers < 0 {
		return fmt.Errorf("--workers is %d, want 0 or more", c.Workers)
	}
	return nil
}

// Run measures.
func (c *evalCommand) Run(con *console) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	run := folder(c.Model)
	s, err := run.settings()
	if err != nil {
		return fmt.Errorf("--model: %w", err)
	}
	m, err := train.ReadModel(run.path(modelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--model: %s holds no finished run: %w", run, err)
	}
	if err != nil {
		return err
	}
	m.SetWorkers(c.Workers)
	if c.Data != "" {
		s.Data = c.Data
	}
	d, err := s.openCorpus()
	if err != nil {
		return err
	}
	if err := fits(m, d); err != nil {
		return err
	}
	h, err := d.held(maxHeld, c.Workers)
	if err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	untrained, err := s.encoder(d)
	if err != nil {
		return err
	}
	untrained.SetWorkers(c.Workers)
	e, err := d.exam(c.Workers)
	if err != nil {
		return err
	}

	var scores []figures
	for _, how := range []embedder{e.raw(), encoded("untrained encoder", untrained, c.Layer), encoded("trained encoder", m, c.Layer)} {
		f, err := h.score(how)
		if err != nil {
			return err
		}
		scores = append(scores, f)
	}
	con.printf("%s, searched among each other:\n\n%s", h.what, scoreTable([]string{"raw", "untrained", "trained"}, scores))
	if c.JSON {
		return con.printJSON(scoreReport{c.Model, d.name(), cpu.Active().String(), evalReport{scores[0], scores[1], scores[2]}})
	}
	return nil
}

// fits returns an error unless m takes the samples of d.
func fits(m train.Model, d corpus) error {
	in, _ := m.Dims()
	if q, k := d.dims(); max(q, k) != in {
		return fmt.Errorf("--data: %s has samples of %d numbers, want the %d of the encoder", d.name(), max(q, k), in)
	}
	return nil
}

// settings returns those that the run in the folder was made under.
func (f folder) settings() (*settings, error) {
	path := f.path(train.CheckpointFile)
	c, err := train.ReadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	s := new(settings)
	if err := json.Unmarshal([]byte(c.Config), s); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: config: %w", path, err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: config: %w", path, err)
	}
	return s, nil
}
