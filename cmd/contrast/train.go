package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/cpu"
)

type trainCommand struct {
	settings
	Out         string `group:"Run:" placeholder:"DIR" help:"Folder of the run. Default: a new one, the first of runs/001, runs/002, … that is free."`
	Resume      bool   `group:"Run:" xor:"out,config" help:"Go on from the checkpoint in --out, under the settings that it holds."`
	Force       bool   `group:"Run:" xor:"out" help:"Replace the run that --out holds."`
	Config      string `group:"Run:" xor:"config" placeholder:"FILE" help:"Flags as a YAML or JSON object, such as {loss: clip, hidden: [512, 256]}; those of the command line come first."`
	Every       int    `group:"Run:" default:"500" placeholder:"N" help:"Steps between checkpoints; 0 means one at the end only. Default 500."`
	Workers     int    `group:"Run:" placeholder:"N" help:"Goroutines that share the work; results do not depend on it. Default 0: as many as GOMAXPROCS."`
	Chunk       int    `group:"Run:" placeholder:"N" help:"Samples that the encoder sees at a time, for less memory; results do not depend on it. Default 0: all of a step."`
	Report      bool   `group:"Run:" help:"Write all that can be shown of the run to report.html in its folder, while it goes on and at its end: one file that needs no network."`
	Serve       string `group:"Run:" placeholder:"ADDR" help:"Show that page at an address of this machine while training goes on, such as 127.0.0.1:8080; port 0 is any free one. It keeps itself up to date."`
	ServeAll    bool   `group:"Run:" help:"Let --serve listen where other machines can connect. The page shows names and images of the data, without a password."`
	TensorBoard bool   `group:"Run:" name:"tensorboard" help:"Write the curves as an event file, for: tensorboard --logdir DIR."`
	JSON        bool   `group:"Run:" name:"json" help:"Print the results as one JSON object on standard output, shares between 0 and 1."`

	plan     *memoryPlan
	opened   corpus // by defaults; may be nil
	resolved bool   // the defaults of all flags are known
}

// errInterrupted says that a signal stopped the training.
var errInterrupted = errors.New("interrupted")

// Help is shown by kong below the summary.
func (*trainCommand) Help() string {
	return "Learns from images (--data FOLDER) or from embeddings of another model: pairs (--pairs), triplets (--triplets), rows with classes (--labels) or without. " +
		"Two augmented views of a sample, or the two of a pair, are brought together and apart from all others; with a loss by labels all samples of a class. " +
		"Afterwards samples that the encoder has never seen are searched: as they are, by the encoder before the first step and by the trained one.\n\n" +
		"Examples:\n\n" +
		"    contrast train                                          letters in many typefaces\n" +
		"    contrast train --pairs questions.npy,answers.npy        adapt embeddings to retrieval\n" +
		"    contrast train --data rows.npy --labels classes.csv     or to classes\n" +
		"    contrast train --data FOLDER --arch cnn                 images without labels\n" +
		"    contrast train --data faces --split classes --arch cnn --loss supcon"
}

// Validate is called by kong when the command line is read.
func (c *trainCommand) Validate() error {
	switch {
	case c.Workers < 0:
		return fmt.Errorf("--workers is %d, want 0 or more", c.Workers)
	case c.Chunk < 0:
		return fmt.Errorf("--chunk is %d, want 0 or more", c.Chunk)
	case c.Every < 0:
		return fmt.Errorf("--every is %d, want 0 or more", c.Every)
	case c.ServeAll && c.Serve == "":
		return errors.New("--serve-all is for --serve ADDR")
	case c.Out == "" && (c.Resume || c.Force):
		return errors.New("--resume and --force need the folder of the run: --out DIR")
	}
	if err := c.settings.check(); err != nil || !c.resolved {
		return err
	}
	return c.checkKind()
}

