package main

import (
	"slices"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/simd"
)

// A corpus is what a run learns from and is examined on.
type corpus interface {
	name() string     // of the data, as in the title of a picture
	describe() string // in a line
	samples() int     // to train on

	// dims returns the columns of the two sides of a pair.
	dims() (q, k int)

	// digest returns a hash of all that the weights of a run follow from, besides its settings.
	digest() (string, error)

	source(s *settings, workers int) (dataset.Source, arrangement, error)
	exam(workers int) (exam, error) // at the end of a run

	// examBytes returns about how many bytes the exam of an encoder takes, whose embeddings have so
	// many columns.
	examBytes(columns int) int64

	// held returns up to n of the samples that a run does not train on.
	held(n, workers int) (*held, error)
}

// An arrangement shows the embeddings of a step to a loss.
type arrangement = func(z simd.Matrix, labels []int) infonce.Batch

// openCorpus opens what the flags name.
func (s *settings) openCorpus() (corpus, error) {
	if s.sourceKind() == imageSource {
		return openImages(s)
	}
	return s.openRows()
}

// An exam asks what can be found among samples that a run does not train on.
type exam interface {
	describe() string
	raw() (embedder, bool) // samples as they are, where they can be compared
	ask(how embedder) (answer, error)
}

// An embedder is a way to see samples: the two sides of a pair, or queries and what they are searched among.
type embedder struct {
	name string
	q, k func(simd.Matrix) simd.Matrix
}

// examRows are the rows that an encoder sees at a time after its training, for it keeps the activations of all.
const examRows = 256

// encoded is to see samples through m: by its embedding, or by the representation below its projection head.
func encoded(name string, m nn.Model, layer string) embedder {
	return embedder{name, seenBy(side(m, false), layer), seenBy(side(m, true), layer)}
}

func seenBy(m nn.Model, layer string) func(simd.Matrix) simd.Matrix {
	see := m.Embed
	if layer == "representation" {
		see = m.Represent
	}
	in, _ := m.Dims()
	return func(x simd.Matrix) simd.Matrix {
		var all simd.Matrix
		for i := 0; i < x.Rows; i += examRows {
			j := min(i+examRows, x.Rows)
			z := see(widen(x.Slice(i, j), in))
			if i == 0 {
				all = simd.NewMatrix(x.Rows, z.Cols)
			}
			copy(all.Slice(i, j).Data, z.Data)
		}
		return all
	}
}

// widen returns x with zeros to the right of its rows, as train.RowPairs has them.
func widen(x simd.Matrix, cols int) simd.Matrix {
	if x.Cols == cols {
		return x
	}
	w := simd.NewMatrix(x.Rows, cols)
	for i := range x.Rows {
		copy(w.Row(i), x.Row(i))
	}
	return w
}

// waysToSee returns the samples as they are, where raw says that they can be compared, as the encoder saw them before its
// first step, and as it sees them now.
func waysToSee(raw embedder, comparable bool, untrained, trained nn.Model, layer string) []embedder {
	ways := []embedder{encoded("untrained encoder", untrained, layer), encoded("trained encoder", trained, layer)}
	if comparable {
		ways = append([]embedder{raw}, ways...)
	}
	return ways
}

// An answer is what one way to see samples finds.
type answer struct {
	eval  figures
	clean figures           // of images as they are; nil where nothing is augmented
	near  [][]eval.Neighbor // of the queries of eval
}

// split parts the rows from 0 to n−1 into those to train on and a share that is held out, which
// lies evenly among them.
func split(n int, share float64) (learned, held []int) {
	for i := range n {
		if int(float64(i+1)*share) > int(float64(i)*share) {
			held = append(held, i)
		} else {
			learned = append(learned, i)
		}
	}
	return learned, held
}

// evenly returns up to n of the numbers from 0 to all−1, the same distance apart.
func evenly(all, n int) []int {
	picks := make([]int, min(all, n))
	for i := range picks {
		picks[i] = int(int64(i) * int64(all) / int64(len(picks)))
	}
	return picks
}

// distinct returns how many labels there are.
func distinct(labels []int) int {
	labels = slices.Clone(labels)
	slices.Sort(labels)
	return len(slices.Compact(labels))
}
