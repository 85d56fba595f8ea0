package nn

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/simd"
)

// A Model is an encoder of this package: an [MLP], a [CNN], or a [Dual] of two of them. It can be
// written to a file, cloned, and used for inference.
type Model interface {
	Encoder

	// Embed returns the embeddings of the rows of x for inference: no Backward may follow. The
	// embedding of a row depends on the weights and the row alone, and in a Dual on the half that
	// the row is in. The result is valid, and x must not change, until the next method call.
	Embed(x simd.Matrix) simd.Matrix

	// Represent is Embed without the projection head: it returns representations.
	Represent(x simd.Matrix) simd.Matrix

	// SetWorkers sets the number of goroutines that share the work; 0 means GOMAXPROCS. Results
	// do not depend on it.
	SetWorkers(n int)

	// describe returns the metadata of the model's file, its kind included.
	describe() map[string]string

	// adopt makes p, whose tensors have the same shapes, the parameters. It copies no values.
	adopt(p *Params)

	clone() Model
}

// CloneModel returns a model of the same kind, with the same weights in memory of its own.
func CloneModel(m Model) Model { return m.clone() }

// A blueprint is a model as described by the metadata of a file, before memory is allocated for it.
type blueprint interface {
	tensors() ([]Tensor, error)   // names and shapes of the parameters; an error if they make no sense
	state() []Tensor              // names and shapes of the state of a [Stateful] model
	build(tensors []Tensor) Model // the model with zero weights
}

// A tower is an encoder that stands alone or is one half of a [Dual].
type tower struct {
	kind  string // in files
	parse func(meta map[string]string) (blueprint, error)
}

// towerKinds is the table of towers. To add an encoder takes its file, its test, and its row here.
var towerKinds = slices.Concat(mlpTowers(), []tower{{cnnKind, parseCNN}})

const (
	modelFormat = "contrast model"
	kindKey     = "kind"
)

// WriteModel writes m to a safetensors file, which any reader of that format can open: tensor
// encoder.0.weight of shape [out, in], and so on. The metadata holds the kind of the model, such as
// "mlp", and its configuration as JSON.
func WriteModel(path string, m Model) error {
	if err := sealed.Write(path, "", modelFormat, State(m), m.describe()); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// ReadModel reads a file written by [WriteModel]. Its error is one line that names the file and
// what is wrong with it.
func ReadModel(path string) (Model, error) {
	tensors, meta, err := sealed.Read(path, modelFormat)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m, err := modelOf(tensors, meta)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	return m, nil
}

func modelOf(tensors []data.Tensor, meta map[string]string) (Model, error) {
	b, err := parseModel(meta)
	if err != nil {
		return nil, err
	}
	// A reader of safetensors allocates no more than the file holds. So does this: the shapes that
	// the metadata ask for are compared with those of the file before the model is built.
	want, err := b.tensors()
	if err != nil {
		return nil, err
	}
	if err := sealed.Match(tensors, append(asData(want), asData(b.state())...)); err != nil {
		return nil, err
	}
	m := b.build(want)
	sealed.Copy(State(m), tensors)
	return m, nil
}

// parseModel is the inverse of Model.describe.
func parseModel(meta map[string]string) (blueprint, error) {
	if meta[kindKey] == dualKind {
		return parseDual(meta)
	}
	return parseTower(meta)
}

// parseTower is parseModel for the towers of a Dual, and for all models but a Dual.
func parseTower(meta map[string]string) (blueprint, error) {
	var kinds []string
	for _, t := range towerKinds {
		if t.kind == meta[kindKey] {
			return t.parse(meta)
		}
		kinds = append(kinds, t.kind)
	}
	return nil, fmt.Errorf("kind: got %s, want one of %q", sealed.Excerpt(meta[kindKey]), kinds)
}

func formatWidths(widths []int) string {
	if len(widths) == 0 {
		return "[]"
	}
	b, err := json.Marshal(widths)
	if err != nil {
		panic(err) // unreachable: every list of integers has a JSON form
	}
	return string(b)
}

func parseWidths(meta map[string]string, key string) (widths []int, err error) {
	text := meta[key]
	if len(text) > 1<<10 || json.Unmarshal([]byte(text), &widths) != nil || formatWidths(widths) != text {
		return nil, fmt.Errorf("%s: got %s, want a list of widths", key, sealed.Excerpt(text))
	}
	return widths, nil
}

func asData(tensors []Tensor) []data.Tensor {
	d := make([]data.Tensor, len(tensors))
	for i, t := range tensors {
		d[i] = data.Tensor{Name: t.Name, Shape: t.Shape, Data: t.Values}
	}
	return d
}
