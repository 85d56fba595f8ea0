package main

import (
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/infonce/nn"
)

// archNames are the kinds of encoders; the first is the default.
var archNames = []string{"mlp", "linear", "cnn"}

// encoder returns the encoder as it is before the first step.
func (s *settings) encoder(d corpus) (nn.Model, error) {
	q, k := d.dims()
	if s.Arch == "cnn" {
		images, ok := d.(*imageCorpus)
		if !ok {
			return nil, fmt.Errorf("--arch cnn is for images, which %s is not", d.name())
		}
		return s.cnn(images)
	}
	if s.sourceKind() != pairSource || s.Shared {
		return s.mlp(max(q, k), s.Seed)
	}
	// Of the same seed, so that towers of the same widths begin as one encoder.
	query, err := s.mlp(q, s.Seed)
	if err != nil {
		return nil, err
	}
	document, err := s.mlp(k, s.Seed)
	if err != nil {
		return nil, err
	}
	return nn.NewDual(query, document)
}

// side returns the tower of a side where an encoder of pairs has two.
func side(m nn.Model, document bool) nn.Model {
	d, ok := m.(*nn.Dual)
	switch {
	case ok && document:
		return d.Document()
	case ok:
		return d.Query()
	}
	return m
}

// mlp returns an encoder of dense layers. The embedding of an image is made by a head, which can be left out
// afterwards; that of an embedding only where one is asked for.
func (s *settings) mlp(in int, seed uint64) (nn.Model, error) {
	c := nn.MLPConfig{Body: append([]int{in}, s.Hidden...), Residual: s.Residual}
	if err := s.setActivation(&c.Activation); err != nil {
		return nil, err
	}
	switch {
	case s.sourceKind() == imageSource && len(s.Hidden) > 0:
		c.Head = s.head()
	case len(s.Head) == 0:
		c.Body = append(c.Body, s.Dim)
	default:
		c.Body, c.Head = append(c.Body, in), s.head()
	}
	if last := c.Body[len(c.Body)-1]; c.Residual && last != in {
		return nil, fmt.Errorf("--dim is %d, want %d, the width of the samples, with --residual; or --no-residual", last, in)
	}
	return c.New(seed)
}

// cnn returns a convolutional encoder, whose representation is the mean over the pixels unless there are more layers.
func (s *settings) cnn(d *imageCorpus) (nn.Model, error) {
	m := d.train
	c := nn.CNNConfig{Width: m.Width, Height: m.Height, Channels: m.Channels, Filters: s.Filters, Body: s.Hidden, Head: s.head()}
	if err := s.setActivation(&c.Activation); err != nil {
		return nil, err
	}
	if s.Norm != "" {
		if err := c.Norm.UnmarshalText([]byte(s.Norm)); err != nil {
			return nil, fmt.Errorf("--norm: %w", err)
		}
	}
	return c.New(s.Seed)
}

// head returns the widths of the projection head, of which the last is that of the embedding.
func (s *settings) head() []int { return append(s.Head[:len(s.Head):len(s.Head)], s.Dim) }

func (s *settings) setActivation(a *nn.Activation) error {
	if s.Activation == "" {
		return nil
	}
	return a.UnmarshalText([]byte(s.Activation))
}

// encoderDefaults returns the values of flags that follow from the kind of the encoder.
func (s *settings) encoderDefaults() map[string]string {
	switch s.Arch {
	case "linear":
		return map[string]string{"hidden": ""}
	case "cnn":
		return map[string]string{"hidden": "", "head": "128"}
	}
	return nil
}

// encoderText describes an encoder in some words.
func encoderText(m nn.Model) string {
	text := func(kind string, widths []int, activation nn.Activation, head []int) string {
		s := kind
		if len(widths) > 0 {
			s += " " + joined(widths)
		}
		if len(widths) > 2 || kind != "linear" {
			s += ", " + activation.String()
		}
		if len(head) > 0 {
			s += ", head " + joined(head)
		}
		return s
	}
	switch m := m.(type) {
	case *nn.MLP:
		c := m.Config()
		kind := "mlp"
		if len(c.Body) == 2 && len(c.Head) == 0 {
			kind = "linear"
		}
		s := text(kind, c.Body, c.Activation, c.Head)
		if c.Residual {
			s += ", added to the samples"
		}
		return s
	case *nn.CNN:
		c := m.Config()
		kind := fmt.Sprintf("cnn %dx%dx%d, filters %s, norm %v", c.Width, c.Height, c.Channels, joined(c.Filters), c.Norm)
		if len(c.Body) > 0 {
			kind += ", then"
		}
		return text(kind, c.Body, c.Activation, c.Head)
	case *nn.Dual:
		query, document := encoderText(m.Query()), encoderText(m.Document())
		if query == document {
			return "two towers, each " + query
		}
		return "two towers: " + query + "; " + document
	}
	return fmt.Sprintf("%T", m)
}

// joined returns widths as they are written: 784-512-256.
func joined(widths []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(widths), "[]"), " ", "-")
}
