// Package settings holds what a run is made under: the flags of contrast train that
// its weights follow from, their defaults, and the text a checkpoint keeps of them.
//
// It opens no file. What a default needs to know about the data it is told as [Facts].
package settings

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Settings are all that the weights of a run follow from, together with its data.
// A checkpoint keeps them under the names of their flags.
type Settings struct {
	Source   `group:"Samples:"`
	Sampling `group:"Samples:"`

	Objective `group:"Loss:"`
	Encoder   `group:"Encoder:"`
	Training  `group:"Training:"`
}

// A Source names the files of a dataset, and what is held out of them.
type Source struct {
	Data      string   `json:"data" placeholder:"SOURCE"`
	Pairs     []string `json:"pairs,omitempty" placeholder:"Q,D"`
	Labels    string   `json:"labels,omitempty" placeholder:"FILE"`
	Triplets  string   `json:"triplets,omitempty" placeholder:"FILE"`
	Holdout   float64  `json:"holdout,omitempty" placeholder:"SHARE"`
	Split     string   `json:"split,omitempty" placeholder:"NAME"`
	ImageSize string   `json:"image-size,omitempty" placeholder:"WxH"`
}

// A Sampling says how batches are drawn.
type Sampling struct {
	Views      int          `json:"views,omitempty" placeholder:"N"`
	Augment    Augmentation `json:"augment,omitempty" mapsep:"," placeholder:"NAME=N"`
	Supervised bool         `json:"supervised"`
	Distinct   bool         `json:"distinct,omitempty"`
}

// An Objective is a loss and what belongs to it.
type Objective struct {
	Loss             string  `json:"loss" placeholder:"NAME"`
	Temperature      float32 `json:"temperature" placeholder:"T"`
	LearnTemperature bool    `json:"learn-temperature,omitempty"`
	Margin           float32 `json:"margin" placeholder:"M"`
	Queue            int     `json:"queue,omitempty" placeholder:"N"`
	QueueAfter       int     `json:"queue-after,omitempty" placeholder:"N"`
	EMA              float32 `json:"ema,omitempty" name:"ema" placeholder:"D"`
}

// An Encoder is the shape of a network.
type Encoder struct {
	Arch       string `json:"arch,omitempty" placeholder:"NAME"`
	Hidden     []int  `json:"hidden" placeholder:"N"`
	Filters    []int  `json:"filters,omitempty" placeholder:"N"`
	Norm       string `json:"norm,omitempty" placeholder:"NAME"`
	Head       []int  `json:"head,omitempty" placeholder:"N"`
	Dim        int    `json:"dim" placeholder:"N"`
	Activation string `json:"activation,omitempty" placeholder:"NAME"`
	Residual   bool   `json:"residual,omitempty" negatable:""`
	Shared     bool   `json:"shared,omitempty"`
}

// Training is how an encoder is optimised.
type Training struct {
	Steps       int     `json:"steps" placeholder:"N"`
	Batch       int     `json:"batch" placeholder:"N"`
	Seed        uint64  `json:"seed" placeholder:"N"`
	Optimizer   string  `json:"optimizer,omitempty" placeholder:"NAME"`
	Momentum    float32 `json:"momentum,omitempty" placeholder:"M"`
	LR          float32 `json:"lr" name:"lr" placeholder:"RATE"`
	Schedule    string  `json:"schedule,omitempty" placeholder:"NAME"`
	Warmup      *int    `json:"warmup,omitempty" placeholder:"N"`
	WeightDecay float32 `json:"weight-decay" placeholder:"D"`
	ClipNorm    float64 `json:"clip-norm,omitempty" placeholder:"NORM"`
}

// fields are those of Settings by the names of their flags.
var fields = func() map[string]reflect.StructField {
	all := make(map[string]reflect.StructField)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			all[name] = f
		}
	}
	return all
}()

// Names lists the flags of all settings in order.
func Names() []string { return slices.Sorted(maps.Keys(fields)) }

// Given are the names of the flags that were given, in any order.
type Given map[string]bool

// Override copies the settings that were given from flags to s.
func (s *Settings) Override(flags *Settings, given Given) {
	to, from := reflect.ValueOf(s).Elem(), reflect.ValueOf(flags).Elem()
	for name, f := range fields {
		if given[name] {
			to.FieldByIndex(f.Index).Set(from.FieldByIndex(f.Index))
		}
	}
}

// set stores values by name.
func (s *Settings) set(values values) {
	to := reflect.ValueOf(s).Elem()
	for name, v := range values {
		field := to.FieldByIndex(fields[name].Index)
		field.Set(reflect.ValueOf(v).Convert(field.Type()))
	}
}

// A Kind is what the samples of a run are.
type Kind int

const (
	Images   Kind = iota
	Vectors       // embeddings in a file
	Pairs         // of embeddings, row by row in two files
	Triplets      // of embeddings in a file, listed in another
)

// Kind tells what s names. A folder of images is known by the format before it; see
// [CutFormat].
func (s *Source) Kind() Kind {
	format, _ := CutFormat(s.Data)
	switch {
	case len(s.Pairs) > 0:
		return Pairs
	case s.Triplets != "":
		return Triplets
	case s.Data == Glyphs || format != "":
		return Images
	}
	return Vectors
}

// Glyphs is the name of the images inside the program.
const Glyphs = "glyphs"

// imageFormats can stand before the name of a folder; the last is for any folder.
var imageFormats = []string{"idx", "cifar", "images"}

// AnyImages is the format of a folder whose files tell what they are.
const AnyImages = "images"

// CutFormat splits "idx:DIR"; format is empty where no format stands before the name.
func CutFormat(source string) (format, dir string) {
	for _, f := range imageFormats {
		if dir, ok := strings.CutPrefix(source, f+":"); ok {
			return f, dir
		}
	}
	return "", source
}

// RowsPerSample returns how many rows of a batch each sample has: its views, or the
// three of a triplet.
func (s *Settings) RowsPerSample() int {
	if s.Triplets != "" {
		return 3
	}
	return max(s.Views, 2)
}

// ByLabel reports whether the loss reads the labels of samples. With more than two views it
// reads which sample they are of, and a list of triplets takes their place.
func (s *Settings) ByLabel() bool {
	return s.loss().Labelled && s.Views <= 2 && s.Triplets == ""
}

// NeedsLabels reports whether batches cannot be drawn without labels.
func (s *Settings) NeedsLabels() bool { return s.ByLabel() || s.Supervised || s.Distinct }
