package train

import (
	"encoding/json"
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
)

const modelFormat = "contrast model"

// WriteModel writes m to a safetensors file that any reader of that format reads: a
// tensor encoder.0.weight of shape [out, in], and so on. The metadata holds the kind
// of the model, "mlp", and as JSON the widths of its body and of its head.
func WriteModel(path string, m *MLP) error {
	meta := map[string]string{"kind": "mlp", "body": formatWidths(m.body), "head": formatWidths(m.head)}
	if err := writeSealed(path, "", modelFormat, asData(m.params.Tensors), meta); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// ReadModel reads what [WriteModel] wrote. Its error is one line that names the
// file and the rule that it breaks.
func ReadModel(path string) (*MLP, error) {
	tensors, meta, err := readSealed(path, modelFormat)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m, err := modelOf(tensors, meta)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	return m, nil
}

func modelOf(tensors []data.Tensor, meta map[string]string) (*MLP, error) {
	if meta["kind"] != "mlp" {
		return nil, fmt.Errorf("kind: got %s, want %q", excerpt(meta["kind"]), "mlp")
	}
	body, err := parseWidths(meta, "body")
	if err != nil {
		return nil, err
	}
	head, err := parseWidths(meta, "head")
	if err != nil {
		return nil, err
	}
	// The file has as many values as its tensors have, so they are compared before
	// memory is taken for those that the widths ask for.
	want, err := mlpTensors(body, head)
	if err != nil {
		return nil, err
	}
	if err := matchTensors(tensors, asData(want)); err != nil {
		return nil, err
	}
	m := newMLP(body, head, want)
	copyTensors(asData(m.params.Tensors), tensors)
	return m, nil
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
		return nil, fmt.Errorf("%s: got %s, want a list of widths", key, excerpt(text))
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
