package nn

import (
	"cmp"
	"fmt"
	"slices"
)

// A CNNConfig is what a [CNN] is made of. Only the size of the images is needed.
type CNNConfig struct {
	Width, Height, Channels int // of an image

	// Filters lists the output channels of each block; nil means 24, 48, 96, 192. Products are fastest
	// for multiples of 48, the width of a tile in AVX-512, or of 16, its width in AVX2.
	Filters []int

	// Strides lists the stride of the convolution of each block; 2 halves the image, rounding up. nil
	// means 1 in the first block and 2 in the others, or 1 in all with Pooling.
	Strides []int

	Norm       Norm
	Activation Activation
	Pooling    Pooling // after each block but the last

	// Body lists the widths of layers after the mean over the pixels, and Head those of the projection head,
	// as in [MLPConfig]. Without a body that mean is the representation, without a head the
	// representation is the embedding.
	Body, Head []int
}

// New returns a CNN with weights drawn from seed, as [MLPConfig.New] draws them; scales are 1, biases and shifts 0.
//
// The tensors are conv.0.weight, of shape [3, 3, in, out], and conv.0.bias or norm.0.scale and norm.0.shift,
// and so on for each block, then encoder.0.weight, encoder.0.bias, …, head.0.weight, …. Batch norm adds to the
// state norm.0.mean and norm.0.variance, ….
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

// resolve puts lists in the place of defaults.
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

// copied returns c with lists of its own.
func (c CNNConfig) copied() CNNConfig {
	for _, list := range []*[]int{&c.Filters, &c.Strides, &c.Body, &c.Head} {
		*list = slices.Clone(*list)
	}
	return c
}

// maxImage bounds the numbers of an image, and of what a block makes of one, so that no size overflows.
const maxImage = 1 << 24

// check returns an error where there is no such CNN.
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

// tensors returns the names and shapes of the parameters.
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

// widths returns those of the layers after the blocks.
func (c CNNConfig) widths() []int {
	return slices.Concat(c.Filters[len(c.Filters)-1:], c.Body, c.Head)
}

// pooling returns that of a block.
func (c CNNConfig) pooling(i int) Pooling {
	if i == len(c.Filters)-1 {
		return globalAverage
	}
	return c.Pooling
}

// blockTensors is the number of tensors of a block.
func (c CNNConfig) blockTensors() int {
	if c.Norm == NoNorm {
		return 2
	}
	return 3
}

// state returns the names and shapes of what batch norm remembers.
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
