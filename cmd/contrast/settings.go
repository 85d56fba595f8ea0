package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// The settings of a run are all that its weights follow from, together with the
// samples. They are kept in its checkpoint under the names of their flags.
type settings struct {
	Data        string  `json:"data" group:"Samples:" default:"glyphs" placeholder:"SOURCE" help:"glyphs: letters and digits from fonts inside the program; a folder of images: of the MNIST family, CIFAR-10, or of PNG, JPEG, GIF, BMP, PGM or PPM files in a folder for each class (idx:DIR, cifar:DIR and images:DIR say which); or a file of embeddings: .npy, .npz, .safetensors, .fvecs, .bvecs, .parquet, .csv or .jsonl. Default glyphs."`
	Loss        string  `json:"loss" group:"Loss:" enum:"${losses}" default:"ntxent" placeholder:"NAME" help:"Of two views of each sample, or of pairs: ${losses_of_views}. By labels: ${losses_by_labels}. Default ntxent; clip for pairs, triplet for triplets, supcon for embeddings with labels."`
	Steps       int     `json:"steps" group:"Training:" default:"2000" placeholder:"N" help:"Steps of the whole run. Default 2000, 1500 for a cnn, 1000 for embeddings, 6000 for triplet."`
	Batch       int     `json:"batch" group:"Training:" default:"256" placeholder:"N" help:"Samples a step, of which two views each are seen. Default 256, 128 for a cnn, 24 for triplet, or less where there are fewer."`
	Seed        uint64  `json:"seed" group:"Training:" default:"1" placeholder:"N" help:"Seed of weights, order and augmentation. Default 1."`
	Temperature float32 `json:"temperature" group:"Loss:" default:"0.1" placeholder:"T" help:"Temperature of the losses that have one. Default 0.1, 0.05 for pairs of embeddings."`
	Margin      float32 `json:"margin" group:"Loss:" default:"0.3" placeholder:"M" help:"Margin of the losses of distances. Default 0.3, of lifted 1, of margin 0.2."`
	LR          float32 `json:"lr" group:"Training:" name:"lr" default:"0.003" placeholder:"RATE" help:"Peak learning rate. Default 0.003, 0.0015 for a cnn, 0.002 for triplet, 0.1 for sgd, 3 for lars."`
	Decay       float32 `json:"decay" group:"Training:" default:"0.1" placeholder:"D" help:"Weight decay. Default 0.1, 0.01 for embeddings, 0 for adam, 0.0001 for sgd and lars."`
	Hidden      []int   `json:"hidden" group:"Encoder:" default:"512,256" placeholder:"N" help:"Widths of the layers of the encoder. Default 512,256; of an mlp for embeddings 512."`
	Dim         int     `json:"dim" group:"Encoder:" default:"128" placeholder:"N" help:"Width of the embedding, which a last layer makes of them. Default 128; of embeddings what they have."`
	Supervised  bool    `json:"supervised" group:"Samples:" help:"The second view of a sample is one of another sample of its class."`

	// Fields that came later are left out where they are off, so that older runs can be resumed.
	LearnTemperature bool         `json:"learn-temperature,omitempty" group:"Loss:" help:"Learn the temperature, from --temperature on and within 0.01 and 1."`
	Distinct         bool         `json:"distinct,omitempty" group:"Samples:" help:"No two samples of a step are of one class; see --batch."`
	Queue            int          `json:"queue,omitempty" group:"Loss:" default:"0" placeholder:"N" help:"Embeddings of earlier samples that are negatives too, for infonce and moco. Default 0, 1024 for moco."`
	QueueAfter       int          `json:"queue-after,omitempty" group:"Loss:" default:"0" placeholder:"N" help:"Steps before there is a queue. Default 0, half of the steps for infonce."`
	Momentum         float32      `json:"momentum,omitempty" group:"Loss:" default:"0" placeholder:"M" help:"How slowly the encoder of the second views follows the other, for moco. Default 0.995."`
	Optimizer        string       `json:"optimizer,omitempty" group:"Training:" placeholder:"NAME" help:"${optimizers}. Default adamw."`
	Schedule         string       `json:"schedule,omitempty" group:"Training:" placeholder:"NAME" help:"Of the learning rate after the warm-up: ${schedules} (to a tenth, after each third of the steps). Default cosine: half of one, to 0."`
	Warmup           *int         `json:"warmup,omitempty" group:"Training:" placeholder:"N" help:"Steps in which the learning rate rises. Default a tenth."`
	Augment          augmentation `json:"augment,omitempty" group:"Samples:" mapsep:"," placeholder:"NAME=N" help:"How far views may stray: of images rotation, scale, shear, shift, blur, contrast, brightness, noise, and crop, flip, saturation, hue, grey, cut-out, which are off unless a cnn or colours ask for some; of embeddings noise, dropout, crop, which are off where there are pairs or classes. 0 is none."`
	Views            int          `json:"views,omitempty" group:"Samples:" placeholder:"N" help:"Views of each sample. With more than 2, a loss by labels takes the sample as the label. Default 2."`
	Pairs            []string     `json:"pairs,omitempty" group:"Samples:" placeholder:"Q,D" help:"Two files of embeddings in place of --data: row i of one, such as a question, belongs to row i of the other."`
	Shared           bool         `json:"shared,omitempty" group:"Encoder:" help:"Embed both sides of --pairs by one encoder. Default: by one each, which begin alike where the sides are as wide."`
	Labels           string       `json:"labels,omitempty" group:"Samples:" placeholder:"FILE" help:"The class of each embedding of --data: .npy, .ivecs, .txt, .csv or .jsonl. Default: what the file of embeddings says itself, in a column or array called label."`
	Triplets         string       `json:"triplets,omitempty" group:"Samples:" placeholder:"FILE" help:"Rows of --data, three a line: an anchor, one that belongs to it and one that does not: .npy, .ivecs, .csv or .jsonl."`
	Holdout          float64      `json:"holdout,omitempty" group:"Samples:" placeholder:"SHARE" help:"Of embeddings, what is not trained on but measured afterwards. Default 0.1."`
	Split            string       `json:"split,omitempty" group:"Samples:" placeholder:"NAME" help:"What is held out: samples, or whole classes, for tasks such as faces of people never seen: classes. Of images every fifth. Default samples, as the folder has them."`
	ImageSize        string       `json:"image-size,omitempty" group:"Samples:" placeholder:"WxH" help:"Bring images of files to one size. Default what they have, which must be the same."`
	Arch             string       `json:"arch,omitempty" group:"Encoder:" placeholder:"NAME" help:"Kind of encoder: mlp; linear, a single matrix; or cnn, a convolutional network for images. Default mlp; linear for embeddings unless there is --hidden."`
	Filters          []int        `json:"filters,omitempty" group:"Encoder:" placeholder:"N" help:"Channels of the stages of a cnn, each of which but the first halves the image. Default 24,48,96,192."`
	Norm             string       `json:"norm,omitempty" group:"Encoder:" placeholder:"NAME" help:"After the convolutions of a cnn: none, batch or layer. Default layer."`
	Head             []int        `json:"head,omitempty" group:"Encoder:" placeholder:"N" help:"Widths of more layers before the embedding, which --layer representation leaves out afterwards. Default none, 128 for a cnn."`
	Activation       string       `json:"activation,omitempty" group:"Encoder:" placeholder:"NAME" help:"Between layers: relu or gelu. Default relu."`
	Residual         bool         `json:"residual,omitempty" group:"Encoder:" negatable:"" help:"Learn what is added to the samples, beginning with nothing. Default for embeddings whose width is kept."`
	Clip             float64      `json:"clip,omitempty" group:"Training:" placeholder:"NORM" help:"The longest gradient: a longer one is shortened. Default 0: none is."`
}

