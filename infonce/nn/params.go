package nn

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
)

// Params are the parameters of an encoder in one block of memory, and their gradients in another of
// the same layout. [NewParams] makes them.
type Params struct {
	Values, Grads []float32
	Tensors       []Tensor // consecutive parts of both blocks
}

// A Tensor is a named part of the parameters.
type Tensor struct {
	Name          string
	Shape         []int
	Values, Grads []float32 // in the memory of Params
}

// NewParams returns parameters that are 0: tensors of the given names and shapes, in the given
// order. It does not read their Values and Grads.
func NewParams(tensors []Tensor) *Params {
	size := 0
	for _, t := range tensors {
		size += elements(t.Shape)
	}
	p := &Params{Values: make([]float32, size), Grads: make([]float32, size)}
	at := 0
	for _, t := range tensors {
		end := at + elements(t.Shape)
		p.Tensors = append(p.Tensors, Tensor{
			Name:   t.Name,
			Shape:  t.Shape,
			Values: p.Values[at:end:end],
			Grads:  p.Grads[at:end:end],
		})
		at = end
	}
	return p
}

// State returns the values as tensors for a file, in memory of p.
func (p *Params) State() []data.Tensor { return asData(p.Tensors) }

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// WeightsSHA256 returns the SHA-256 of the little-endian bytes of values in hexadecimal. Two runs
// with the same hash agree in every bit.
func WeightsSHA256(values []float32) string { return sealed.HashFloats(values) }
