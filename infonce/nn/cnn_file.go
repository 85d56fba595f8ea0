package nn

import "fmt"

// cnnKind is the kind of a CNN in files.
const cnnKind = "cnn"

func (m *CNN) describe() map[string]string {
	c := m.config
	return map[string]string{
		kindKey:      cnnKind,
		"image":      formatWidths([]int{c.Width, c.Height, c.Channels}),
		"filters":    formatWidths(c.Filters),
		"strides":    formatWidths(c.Strides),
		"norm":       c.Norm.String(),
		"activation": c.Activation.String(),
		"pooling":    c.Pooling.String(),
		"body":       formatWidths(c.Body),
		"head":       formatWidths(c.Head),
	}
}

// parseCNN is the inverse of describe.
func parseCNN(meta map[string]string) (blueprint, error) {
	var c CNNConfig
	var image []int
	for _, list := range []struct {
		key string
		dst *[]int
	}{
		{"image", &image},
		{"filters", &c.Filters},
		{"strides", &c.Strides},
		{"body", &c.Body},
		{"head", &c.Head},
	} {
		widths, err := parseWidths(meta, list.key)
		if err != nil {
			return nil, err
		}
		*list.dst = widths
	}
	if len(image) != 3 {
		return nil, fmt.Errorf("image: got %v, want width, height and channels", image)
	}
	c.Width, c.Height, c.Channels = image[0], image[1], image[2]
	for _, name := range []struct {
		key string
		dst interface{ UnmarshalText(text []byte) error }
	}{
		{"norm", &c.Norm},
		{"activation", &c.Activation},
		{"pooling", &c.Pooling},
	} {
		if err := name.dst.UnmarshalText([]byte(meta[name.key])); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c CNNConfig) build(tensors []Tensor) Model { return newCNN(c, tensors) }