// text returns how a checkpoint keeps the settings of a run on d.
func (s *settings) text(d corpus) (string, error) {
	digest, err := d.digest()
	if err != nil {
		return "", err
	}
	var b []byte
	if s.sourceKind() == imageSource {
		b, err = json.Marshal(struct {
			*settings
			Images string `json:"images_sha256"`
		}{s, digest})
	} else {
		b, err = json.Marshal(struct {
			*settings
			Data string `json:"data_sha256"`
		}{s, digest})
	}
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
			var words []string
			for _, w := range list {
				words = append(words, fmt.Sprint(w))
			}
			v = kong.JoinEscaped(words, ',')
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
func (s *settings) build(d corpus, workers int) (*train.Trainer, nn.Model, error) {
	source, arrange, err := d.source(s, workers)
	if err != nil {
		return nil, nil, err
	}
	if n := d.samples(); s.Batch > n {
		return nil, nil, fmt.Errorf("--batch is %d, want at most %d, the samples to train on", s.Batch, n)
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
		ClipNorm:  s.Clip,
		Source:    source,
		Arrange:   arrange,
		Batch:     s.Batch,
		Views:     s.views(),
		Steps:     s.Steps,
	}
	if t.Config, err = s.text(d); err != nil {
		return nil, nil, err
	}
	if s.Queue > 0 {
		t.Queue, t.QueueAfter = &train.Queue{Size: s.Queue}, s.QueueAfter
	}
	loss, temperature := s.newLoss(workers)
	t.Loss = loss
	if s.Loss == "moco" {
		t.KeyEncoder = &train.MomentumEncoder{Encoder: nn.CloneModel(encoder), Momentum: s.Momentum, Workers: workers}
	}
	if s.LearnTemperature {
		t.LearnedTemperature = &train.LearnedTemperature{Temperature: temperature}
	}
	return t, encoder, nil
}

// views returns how many rows a step has of each sample.
func (s *settings) views() int {
	if s.Triplets != "" {
		return 3
	}
	return max(s.Views, 2)
}

// rows returns how many rows a step has.
func (s *settings) rows() int { return s.views() * s.Batch }

// sampleName is what a step has rows of.
func (s *settings) sampleName() string {
	if s.sourceKind() == imageSource {
		return "images"
	}
	return "rows"
}
