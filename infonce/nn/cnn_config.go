package nn

import (
	"cmp"
	"fmt"
	"slices"
)

// A CNNConfig describes a [CNN]. Only the size of the images is required.
type CNNConfig struct {
	Width, Height, Channels int // of the images

	// Filters lists the output channels of the blocks; nil means 24, 48, 96, 192. Products are
	// fastest with multiples of the tile width, which is 48 in AVX-512 and 16 in AVX2.
	Filters []int

	// Strides lists the stride of each convolution, 1 or 2; 2 halves the image, rounding up. nil
	// means 1 in the first block and 2 in the others, or 1 in all if there is a Pooling.
	Strides []int

	Norm       Norm       // the zero value is LayerNorm
	Activation Activation // the zero value is ReLU
	Pooling    Pooling    // after each block but the last; the zero value is NoPooling

	// Body lists the widths of the dense layers after the mean over the pixels, Head those of the
	// projection head, as in [MLPConfig]. Without a body, the mean is the representation; without a
	// head, the representation is the embedding.
	Body, Head []int
}

// New returns a CNN whose weights are drawn from seed as in [MLPConfig.New]; scales are 1, biases
// and shifts 0.
//
// The tensors of block 0 are conv.0.weight, of shape [3, 3, in, out], and either conv.0.bias or
// norm.0.scale and norm.0.shift. Those of the dense layers are encoder.0.weight, encoder.0.bias, …,
// head.0.weight, …. With batch norm the state has norm.0.mean and norm.0.variance for each block.
func (c CNNConfig) New(seed uint64) (*CNN, error) {
	c = c.resolve()
	tensors, err := c.tensors()
	if err != nil {
		return nil, err
	}
	m := newCNN(c, tensors)
	for i := range m.blocks {
		s := &m.blocks[i]
		drawWeights(s.weight.Data, s.inner(), seed, uint64(i))
		fill(s.scale, 1)
		fill(s.variance, 1)
	}
	for i, l := range m.dense.layers {
		drawWeights(l.weight.Data, l.weight.Cols, seed, uint64(len(m.blocks)+i))
	}
	return m, nil
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// resolve returns c with defaults filled in.
func (c CNNConfig) resolve() CNNConfig {
	if c.Filters == nil {
		c.Filters = []int{24, 48, 96, 192}
	}
	if c.Strides == nil {
		c.Strides = make([]int, len(c.Filters))
		for i := range c.Strides {
			c.Strides[i] = 1
			if i > 0 && c.Pooling == NoPooling {
				c.Strides[i] = 2
			}
		}
	}
	return c.copied()
}

// copied returns c with its lists cloned.
func (c CNNConfig) copied() CNNConfig {
	for _, list := range []*[]int{&c.Filters, &c.Strides, &c.Body, &c.Head} {
		*list = slices.Clone(*list)
	}
	return c
}

// maxImage bounds the numbers in an image and in the output of a block, so that no size overflows.
const maxImage = 1 << 24

// check returns an error unless c makes sense.
func (c CNNConfig) check() error {
	for _, side := range []int{c.Width, c.Height, c.Channels} {
		if side < 1 || side > maxImage {
			return fmt.Errorf("image of %d×%d×%d, want sides of 1 to %d", c.Width, c.Height, c.Channels, maxImage)
		}
	}
	if len(c.Filters) == 0 || len(c.Strides) != len(c.Filters) {
		return fmt.Errorf("%d filters and %d strides, want one or more, and as many", len(c.Filters), len(c.Strides))
	}
	for i, n := range c.Filters {
		if n < 1 || n > maxParams {
			return fmt.Errorf("filters %v, want each 1 to %d", c.Filters, maxParams)
		}
		if s := c.Strides[i]; s < 1 || s > 2 {
			return fmt.Errorf("strides %v, want each 1 or 2", c.Strides)
		}
	}
	_, norm := c.Norm.MarshalText()
	_, act := c.Activation.MarshalText()
	_, pooling := c.Pooling.MarshalText()
	return cmp.Or(norm, act, pooling)
}

// tensors returns the names and shapes of the parameters, or an error if c makes no sense.
func (c CNNConfig) tensors() (tensors []Tensor, err error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("cnn: %w", err)
	}
	size, f := int64(0), imageShape{c.Width, c.Height, c.Channels}
	for i, out := range c.Filters {
		in := f.channels
		to := convolved(f, c.Strides[i], out)
		for _, f := range []imageShape{f, to} {
			if n := int64(f.width) * int64(f.height); n > maxImage || n*int64(f.channels) > maxImage {
				return nil, fmt.Errorf("cnn: block %d has an image of %d×%d×%d, want at most %d numbers", i, f.width, f.height, f.channels, maxImage)
			}
		}
		if size += (taps*int64(in) + 2) * int64(out); size > maxParams {
			return nil, fmt.Errorf("cnn: filters %v need more than %d parameters", c.Filters, maxParams)
		}
		tensors = append(tensors, Tensor{Name: fmt.Sprintf("conv.%d.weight", i), Shape: []int{3, 3, in, out}})
		if c.Norm == NoNorm {
			tensors = append(tensors, Tensor{Name: fmt.Sprintf("conv.%d.bias", i), Shape: []int{out}})
		} else {
			tensors = append(tensors,
				Tensor{Name: fmt.Sprintf("norm.%d.scale", i), Shape: []int{out}},
				Tensor{Name: fmt.Sprintf("norm.%d.shift", i), Shape: []int{out}})
		}
		f = c.pooling(i).pooled(to)
	}
	return denseTensors(tensors, "cnn", size, c.widths(), 1+len(c.Body))
}

// widths returns the widths of the dense layers, after that of their input.
func (c CNNConfig) widths() []int {
	return slices.Concat(c.Filters[len(c.Filters)-1:], c.Body, c.Head)
}

// pooling returns the pooling of block i.
func (c CNNConfig) pooling(i int) Pooling {
	if i == len(c.Filters)-1 {
		return globalAverage
	}
	return c.Pooling
}

// blockTensors returns the number of tensors in a block.
func (c CNNConfig) blockTensors() int {
	if c.Norm == NoNorm {
		return 2
	}
	return 3
}

// state returns the names and shapes of the running statistics.
func (c CNNConfig) state() (tensors []Tensor) {
	if c.Norm != BatchNorm {
		return nil
	}
	for i, n := range c.Filters {
		tensors = append(tensors,
			Tensor{Name: fmt.Sprintf("norm.%d.mean", i), Shape: []int{n}},
			Tensor{Name: fmt.Sprintf("norm.%d.variance", i), Shape: []int{n}})
	}
	return tensors
}
