package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

type trainCommand struct {
	Data        string   `default:"glyphs" help:"What to learn from: glyphs (letters and digits, built in) or idx:DIR (files of the MNIST family)."`
	Loss        string   `default:"ntxent" enum:"ntxent,infonce,clip,triplet" help:"ntxent, infonce, clip or triplet (batch-hard by labels)."`
	Steps       *int     `help:"Steps of the whole run. Default: 2000, 6000 for triplet."`
	Batch       *int     `help:"Samples a step, each in two views. Default: 256, 24 for triplet, whose embeddings collapse where many rows choose the hardest."`
	Seed        uint64   `default:"1" help:"Seed of weights, order and augmentation."`
	Temperature *float64 `help:"Temperature of the loss. Default: 0.1."`
	LR          float64  `default:"0.002" name:"lr" help:"Peak learning rate of AdamW, after a warm-up and before a cosine."`
	Margin      float64  `default:"0.3" help:"Margin of the triplet loss."`
	Workers     int      `default:"0" help:"Threads; 0 means all processors. The result does not depend on it."`
	Out         string   `type:"path" placeholder:"DIR" help:"Folder for model, checkpoint, metrics and pictures. Default: a new one below runs/."`
	Every       int      `default:"200" help:"Steps between checkpoints."`
	Resume      bool     `help:"Go on from the checkpoint in --out, bit for bit. The other flags must be those of the run."`
	Force       bool     `help:"Replace the run that is in --out."`
	JSON        bool     `help:"Print one JSON object on stdout."`
}

// The encoder: widths of its hidden layers, and of the projection head that ends in the embedding.
var (
	bodyWidths = []int{512, 256}
	headWidths = []int{128}
)

// config is what decides the weights of a run. It is kept in the checkpoint.
type config struct {
	Data        string  `json:"data"`
	Loss        string  `json:"loss"`
	Steps       int     `json:"steps"`
	Batch       int     `json:"batch"`
	Seed        uint64  `json:"seed"`
	Temperature float64 `json:"temperature,omitempty"`
	Margin      float64 `json:"margin,omitempty"`
	LR          float64 `json:"lr"`
	Body        []int   `json:"body"`
	Head        []int   `json:"head"`
}

// trained is what train reports.
type trained struct {
	Loss          float64    `json:"loss"`
	Steps         int        `json:"steps"`
	Seconds       float64    `json:"seconds"`
	Level         string     `json:"level"`
	WeightsSHA256 string     `json:"weights_sha256"`
	Eval          evaluation `json:"eval"`
	Out           string     `json:"out"`
}

func (c *trainCommand) Run(ctx context.Context, o *output) error {
	if err := cpu.RequestError(); err != nil {
		return err
	}
	g, err := c.config()
	if err != nil {
		return err
	}
	set, err := loadDataset(c.Data)
	if err != nil {
		return err
	}
	t, encoder, err := c.trainer(g, set)
	if err != nil {
		return err
	}
	// A first look at the data, so that nothing is written where they do not suffice.
	if _, err := t.Source.Next(0, simd.NewMatrix(2*g.Batch, set.pixels())); err != nil {
		return fmt.Errorf("%s: %w", c.Data, err)
	}
	if t.Dir, err = c.folder(); err != nil {
		return err
	}
	start := 0
	if c.Resume {
		if start, err = t.Resume(); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}

	fmt.Fprintf(o.err, "%s, %s; level %s; %s\n", c.Loss, set.description, cpu.Active(), t.Dir)
	if start > 0 {
		fmt.Fprintf(o.err, "resumed at step %d\n", start)
	}
	progress := newProgress(o.err, start, g.Steps, 2*g.Batch)
	t.Report = progress.step
	began := time.Now()
	err = t.Run(ctx)
	progress.done()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w; go on with the same flags and --resume --out %s", err, t.Dir)
	}
	if err != nil {
		return err
	}
	result := trained{
		Steps:         g.Steps,
		Seconds:       time.Since(began).Seconds(),
		Level:         cpu.Active().String(),
		WeightsSHA256: train.WeightsSHA256(encoder.Params().Values),
		Out:           t.Dir,
	}
	if result.Loss, err = finish(t.Dir, encoder, set, c, &result.Eval); err != nil {
		return err
	}
	result.Eval.print(o.err, set)
	fmt.Fprintf(o.err, "\n%d steps in %.1f s, loss %.4f, weights %.16s…\n", g.Steps-start, result.Seconds, result.Loss, result.WeightsSHA256)
	fmt.Fprintf(o.err, "%s: model.safetensors, checkpoint.safetensors, metrics.jsonl, loss.png, neighbours.png\n", t.Dir)
	if c.JSON {
		return o.object(result)
	}
	return nil
}

