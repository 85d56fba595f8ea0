package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/contrast-go/contrast/infonce/train"
)

// The settings of a run are all that its weights follow from, together with the
// images. They are kept in its checkpoint under the names of their flags.
type settings struct {
	Data        string  `json:"data" default:"glyphs" placeholder:"SOURCE" help:"glyphs: letters and digits from fonts inside the program; or idx:DIR: a folder of the MNIST family. Default glyphs."`
	Loss        string  `json:"loss" enum:"${losses}" default:"ntxent" placeholder:"NAME" help:"Of two views of each image: ${losses_of_views}. By labels: ${losses_by_labels}. Default ntxent."`
	Steps       int     `json:"steps" default:"2000" placeholder:"N" help:"Steps of the whole run. Default 2000, 6000 for triplet."`
	Batch       int     `json:"batch" default:"256" placeholder:"N" help:"Samples a step, of which two views each are seen. Default 256, 24 for triplet."`
	Seed        uint64  `json:"seed" default:"1" placeholder:"N" help:"Seed of weights, order and augmentation. Default 1."`
	Temperature float32 `json:"temperature" default:"0.1" placeholder:"T" help:"Temperature of the losses that have one. Default 0.1."`
	Margin      float32 `json:"margin" default:"0.3" placeholder:"M" help:"Margin of the losses of distances. Default 0.3, of lifted 1, of margin 0.2."`
	LR          float32 `json:"lr" name:"lr" default:"0.003" placeholder:"RATE" help:"Peak learning rate. Default 0.003, 0.002 for triplet, 0.1 for sgd, 3 for lars."`
	Decay       float32 `json:"decay" default:"0.1" placeholder:"D" help:"Weight decay. Default 0.1, 0 for adam, 0.0001 for sgd and lars."`
	Hidden      []int   `json:"hidden" default:"512,256" placeholder:"N" help:"Widths of the layers of the encoder. Default 512,256."`
	Dim         int     `json:"dim" default:"128" placeholder:"N" help:"Width of the embedding, which a last layer makes of them. Default 128."`
	Supervised  bool    `json:"supervised" help:"The second view of an image is one of another image of its class."`

	// Fields that came later are left out where they are off, so that older runs can be resumed.
	LearnTemperature bool         `json:"learn-temperature,omitempty" help:"Learn the temperature, from --temperature on and within 0.01 and 1."`
	Distinct         bool         `json:"distinct,omitempty" help:"No two images of a step are of one class; see --batch."`
	Queue            int          `json:"queue,omitempty" default:"0" placeholder:"N" help:"Embeddings of earlier images that are negatives too, for infonce and moco. Default 0, 1024 for moco."`
	QueueAfter       int          `json:"queue-after,omitempty" default:"0" placeholder:"N" help:"Steps before there is a queue. Default 0, half of the steps for infonce."`
	Momentum         float32      `json:"momentum,omitempty" default:"0" placeholder:"M" help:"How slowly the encoder of the second views follows the other, for moco. Default 0.995."`
	Optimizer        string       `json:"optimizer,omitempty" placeholder:"NAME" help:"${optimizers}. Default adamw."`
	Schedule         string       `json:"schedule,omitempty" placeholder:"NAME" help:"Of the learning rate after the warm-up: ${schedules} (to a tenth, after each third of the steps). Default cosine: half of one, to 0."`
	Warmup           *int         `json:"warmup,omitempty" placeholder:"N" help:"Steps in which the learning rate rises. Default a tenth."`
	Augment          augmentation `json:"augment,omitempty" mapsep:"," placeholder:"NAME=N" help:"How far views may stray: of images rotation, scale, shear, shift, blur, contrast, brightness, noise, and crop, flip, saturation, hue, grey, cut-out, which are off by default; of embeddings noise, dropout, crop, all off. 0 is none."`
	Views            int          `json:"views,omitempty" placeholder:"N" help:"Views of each sample. With more than 2, a loss by labels takes the sample as the label. Default 2."`
	Clip             float64      `json:"clip,omitempty" placeholder:"NORM" help:"The longest gradient: a longer one is shortened. Default 0: none is."`
}

// maxQueue bounds what a queue takes to a few GiB.
const maxQueue = 1 << 22