// defaults returns the values of flags that were not given, by name, where they
// differ from those in the tags.
func (c *trainCommand) defaults(given func(flag string) bool) (map[string]string, error) {
	if c.Resume {
		return folder(c.Out).savedSettings()
	}
	defaults, err := c.sourceDefaults(given, &c.opened)
	if err != nil {
		return nil, err
	}
	if defaults == nil {
		defaults = make(map[string]string)
	}
	maps.Copy(defaults, c.encoderDefaults())
	if c.sourceKind() == imageSource || given("loss") && c.Triplets == "" {
		maps.Copy(defaults, c.kind().defaults)
	}
	maps.Copy(defaults, c.optimizer().defaults)
	if c.Queue > 0 && c.Loss == "infonce" { // an encoder that would collapse if it were held apart from its first steps
		defaults["queue-after"] = strconv.Itoa(c.Steps / 2)
	}
	return defaults, nil
}

// A trainReport is what --json prints.
type trainReport struct {
	Loss          float64     `json:"loss"` // of the last step
	Steps         int         `json:"steps"`
	Seconds       float64     `json:"seconds"` // of the steps that this process made
	Level         string      `json:"level"`
	WeightsSHA256 string      `json:"weights_sha256"`
	Temperature   float32     `json:"temperature,omitempty"` // that was learned
	Eval          evalReport  `json:"eval"`                  // augmented queries
	Clean         *evalReport `json:"clean,omitempty"`       // queries as they are
	PlannedBytes  int64       `json:"planned_bytes"`
	PeakBytes     int64       `json:"peak_bytes,omitempty"` // of memory that this process took, where the system tells
	Out           string      `json:"out"`
}

type evalReport struct {
	Raw       figures `json:"raw,omitempty"` // not of pairs whose sides can not be compared as they are
	Untrained figures `json:"untrained"`
	Trained   figures `json:"trained"`
}

// newEvalReport takes the figures of all ways to see samples.
func newEvalReport(f []figures) evalReport {
	r := evalReport{Untrained: f[len(f)-2], Trained: f[len(f)-1]}
	if len(f) > 2 {
		r.Raw = f[0]
	}
	return r
}

func evalOf(rows []row, of func(answer) figures) evalReport {
	var f []figures
	for _, r := range rows {
		f = append(f, of(r.answer))
	}
	return newEvalReport(f)
}