// finish evaluates the encoder and writes the model and the pictures. It returns the
// mean loss over the last steps.
func finish(dir string, encoder *train.MLP, set *dataset, c *trainCommand, e *evaluation) (loss float64, err error) {
	if err := train.WriteModel(filepath.Join(dir, "model.safetensors"), encoder); err != nil {
		return 0, err
	}
	untrained, err := newEncoder(c, set)
	if err != nil {
		return 0, err
	}
	grid, err := evaluate(e, set, untrained, encoder, c.Workers)
	if err != nil {
		return 0, err
	}
	if err := grid.write(filepath.Join(dir, "neighbours.png")); err != nil {
		return 0, err
	}
	losses, err := readLosses(filepath.Join(dir, train.MetricsFile))
	if err != nil {
		return 0, err
	}
	if err := plotLoss(filepath.Join(dir, "loss.png"), c.Loss, losses); err != nil {
		return 0, err
	}
	return mean(losses[max(0, len(losses)-50):]), nil
}

// config checks the flags.
func (c *trainCommand) config() (config, error) {
	steps, batch, temperature := 2000, 256, 0.1
	if c.Loss == "triplet" {
		steps, batch = 6000, 24
	}
	if c.Steps != nil {
		steps = *c.Steps
	}
	if c.Batch != nil {
		batch = *c.Batch
	}
	if c.Temperature != nil {
		temperature = *c.Temperature
	}
	switch {
	case steps < 1:
		return config{}, fmt.Errorf("--steps is %d, want 1 or more", steps)
	case batch < 2:
		return config{}, fmt.Errorf("--batch is %d, want 2 or more", batch)
	case !(temperature > 0) || math.IsInf(temperature, 1):
		return config{}, fmt.Errorf("--temperature is %v, want a finite number above 0", temperature)
	case !(c.LR > 0) || math.IsInf(c.LR, 1):
		return config{}, fmt.Errorf("--lr is %v, want a finite number above 0", c.LR)
	case !(c.Margin > 0) || math.IsInf(c.Margin, 1):
		return config{}, fmt.Errorf("--margin is %v, want a finite number above 0", c.Margin)
	case c.Workers < 0:
		return config{}, fmt.Errorf("--workers is %d, want 0 or more", c.Workers)
	case c.Every < 1:
		return config{}, fmt.Errorf("--every is %d, want 1 or more", c.Every)
	case c.Resume && c.Out == "":
		return config{}, errors.New("--resume needs the folder of the run: --out DIR")
	case c.Resume && c.Force:
		return config{}, errors.New("--resume goes on with a run, --force replaces it: want one of them")
	}
	g := config{Data: c.Data, Loss: c.Loss, Steps: steps, Batch: batch, Seed: c.Seed, LR: c.LR, Body: bodyWidths, Head: headWidths}
	if c.Loss == "triplet" {
		g.Margin = c.Margin
	} else {
		g.Temperature = temperature
	}
	return g, nil
}