// check returns an error for a setting out of its range.
func (s *settings) check() error {
	above0 := func(x float32) bool { return x > 0 && !math.IsInf(float64(x), 0) }
	if err := s.checkNames(); err != nil {
		return err
	}
	if _, err := s.Augment.images(); err != nil {
		return err
	}
	kind := s.kind()
	_, temperature := kind.new(s, 1)
	switch folder, idx := strings.CutPrefix(s.Data, "idx:"); {
	case s.Data != "glyphs" && !idx:
		return fmt.Errorf("--data is %q, want glyphs or idx:DIR", s.Data)
	case idx && folder == "":
		return fmt.Errorf("--data is %q, want a folder after idx:", s.Data)
	case s.Steps < 1:
		return fmt.Errorf("--steps is %d, want at least 1", s.Steps)
	case s.Batch < 2:
		return fmt.Errorf("--batch is %d, want at least 2: a sample is told from the others", s.Batch)
	case !above0(s.Temperature):
		return fmt.Errorf("--temperature is %v, want a finite number above 0", s.Temperature)
	case !above0(s.Margin):
		return fmt.Errorf("--margin is %v, want a finite number above 0", s.Margin)
	case !above0(s.LR):
		return fmt.Errorf("--lr is %v, want a finite number above 0", s.LR)
	case !above0(s.Decay) && s.Decay != 0:
		return fmt.Errorf("--decay is %v, want a finite number, 0 or above", s.Decay)
	case s.Views < 0 || s.Views == 1:
		return fmt.Errorf("--views is %d, want 2 or more", s.Views)
	case s.Views > 2 && !kind.labelled:
		return fmt.Errorf("--views is %d, but %s is for two; want a loss by labels: %s", s.Views, s.Loss, lossNames(true))
	case s.Warmup != nil && (*s.Warmup < 0 || *s.Warmup > s.Steps):
		return fmt.Errorf("--warmup is %d, want 0 to %d, the steps", *s.Warmup, s.Steps)
	case !(s.Clip >= 0) || math.IsInf(s.Clip, 0):
		return fmt.Errorf("--clip is %v, want a finite number, 0 or above", s.Clip)
	case len(s.Hidden) == 0:
		return fmt.Errorf("--hidden is empty, want a layer or more")
	case s.Queue < 0 || s.Queue > maxQueue:
		return fmt.Errorf("--queue is %d, want 0 to %d", s.Queue, maxQueue)
	case s.Queue > 0 && s.Loss != "moco" && s.Loss != "infonce":
		return fmt.Errorf("--queue is for infonce and moco")
	case s.QueueAfter < 0:
		return fmt.Errorf("--queue-after is %d, want 0 or more", s.QueueAfter)
	case s.QueueAfter > 0 && s.Queue == 0 && s.Loss != "moco":
		return fmt.Errorf("--queue-after is for a queue: --queue N")
	case !(s.Momentum >= 0 && s.Momentum <= 1):
		return fmt.Errorf("--momentum is %v, want 0 to 1", s.Momentum)
	case s.Momentum > 0 && s.Loss != "moco":
		return fmt.Errorf("--momentum is for moco")
	case s.LearnTemperature && temperature == nil:
		return fmt.Errorf("--learn-temperature: %s has none", s.Loss)
	case s.LearnTemperature && !(s.Temperature >= 0.01 && s.Temperature <= 1):
		return fmt.Errorf("--temperature is %v, want 0.01 to 1 where it is learned", s.Temperature)
	case s.Distinct && s.byLabel():
		return fmt.Errorf("--distinct is for pairs of views: %s needs images of one class", s.Loss)
	case s.Supervised && s.byLabel():
		return fmt.Errorf("--supervised is for pairs of views: %s reads the labels as it is", s.Loss)
	}
	return nil
}

// text returns how a checkpoint keeps the settings of a run on images with the given
// digest.
func (s *settings) text(digest string) (string, error) {
	b, err := json.Marshal(struct {
		*settings
		Images string `json:"images_sha256"`
	}{s, digest})
	return string(b), err
}

// savedSettings returns the settings in what text returned, as the values of flags.
func savedSettings(text string) (map[string]string, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // a seed has more digits than a float64
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	values := make(map[string]string)
	for name, v := range fields {
		switch list := v.(type) {
		case []any:
			v = strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ",")
		case map[string]any:
			var pairs []string
			for key, value := range list {
				pairs = append(pairs, fmt.Sprintf("%s=%v", key, value))
			}
			v = strings.Join(pairs, ",")
		}
		values[name] = fmt.Sprint(v)
	}
	return values, nil
}

// build returns a trainer for the settings and its encoder.
func (s *settings) build(d corpus, workers int) (*train.Trainer, train.Model, error) {
	if n := d.samples(); s.Batch > n {
		return nil, nil, fmt.Errorf("--batch is %d, want at most %d, the samples to train on", s.Batch, n)
	}
	source, arrange, err := d.source(s, workers)
	if err != nil {
		return nil, nil, err
	}
	encoder, err := s.encoder(d)
	if err != nil {
		return nil, nil, err
	}
	encoder.SetWorkers(workers)
	t := &train.Trainer{
		Encoder:   encoder,
		Optimizer: s.optimizer().new(s, workers),
		Schedule:  s.schedule(),
		Clip:      s.Clip,
		Source:    source,
		Arrange:   arrange,
		Batch:     s.Batch,
		Views:     s.Views,
		Steps:     s.Steps,
	}
	if t.Config, err = s.text(d.digest()); err != nil {
		return nil, nil, err
	}
	if s.Queue > 0 {
		t.Memory, t.MemoryAfter = &train.Queue{Size: s.Queue}, s.QueueAfter
	}
	kind := s.kind()
	loss, temperature := kind.new(s, workers)
	t.Loss = loss
	if s.Loss == "moco" {
		t.Keys = &train.MomentumEncoder{Encoder: train.CloneModel(encoder), Momentum: s.Momentum, Workers: workers}
	}
	if s.LearnTemperature {
		t.Scale = &train.LogScale{Temperature: temperature}
	}
	return t, encoder, nil
}

// encoder returns the encoder as it is before the first step.
func (s *settings) encoder(d corpus) (train.Model, error) {
	in, _ := d.dims()
	return train.NewMLP(s.Seed, append([]int{in}, s.Hidden...), []int{s.Dim})
}