// Run trains. All input is checked before the folder of the run is touched.
func (c *trainCommand) Run(con *console) error {
	if err := cpu.RequestError(); err != nil {
		return fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	plan, d := c.plan, c.opened
	c.nameFormat()
	if d == nil {
		var err error
		if d, err = c.openCorpus(); err != nil {
			return err
		}
	}
	t, encoder, err := c.build(d, c.Workers)
	if err != nil {
		return err
	}
	server, err := c.serve(con)
	if err != nil {
		return err
	}
	defer server.stop()
	out, first := folder(c.Out), 0
	t.Dir, t.CheckpointEvery, t.Chunk = c.Out, c.Every, c.Chunk
	t.Warn = func(err error) { con.printf("warning: %v\n", err) }
	if err := plan.add(t, d); err != nil {
		return err
	}
	switch {
	case c.Resume:
		first, err = t.Resume()
	case c.Out != "":
		err = out.claim(c.Force)
	default:
		out, err = newFolder()
		t.Dir = string(out)
	}
	if err != nil {
		return err
	}

	heading := c.heading(d, t, encoder, plan, out) + server.text()
	w := c.newWatch(con, d, t, encoder, server, out, first)
	seconds, err := c.train(con, t, w, out, heading, first)
	if err != nil {
		return err
	}
	return c.finish(con, d, t, w, encoder, plan, out, seconds)
}

// train runs t from step first and returns how long that took. The heading is shown
// with the first step, so that what keeps a run from beginning is an error of one line.
func (c *trainCommand) train(con *console, t *train.Trainer, w *watch, out folder, heading string, first int) (seconds float64, err error) {
	start := time.Now()
	ctx, stop := context.WithCancelCause(con.ctx)
	defer stop(nil)
	var p *progress
	t.Report = func(s train.Progress) {
		if p == nil {
			con.printf("%s", heading)
			p = newProgress(con, first, c.Steps, c.rows(), c.sampleName(), start)
		}
		p.step(s)
		if err := w.step(s, p); err != nil {
			stop(err)
		}
	}
	err = t.Run(ctx)
	seconds = time.Since(start).Seconds()
	if p != nil {
		p.close()
	}
	if failed := w.close(); failed != nil {
		return seconds, failed
	}
	switch cause := context.Cause(ctx); {
	case !errors.Is(err, context.Canceled):
		return seconds, err
	case !errors.Is(cause, context.Canceled): // of the watch
		return seconds, cause
	}
	saved, readErr := train.ReadCheckpoint(out.path(train.CheckpointFile))
	if readErr != nil {
		return seconds, fmt.Errorf("%w: %w", err, readErr)
	}
	return seconds, fmt.Errorf("%w: the checkpoint holds step %d of %d; go on with: contrast train --resume --out %s", errInterrupted, saved.Step, c.Steps, shellQuote(string(out)))
}

// finish writes the model, takes the exam and draws the pictures.
func (c *trainCommand) finish(con *console, d corpus, t *train.Trainer, w *watch, encoder nn.Model, plan *memoryPlan, out folder, seconds float64) error {
	steps, err := readCurves(out.path(train.MetricsFile))
	if err != nil {
		return err
	}
	title := fmt.Sprintf("%s on %s", c.kind().title, d.name())
	if err := drawLosses(out.path(curveFile), title, steps.loss); err != nil {
		return err
	}

	untrained, err := c.encoder(d)
	if err != nil {
		return err
	}
	untrained.SetWorkers(c.Workers)
	e, err := d.exam(c.Workers)
	if err != nil {
		return err
	}
	var rows []row
	asTheyAre, comparable := e.raw()
	ways := waysToSee(asTheyAre, comparable, untrained, encoder, "embedding")
	for _, how := range ways {
		a, err := e.ask(how)
		if err != nil {
			return err
		}
		rows = append(rows, row{how.name, a})
	}
	raw, after := rows[0], rows[len(rows)-1]
	if e, ok := e.(*imageExam); ok {
		if err := drawNeighbours(out.path(gridFile), e, raw.answer, after.answer); err != nil {
			return err
		}
	}
	if w.show != nil {
		p, err := c.finalPage(d, t.Config, steps, out, e, rows, ways)
		if err == nil {
			err = w.show(p)
		}
		if err != nil {
			return err
		}
	}
	// Last, because its presence tells a finished run.
	if err := nn.WriteModel(out.path(modelFile), encoder); err != nil {
		return err
	}

	r := trainReport{
		Loss:          steps.loss[len(steps.loss)-1],
		Steps:         c.Steps,
		Seconds:       seconds,
		Level:         cpu.Active().String(),
		WeightsSHA256: nn.WeightsSHA256(encoder.Params().Values),
		Eval:          evalOf(rows, func(a answer) figures { return a.eval }),
		PlannedBytes:  plan.total,
		PeakBytes:     peak(),
		Out:           string(out),
	}
	queries := ""
	if raw.clean != nil {
		clean := evalOf(rows, func(a answer) figures { return a.clean })
		r.Clean = &clean
		queries = " on augmented queries"
	}
	con.printf("\n%s\n%s", table(e.describe(), rows), gain(raw, after, queries))
	if t.LearnedTemperature != nil {
		r.Temperature = *t.LearnedTemperature.Temperature
		con.printf("\nTemperature %.4f, learned from %v on\n", r.Temperature, c.Temperature)
	}
	if r.PeakBytes > 0 {
		con.printf("\nMemory %s at most, %s planned", megabytes(r.PeakBytes), megabytes(r.PlannedBytes))
	}
	con.printf("\nWeights %s\nWrote %s\n", r.WeightsSHA256, out.list())
	if c.JSON {
		return con.printJSON(r)
	}
	return nil
}