func newEncoder(c *trainCommand, set *dataset) (*train.MLP, error) {
	body := append([]int{set.pixels()}, bodyWidths...)
	head := append([]int{bodyWidths[len(bodyWidths)-1]}, headWidths...)
	m, err := train.NewMLP(c.Seed, body, head)
	if err == nil {
		m.Workers = c.Workers
	}
	return m, err
}

func (c *trainCommand) trainer(g config, set *dataset) (*train.Trainer, *train.MLP, error) {
	encoder, err := newEncoder(c, set)
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(g)
	if err != nil {
		return nil, nil, err
	}
	t := &train.Trainer{
		Encoder:   encoder,
		Optimizer: &train.AdamW{Decay: 0.1, Workers: c.Workers},
		Schedule:  train.Cosine{Peak: float32(c.LR), Warmup: min(50, g.Steps/10), Steps: g.Steps},
		Source:    &train.Views{Images: set.train, Seed: c.Seed, Workers: c.Workers},
		Batch:     g.Batch,
		Steps:     g.Steps,
		Every:     c.Every,
		Config:    string(text),
	}
	temperature := float32(g.Temperature)
	switch c.Loss {
	case "ntxent":
		t.Loss = &infonce.NTXent{Temperature: temperature, Workers: c.Workers}
	case "infonce":
		t.Loss = &infonce.InfoNCE{Temperature: temperature, Workers: c.Workers}
	case "clip":
		t.Loss = &infonce.InfoNCE{Temperature: temperature, Symmetric: true, Workers: c.Workers}
	case "triplet":
		if set.train.Labels == nil {
			return nil, nil, fmt.Errorf("--loss triplet needs labels, %s has none", c.Data)
		}
		t.Loss = &infonce.BatchHard{Margin: float32(g.Margin), Normalize: true, Workers: c.Workers}
		t.Source = &train.Classes{Images: set.train, Seed: c.Seed, PerClass: 2, Workers: c.Workers}
		t.Arrange = train.Labelled
	}
	return t, encoder, nil
}

// folder returns the folder of the run, made where it is missing. It refuses one in
// which a run would be lost.
func (c *trainCommand) folder() (string, error) {
	dir := c.Out
	for n := 1; dir == ""; n++ {
		next := filepath.Join("runs", fmt.Sprintf("%03d", n))
		if _, err := os.Lstat(next); errors.Is(err, fs.ErrNotExist) {
			dir = next
		} else if err != nil {
			return "", err
		}
	}
	if c.Resume {
		return dir, nil
	}
	if _, err := os.Lstat(filepath.Join(dir, train.CheckpointFile)); err == nil && !c.Force {
		return "", fmt.Errorf("%s holds a run: go on with --resume, replace it with --force, or name another --out", dir)
	}
	return dir, os.MkdirAll(dir, 0o777)
}

// A dataset is what a run learns from and is tried on.
type dataset struct {
	train, test data.Images
	description string
	queries     string // what the evaluation asks about
	draws       int    // augmented views of each test image
}

func (d *dataset) pixels() int { return d.train.Width * d.train.Height * d.train.Channels }

func loadDataset(name string) (*dataset, error) {
	if name == "glyphs" {
		seen, unseen, err := data.Glyphs()
		if err != nil {
			return nil, err
		}
		a, b := data.Typefaces()
		return &dataset{seen, unseen,
			fmt.Sprintf("%d letters and digits in %d typefaces", seen.Len(), len(a)),
			fmt.Sprintf("%d typefaces never seen", len(b)), 8}, nil
	}
	dir, ok := strings.CutPrefix(name, "idx:")
	if !ok || dir == "" {
		return nil, fmt.Errorf("--data is %q, want glyphs or idx:DIR", name)
	}
	seen, unseen, err := data.ReadIDX(dir)
	if err != nil {
		return nil, err
	}
	return &dataset{seen, unseen,
		fmt.Sprintf("%d images of %s", seen.Len(), dir),
		fmt.Sprintf("%d images never seen", unseen.Len()), 1}, nil
}

func mean(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}
