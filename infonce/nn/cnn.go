package nn

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A CNN is a convolutional network: blocks of a 3×3 convolution, a [Norm], an [Activation] and a
// [Pooling], then the mean over the remaining pixels, and then dense layers as in an [MLP].
//
// A sample is an image as laid out by augment.Flatten: rows from the top, pixels from the left,
// then channels. Convolutions are matrix products, which take nearly all of the time. A CNN holds
// scratch memory and must not be used by two goroutines at the same time. [CNNConfig.New] makes
// one.
type CNN struct {
	Workers int // 0 means GOMAXPROCS; results do not depend on it

	config  CNNConfig
	params  *Params
	blocks  []convBlock
	dense   dense
	packs   packs
	scratch []scratch
	passed  int // rows of the last Forward, for Backward to check; 0 after Represent and Embed

	embedded simd.Matrix
	grads    [2]simd.Matrix // gradients with respect to the input and output of a block, in turns
}

// newCNN returns a CNN with zero weights. c is resolved, and tensors is what c.tensors returns.
func newCNN(c CNNConfig, tensors []Tensor) *CNN {
	c = c.copied()
	m := &CNN{config: c, blocks: make([]convBlock, len(c.Filters))}
	f := imageShape{c.Width, c.Height, c.Channels}
	for i, out := range c.Filters {
		s := &m.blocks[i]
		s.conv = conv{f, convolved(f, c.Strides[i], out), c.Strides[i]}
		s.norm = newNorm(c.Norm, s.to)
		s.act, s.pooling = c.Activation, c.pooling(i)
		s.end = s.pooling.pooled(s.to)
		f = s.end
	}
	m.dense = newDense(tensors[len(c.Filters)*c.blockTensors():], c.Activation)
	m.adopt(NewParams(tensors))
	return m
}

func (m *CNN) adopt(p *Params) {
	m.params = p
	n := m.config.blockTensors()
	for i := range m.blocks {
		m.blocks[i].bind(p.Tensors[i*n : (i+1)*n])
	}
	m.dense.bind(p.Tensors[len(m.blocks)*n:])
}

// bind makes tensors the parameters of the block.
func (s *convBlock) bind(tensors []Tensor) {
	w := simd.Matrix{Rows: s.inner(), Cols: s.to.channels, Stride: s.to.channels}
	s.weight, s.dweight = w, w
	s.weight.Data, s.dweight.Data = tensors[0].Values, tensors[0].Grads
	if s.kind != NoNorm {
		s.scale, s.dscale = tensors[1].Values, tensors[1].Grads
	}
	last := tensors[len(tensors)-1]
	s.shift, s.dshift = last.Values, last.Grads
}

// Params returns the parameters.
func (m *CNN) Params() *Params { return m.params }

// State returns the running statistics of batch norm.
func (m *CNN) State() []data.Tensor {
	state := m.config.state()
	for i := range m.blocks {
		if s := &m.blocks[i]; len(state) > 0 {
			state[2*i].Values, state[2*i+1].Values = s.mean, s.variance
		}
	}
	return asData(state)
}

// MixesRows reports whether there is batch norm.
func (m *CNN) MixesRows() bool { return m.config.Norm == BatchNorm }

// SetWorkers sets Workers.
func (m *CNN) SetWorkers(n int) { m.Workers = n }

// Config returns the configuration of m with defaults filled in.
func (m *CNN) Config() CNNConfig { return m.config.copied() }

// Clone returns a copy of m, running statistics included, that shares no memory with it.
func (m *CNN) Clone() *CNN {
	c := newCNN(m.config, m.params.Tensors)
	c.Workers = m.Workers
	sealed.Copy(State(c), State(m))
	return c
}

func (m *CNN) clone() Model { return m.Clone() }

// Dims returns the numbers in an image and the width of the embedding.
func (m *CNN) Dims() (in, out int) { return m.blocks[0].from.size(), m.width(len(m.dense.layers)) }

// width returns the width of the output of the blocks and the first layers after them.
func (m *CNN) width(layers int) int {
	if layers == 0 {
		return m.blocks[len(m.blocks)-1].end.channels
	}
	return m.dense.layers[layers-1].weight.Rows
}

// Forward returns the embeddings of the rows of x. The result lies in memory of m, which the next
// call overwrites; x must not change before [CNN.Backward].
func (m *CNN) Forward(x simd.Matrix) simd.Matrix {
	x.Check("nn.CNN.Forward", "x", -1, m.blocks[0].from.size())
	m.passed = x.Rows
	return m.pass(m.prepare(), x, true, len(m.dense.layers))
}

// Embed is [CNN.Forward] for inference: batch norm uses its running statistics, and no Backward may
// follow.
func (m *CNN) Embed(x simd.Matrix) simd.Matrix {
	return m.embed("nn.CNN.Embed", x, len(m.dense.layers))
}

// Represent returns the representations of the rows of x: [CNN.Embed] without the head.
func (m *CNN) Represent(x simd.Matrix) simd.Matrix {
	return m.embed("nn.CNN.Represent", x, len(m.config.Body))
}

// embedRows is the number of rows that embed takes at a time: images take far more memory than
// their embeddings.
const embedRows = 128

// embed returns the output of the blocks and the first layers after them, for inference.
func (m *CNN) embed(op string, x simd.Matrix, layers int) simd.Matrix {
	x.Check(op, "x", -1, m.blocks[0].from.size())
	m.passed = 0
	workers := m.prepare()
	m.embedded = m.embedded.Reshape(x.Rows, m.width(layers))
	for i := 0; i < x.Rows; i += embedRows {
		j := min(i+embedRows, x.Rows)
		z := m.pass(workers, x.Slice(i, j), false, layers)
		copy(m.embedded.Slice(i, j).Data, z.Data)
	}
	return m.embedded
}

// workers returns the number of workers of a call, and allocates scratch memory for each.
func (m *CNN) workers() int {
	n := par.Workers(m.Workers)
	if len(m.scratch) < n {
		m.scratch = make([]scratch, n)
	}
	for i := range m.blocks {
		m.blocks[i].scratch = m.scratch
	}
	return n
}

// prepare packs the weights of the blocks and returns the number of workers of the call.
func (m *CNN) prepare() int {
	workers := m.workers()
	m.packs.list = m.packs.list[:0]
	for i := range m.blocks {
		s := &m.blocks[i]
		m.packs.list = append(m.packs.list, pack{&s.w, s.weight, false})
	}
	par.For(workers, len(m.packs.list), &m.packs, (*packs).pack)
	return workers
}

// pass returns the output of the blocks and the first layers after them.
func (m *CNN) pass(workers int, x simd.Matrix, training bool, layers int) simd.Matrix {
	for i := range m.blocks {
		s := &m.blocks[i]
		s.training = training
		x = s.run(workers, x)
	}
	return m.dense.run(workers, x, layers)
}

// Backward adds the gradients of the parameters, given dz, the gradient with respect to the output
// of the last [CNN.Forward]. Without batch norm each sum runs over the rows in ascending order and
// continues from what the gradient holds. With batch norm, Backward also updates the running
// statistics, so that a step that fails before it leaves no trace in them.
func (m *CNN) Backward(dz simd.Matrix) {
	_, out := m.Dims()
	dz.Check("nn.CNN.Backward", "dz", m.passed, out)
	workers := m.workers()
	d := m.dense.back(workers, dz, true)
	m.packs.list = m.packs.list[:0]
	for i := range m.blocks[1:] {
		s := &m.blocks[i+1]
		m.packs.list = append(m.packs.list, pack{&s.wt, s.weight, true})
	}
	par.For(workers, len(m.packs.list), &m.packs, (*packs).pack)
	for i, width := range m.gradWidths() {
		m.grads[i] = m.grads[i].Reshape(m.passed, width)
	}
	turn := 0
	next := func(f imageShape) simd.Matrix {
		turn++
		return m.grads[(turn-1)%2].Reshape(m.passed, f.size())
	}
	for i := len(m.blocks) - 1; i >= 0; i-- {
		s := &m.blocks[i]
		s.dout, s.dmapped, s.dx = d, d, simd.Matrix{}
		if s.pooling != NoPooling {
			s.dmapped = next(s.to)
		}
		if i > 0 {
			s.dx = next(s.from) // in the memory of dout, unless that is dmapped too
		}
		s.back(workers)
		d = s.dx
	}
}

// gradWidths returns the sizes of the largest images in each of grads.
func (m *CNN) gradWidths() (widths [2]int) {
	turn := 0
	next := func(f imageShape) {
		widths[turn%2] = max(widths[turn%2], f.size())
		turn++
	}
	for i := len(m.blocks) - 1; i >= 0; i-- {
		s := &m.blocks[i]
		if s.pooling != NoPooling {
			next(s.to)
		}
		if i > 0 {
			next(s.from)
		}
	}
	return widths
}

// ActivationBytes estimates the memory that m holds after a Forward and Backward of rows, without
// its parameters and gradients.
func (m *CNN) ActivationBytes(rows int) int64 {
	total := m.dense.activationBytes(rows, true)
	for i := range m.blocks {
		total += m.blocks[i].activationBytes(rows)
	}
	widths := m.gradWidths()
	total += 4 * int64(rows) * int64(widths[0]+widths[1])
	return total + 4*tileSize*int64(par.Workers(m.Workers))
}
