package main

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/internal/cpu"
)

type trainCommand struct {
	settings.Settings
	run.Options `group:"Run:"`
	Config      configFlag `group:"Run:" xor:"config" placeholder:"FILE" help:"Read flags from a YAML or JSON object, such as {loss: clip, hidden: [512, 256]}. Flags of the command line take precedence."`
	JSON        bool       `group:"Run:" name:"json" help:"Print the results as a JSON object on standard output, with shares between 0 and 1."`
}

// Help is shown by kong below the summary.
func (*trainCommand) Help() string {
	return "Learns from images (--data FOLDER) or from embeddings made by another model: pairs (--pairs), triplets (--triplets), rows with classes (--labels) or without. " +
		"Two augmented views of a sample, or the two sides of a pair, are pulled together and pushed away from all others; with a loss by labels, all samples of a class are. " +
		"Samples the encoder has never seen are evaluated afterwards: as they are, by the encoder before the first step, and by the trained encoder.\n\n" +
		"Examples:\n\n" +
		"    contrast train                                          letters in many typefaces\n" +
		"    contrast train --pairs questions.npy,answers.npy        adapt embeddings to retrieval\n" +
		"    contrast train --data rows.npy --labels classes.csv     or to classes\n" +
		"    contrast train --data FOLDER --arch cnn                 images without labels\n" +
		"    contrast train --data faces --split classes --arch cnn --loss supcon"
}

// Run trains.
func (c *trainCommand) Run(con *console, line *kong.Context) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	r, err := run.Resolve(con.stderr, &c.Settings, given(line), c.Options)
	if errors.As(err, new(*run.UsageError)) && c.Config != "" {
		return fmt.Errorf("%w (with the flags in %s)", err, c.Config)
	}
	if err != nil {
		return err
	}
	report, err := r.Train(con.ctx, con.stderr)
	if err != nil || !c.JSON {
		return err
	}
	return con.printJSON(report)
}

// given returns the flags that the command line or a file of flags has.
func given(line *kong.Context) settings.Given {
	names := make(settings.Given)
	for _, p := range line.Path {
		if p.Flag != nil {
			names[p.Flag.Name] = true
		}
	}
	return names
}
