// Package evaluation measures what can be found among samples that a run does not train on,
// as they are and by encoders.
package evaluation

import (
	"fmt"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/simd"
)

// An Evaluation is of one dataset.
type Evaluation interface {
	Question() string      // in words
	Raw() (Embedder, bool) // without an encoder, and whether both sides can be compared then
	Evaluate(how Embedder) (Answer, error)
}

// An Answer is what one embedder finds.
type Answer struct {
	Name  string // of the embedder
	Eval  Metrics
	Clean Metrics // of images that are not augmented; nil elsewhere

	Near [][]eval.Neighbor // of the queries of Eval, in a Retrieval
}

// New returns the evaluation at the end of a run: of images with labels, augmented views
// searched among those to train on; of all else, what is held out.
func New(d dataset.Dataset, workers int) (Evaluation, error) {
	if images, ok := d.(*dataset.Images); ok && searched(images) {
		return newRetrieval(images, workers)
	}
	return NewHeldOut(d, maxHeldOut, workers)
}

func searched(d *dataset.Images) bool { return !d.Unseen && d.Test.Labels != nil }

// Bytes estimates the memory of [New] and of evaluating an encoder with so many columns.
func Bytes(d dataset.Dataset, columns int) int64 {
	images, ok := d.(*dataset.Images)
	switch {
	case !ok:
		return d.HeldOutBytes(maxHeldOut, columns)
	case !searched(images):
		return d.HeldOutBytes(maxHeldOut, columns) + pictureBytes
	}
	return retrievalBytes(images, columns) + pictureBytes
}

// pictureBytes is about what drawing images and text takes.
const pictureBytes = 12 << 20

// An Embedder turns samples into vectors that are compared: the two sides of a pair, or
// queries and what they are searched among.
type Embedder struct {
	Name string
	Q, K func(simd.Matrix) simd.Matrix
}

// EncodedRows are the rows that an encoder sees at a time after training, because it keeps
// the activations of all of them.
const EncodedRows = 256

// Encoded embeds by m: by its embedding, or the representation below its projection head.
func Encoded(name string, m nn.Model, layer string) Embedder {
	return Embedder{name, Layer(Tower(m, false), layer), Layer(Tower(m, true), layer)}
}

// Tower returns the encoder of one side of pairs.
func Tower(m nn.Model, document bool) nn.Model {
	d, ok := m.(*nn.Dual)
	switch {
	case ok && document:
		return d.Document()
	case ok:
		return d.Query()
	}
	return m
}

// Layer returns what computes the embedding of samples, or their representation.
func Layer(m nn.Model, layer string) func(simd.Matrix) simd.Matrix {
	embed := m.Embed
	if layer == "representation" {
		embed = m.Represent
	}
	in, _ := m.Dims()
	return func(x simd.Matrix) simd.Matrix {
		var all simd.Matrix
		for i := 0; i < x.Rows; i += EncodedRows {
			j := min(i+EncodedRows, x.Rows)
			z := embed(widen(x.Slice(i, j), in))
			if i == 0 {
				all = simd.NewMatrix(x.Rows, z.Cols)
			}
			copy(all.Slice(i, j).Data, z.Data)
		}
		return all
	}
}

// widen returns x with zeros to the right of its rows, as dataset.VectorPairs has them.
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

// Embedders returns those that are compared: none, where samples can be compared without
// one, the encoder before its first step, and the trained one.
func Embedders(e Evaluation, untrained, trained nn.Model, layer string) []Embedder {
	list := []Embedder{Encoded("untrained encoder", untrained, layer), Encoded("trained encoder", trained, layer)}
	if raw, comparable := e.Raw(); comparable {
		list = append([]Embedder{raw}, list...)
	}
	return list
}

// A Report is what --json prints of an evaluation.
type Report struct {
	Raw       Metrics `json:"raw,omitempty"` // not of pairs whose sides cannot be compared
	Untrained Metrics `json:"untrained"`
	Trained   Metrics `json:"trained"`
}

// NewReport takes the metrics of all embedders.
func NewReport(m []Metrics) Report {
	r := Report{Untrained: m[len(m)-2], Trained: m[len(m)-1]}
	if len(m) > 2 {
		r.Raw = m[0]
	}
	return r
}

// ReportOf is [NewReport] of some metrics of answers.
func ReportOf(answers []Answer, of func(Answer) Metrics) Report {
	var m []Metrics
	for _, a := range answers {
		m = append(m, of(a))
	}
	return NewReport(m)
}

// centred returns each row less its mean: the cosine is then the correlation, which finds a
// little more than the cosine of the pixels themselves.
func centred(x simd.Matrix) simd.Matrix {
	z := simd.NewMatrix(x.Rows, x.Cols)
	ones := make([]float32, x.Cols)
	for i := range ones {
		ones[i] = 1
	}
	for i := range x.Rows {
		copy(z.Row(i), x.Row(i))
		simd.Axpy(z.Row(i), -simd.Sum(x.Row(i))/float32(x.Cols), ones)
	}
	return z
}

func unchanged(x simd.Matrix) simd.Matrix { return x }

func named(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }
