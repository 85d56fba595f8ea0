package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// An MLP is a chain of dense layers x·Wᵀ + b with an [Activation] between them.
//
// The first layers are the body; its output is the representation. The remaining layers are the
// projection head of SimCLR (Chen et al. 2020, section 4.2): its output is the embedding that the
// loss sees, and it is dropped after training. An MLP holds scratch memory and must not be used by
// two goroutines at the same time. [MLPConfig.New] and [NewMLP] make one.
type MLP struct {
	Workers int // 0 means GOMAXPROCS; results do not depend on it

	dense
	config MLPConfig
	params *Params
	passed int // rows of the last Forward, for Backward to check; 0 after Represent and Embed
}

// An MLPConfig describes an [MLP].
type MLPConfig struct {
	// Body lists the width of the input and of each layer of the body, Head the width of each layer
	// of the projection head. Body 784, 512, 256 and head 128, 64 make four layers, a
	// representation of width 256 and an embedding of width 64. Without a head the representation
	// is the embedding. There is no activation after the last layer, so a body of two widths and no
	// head is a linear map.
	Body, Head []int

	Activation Activation // between layers; the zero value is ReLU

	// Residual makes the MLP an adapter of embeddings that are already good: the representation is
	// x + body(x), without an activation at the end, so the first and last width of the body must
	// be equal. The last layer of the body is initialised to 0, so that training starts from x.
	Residual bool
}

// New returns an MLP whose weights are drawn from seed.
//
// Weights are uniform in ±√(6/in), which preserves the variance from layer to layer (He et al.
// 2015, eq. 10); biases are 0. The tensors are encoder.0.weight, encoder.0.bias, …, head.0.weight,
// ….
func (c MLPConfig) New(seed uint64) (*MLP, error) {
	tensors, err := c.tensors()
	if err != nil {
		return nil, err
	}
	m := newMLP(c, tensors)
	for i, l := range m.layers {
		if !l.residual {
			drawWeights(l.weight.Data, l.weight.Cols, seed, uint64(i))
		}
	}
	return m, nil
}

// NewMLP returns MLPConfig{Body: body, Head: head}.New(seed).
func NewMLP(seed uint64, body, head []int) (*MLP, error) {
	return MLPConfig{Body: body, Head: head}.New(seed)
}

// drawWeights fills the weights of a layer whose outputs are sums over in inputs.
func drawWeights(w []float32, in int, seed, layer uint64) {
	r := rand.New(rand.NewPCG(seed, layer))
	bound := math.Sqrt(6 / float64(in))
	for j := range w {
		u := float64(r.Float64())
		w[j] = float32(bound * (u + u - 1))
	}
}

// tensors returns the names and shapes of the parameters, or an error if c makes no sense.
func (c MLPConfig) tensors() ([]Tensor, error) {
	if len(c.Body) < 2 {
		return nil, fmt.Errorf("mlp: body has widths %v, want those of the input and of a layer or more", c.Body)
	}
	if _, err := c.Activation.MarshalText(); err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	if first, last := c.Body[0], c.Body[len(c.Body)-1]; c.Residual && first != last {
		return nil, fmt.Errorf("mlp: body has widths %v, want the last to be the first of a residual", c.Body)
	}
	return denseTensors(nil, "mlp", 0, slices.Concat(c.Body, c.Head), len(c.Body))
}

// newMLP returns an MLP with zero weights. tensors is what c.tensors returns.
func newMLP(c MLPConfig, tensors []Tensor) *MLP {
	c.Body, c.Head = slices.Clone(c.Body), slices.Clone(c.Head)
	m := &MLP{config: c, dense: newDense(tensors, c.Activation)}
	if c.Residual {
		end := &m.layers[len(c.Body)-2]
		end.residual, end.active = true, false
	}
	m.adopt(NewParams(tensors))
	return m
}

// maxParams bounds an encoder to 1 GiB of parameters, so that no size overflows an int.
const maxParams = 1 << 28

// Params returns the parameters.
func (m *MLP) Params() *Params { return m.params }

func (m *MLP) adopt(p *Params) {
	m.params = p
	m.bind(p.Tensors)
}

// SetWorkers sets Workers.
func (m *MLP) SetWorkers(n int) { m.Workers = n }

// Config returns the configuration of m.
func (m *MLP) Config() MLPConfig {
	c := m.config
	c.Body, c.Head = slices.Clone(c.Body), slices.Clone(c.Head)
	return c
}

// Clone returns a copy of m that shares no memory with it.
func (m *MLP) Clone() *MLP {
	c := newMLP(m.config, m.params.Tensors)
	c.Workers = m.Workers
	copy(c.params.Values, m.params.Values)
	return c
}

func (m *MLP) clone() Model { return m.Clone() }

// Dims returns the width of the input and of the embedding.
func (m *MLP) Dims() (in, out int) {
	return m.layers[0].weight.Cols, m.layers[len(m.layers)-1].weight.Rows
}

// Forward returns the embeddings of the rows of x. The result lies in memory of m, which the next
// call overwrites; x must not change before [MLP.Backward].
func (m *MLP) Forward(x simd.Matrix) simd.Matrix {
	m.passed = x.Rows
	return m.pass("nn.MLP.Forward", x, len(m.layers))
}

// Embed is [MLP.Forward] for inference: no Backward may follow.
func (m *MLP) Embed(x simd.Matrix) simd.Matrix {
	m.passed = 0
	return m.pass("nn.MLP.Embed", x, len(m.layers))
}

// Represent returns the representations of the rows of x: the output of the body. The result lies
// in memory of m, which the next call overwrites.
func (m *MLP) Represent(x simd.Matrix) simd.Matrix {
	m.passed = 0
	return m.pass("nn.MLP.Represent", x, len(m.config.Body)-1)
}

// pass returns the output of the first layers.
func (m *MLP) pass(op string, x simd.Matrix, layers int) simd.Matrix {
	x.Check(op, "x", -1, m.layers[0].weight.Cols)
	return m.run(par.Workers(m.Workers), x, layers)
}

// Backward adds the gradients of the parameters, given dz, the gradient with respect to the output
// of the last [MLP.Forward]. Each sum runs over the rows in ascending order and continues from what
// the gradient holds, so that chunks of a batch give the bits of the whole.
func (m *MLP) Backward(dz simd.Matrix) {
	_, out := m.Dims()
	dz.Check("nn.MLP.Backward", "dz", m.passed, out)
	m.back(par.Workers(m.Workers), dz, false)
}

// ActivationBytes estimates the memory that m holds after a Forward and Backward of rows, without
// its parameters and gradients.
func (m *MLP) ActivationBytes(rows int) int64 { return m.activationBytes(rows, false) }

// kind returns the kind of the model in a file: "mlp", followed by "+" and a name for each option
// that is on, so that a program that does not know the option refuses the file.
func (c MLPConfig) kind() string {
	kind := "mlp"
	if c.Activation != ReLU {
		kind += "+" + c.Activation.String()
	}
	if c.Residual {
		kind += "+residual"
	}
	return kind
}

func (m *MLP) describe() map[string]string {
	return map[string]string{kindKey: m.config.kind(), "body": formatWidths(m.config.Body), "head": formatWidths(m.config.Head)}
}

// mlpTowers returns a row of towerKinds for each kind of MLP.
func mlpTowers() (rows []tower) {
	for a := range activations {
		for _, residual := range []bool{false, true} {
			c := MLPConfig{Activation: Activation(a), Residual: residual}
			rows = append(rows, tower{c.kind(), c.parse})
		}
	}
	return rows
}

// parse returns c with the widths that describe wrote.
func (c MLPConfig) parse(meta map[string]string) (_ blueprint, err error) {
	if c.Body, err = parseWidths(meta, "body"); err != nil {
		return nil, err
	}
	if c.Head, err = parseWidths(meta, "head"); err != nil {
		return nil, err
	}
	return c, nil
}

func (c MLPConfig) state() []Tensor { return nil }

func (c MLPConfig) build(tensors []Tensor) Model { return newMLP(c, tensors) }
