package nn

import (
	"encoding/json"
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/simd"
)

// A Model is an encoder of this package: an [MLP], a [CNN], or a [Dual] of two of them. It can be written
// to a file, and used without what only the training needs.
type Model interface {
	Encoder

	// Embed returns the embeddings of the rows of x, each of which depends on nothing but the row
	// and the weights, and of a Dual the half that the row is in. They stay valid, and x must not change, until the next call of a method. No
	// Backward may follow.
	Embed(x simd.Matrix) simd.Matrix

	// Represent is Embed without the projection head.
	Represent(x simd.Matrix) simd.Matrix

	// SetWorkers sets how many goroutines share the work; 0 means GOMAXPROCS. The results do not
	// depend on it.
	SetWorkers(n int)

	// describe returns the metadata of a file, with the kind.
	describe() map[string]string

	// adopt moves the parameters to p, whose tensors have the same shapes. Their values stay behind.
	adopt(p *Params)

	clone() Model
}

// CloneModel returns a model of the same kind, with the same weights in memory of its own.
func CloneModel(m Model) Model { return m.clone() }

// A blueprint is what a file says about a model, before memory is taken for it.
type blueprint interface {
	tensors() ([]Tensor, error)   // names and shapes of the parameters, or why there is no such model
	state() []Tensor              // and of what it remembers
	build(tensors []Tensor) Model // with zero weights
}

const (
	modelFormat = "contrast model"
	kindKey     = "kind"
)

// WriteModel writes m to a safetensors file that any reader of that format reads: a
// tensor encoder.0.weight of shape [out, in], and so on. The metadata holds the kind
// of the model, such as "mlp", and as JSON what it is made of.
func WriteModel(path string, m Model) error {
	if err := sealed.Write(path, "", modelFormat, State(m), m.describe()); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// ReadModel reads what [WriteModel] wrote. Its error is one line that names the
// file and the rule that it breaks.
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
	// The file has as many values as its tensors have, so they are compared before
	// memory is taken for those that the metadata ask for.
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

// parseModel reads what describe returned.
func parseModel(meta map[string]string) (blueprint, error) {
	if meta[kindKey] == dualKind {
		return parseDual(meta)
	}
	return parseTower(meta)
}

// parseTower reads what describe of an MLP or a CNN returned.
func parseTower(meta map[string]string) (blueprint, error) {
	kind := meta[kindKey]
	for _, c := range mlpKinds {
		if kind == c.kind() {
			return c.parse(meta)
		}
	}
	if kind == cnnKind {
		return parseCNN(meta)
	}
	return nil, fmt.Errorf("kind: got %s, want %q or %q", sealed.Excerpt(kind), mlpKinds[0].kind(), cnnKind)
}

func formatWidths(widths []int) string {
	if len(widths) == 0 {
		return "[]"
	}
	b, err := json.Marshal(widths)
	if err != nil {
		panic(err) // no list of integers is without a JSON form
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
