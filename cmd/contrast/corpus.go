package main

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// A corpus is what a run learns from and is examined on.
type corpus interface {
	name() string     // as in the title of a picture
	describe() string // in a line
	samples() int     // to train on

	// dims returns the columns of the two sides of a pair.
	dims() (q, k int)

	// digest returns a hash of all that the weights of a run follow from, besides its settings.
	digest() string

	source(s *settings, workers int) (train.Source, arrangement, error)
	exam(workers int) (exam, error)
}

// An arrangement shows the embeddings of a step to a loss.
type arrangement = func(z simd.Matrix, labels []int) infonce.Batch

// openCorpus opens what the flags name.
func (s *settings) openCorpus() (corpus, error) { return openImages(s.Data) }

// An exam asks what can be found among samples that a run does not train on.
type exam interface {
	describe() string
	raw() embedder // samples as they are
	ask(how embedder) answer
}

// An embedder is a way to see samples: the two sides of a pair, or queries and what they are searched among.
type embedder struct {
	name string
	q, k func(simd.Matrix) simd.Matrix
}

// encoded is to see samples through m.
func encoded(name string, m *train.MLP) embedder {
	z := embeddings(m)
	return embedder{name, z, z}
}

// embeddings returns what m makes of rows.
func embeddings(m *train.MLP) func(simd.Matrix) simd.Matrix {
	return func(x simd.Matrix) simd.Matrix {
		const part = 1024 // m keeps the activations of all rows that it is given
		_, out := m.Dims()
		z := simd.NewMatrix(x.Rows, out)
		for i := 0; i < x.Rows; i += part {
			j := min(i+part, x.Rows)
			copy(z.Slice(i, j).Data, m.Forward(x.Slice(i, j)).Data)
		}
		return z
	}
}

// An answer is what one way to see samples finds.
type answer struct {
	eval  figures
	clean figures           // of images as they are; nil where nothing is augmented
	near  [][]eval.Neighbor // of the queries of eval
}
