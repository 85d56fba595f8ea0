package main

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/train"
)

// archNames are the kinds of encoders; the first is the default.
var archNames = []string{"mlp", "linear"}

// encoder returns the encoder as it is before the first step.
func (s *settings) encoder(d corpus) (train.Model, error) {
	q, k := d.dims()
	return s.mlp(max(q, k), s.Seed)
}

// mlp returns an encoder of dense layers. The embedding of an image is made by a head, which can be left out
// afterwards; that of an embedding only where one is asked for.
func (s *settings) mlp(in int, seed uint64) (train.Model, error) {
	c := train.MLPConfig{Body: append([]int{in}, s.Hidden...), Residual: s.Residual}
	if err := c.Activation.UnmarshalText([]byte(s.activation())); err != nil {
		return nil, err
	}
	embedding := append(s.Head[:len(s.Head):len(s.Head)], s.Dim)
	switch {
	case s.sourceKind() == imageSource && len(s.Hidden) > 0:
		c.Head = embedding
	case len(s.Head) == 0:
		c.Body = append(c.Body, s.Dim)
	default:
		c.Body, c.Head = append(c.Body, in), embedding
	}
	if last := c.Body[len(c.Body)-1]; c.Residual && last != in {
		return nil, fmt.Errorf("--dim is %d, want %d, the width of the samples, with --residual; or --no-residual", last, in)
	}
	return c.New(seed)
}

func (s *settings) activation() string {
	if s.Activation == "" {
		return train.ReLU.String()
	}
	return s.Activation
}

// encoderDefaults returns the values of flags that follow from the kind of the encoder.
func (s *settings) encoderDefaults() map[string]string {
	if s.Arch == "linear" {
		return map[string]string{"hidden": ""}
	}
	return nil
}

// encoderText describes the encoder in some words.
func (s *settings) encoderText(in, out int) string {
	text := fmt.Sprint(in)
	for _, w := range s.Hidden {
		text += fmt.Sprintf("-%d", w)
	}
	for _, w := range s.Head {
		text += fmt.Sprintf("-%d", w)
	}
	text += fmt.Sprintf("-%d", out)
	if s.Activation != "" {
		text += ", " + s.Activation
	}
	if s.Residual {
		text += ", added to the samples"
	}
	return text
}
