package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// An MLP is a chain of layers x·Wᵀ + b with max(0, ·) between them.
//
// The first layers are the body, whose output is the representation; those after it
// are the projection head of SimCLR (Chen et al. 2020, section 4.2), which
// the loss looks at and which is dropped afterwards. An MLP keeps scratch memory, so
// two goroutines must not use one at once.
type MLP struct {
	Workers int // 0 means GOMAXPROCS; the results do not depend on it

	body, head []int
	params     *Params
	layers     []layer
	passed     int // rows that the last Forward took; 0 after Represent

	packs    packs
	forward  forwardRows
	backward backwardRows
	weights  backwardWeights
}

// A layer is out = in·Wᵀ + b, and with rectify max(0, ·) of it.
type layer struct {
	weight, dweight simd.Matrix // out × in
	bias, dbias     []float32
	rectify         bool

	in, out simd.Matrix // of the last Forward
	din     simd.Matrix // gradient with respect to in

	w, x simd.Packed // weight, transposed in Forward, and in
}

// NewMLP returns an MLP with weights drawn from seed.
//
// body lists the width of the input and those of the layers of the body, head the
// widths of the layers of the head: body 784, 512, 256 and head 128, 64 are
// four layers, a representation of width 256 and an embedding of width 64. Without a
// head the representation is the embedding, and is not rectified.
//
// Weights are uniform within ±√(6/in), which keeps the variance from layer to layer
// (He et al. 2015, eq. 10); biases are 0. The tensors are encoder.0.weight,
// encoder.0.bias, …, head.0.weight, ….
func NewMLP(seed uint64, body, head []int) (*MLP, error) {
	tensors, err := mlpTensors(body, head)
	if err != nil {
		return nil, err
	}
	m := newMLP(body, head, tensors)
	for i, l := range m.layers {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		bound := math.Sqrt(6 / float64(l.weight.Cols))
		for j := range l.weight.Data {
			u := float64(r.Float64())
			l.weight.Data[j] = float32(bound * (u + u - 1))
		}
	}
	return m, nil
}

// mlpTensors returns the names and shapes of the parameters of an MLP.
func mlpTensors(body, head []int) ([]Tensor, error) {
	if len(body) < 2 {
		return nil, fmt.Errorf("mlp: body has widths %v, want those of the input and of a layer or more", body)
	}
	widths := slices.Concat(body, head)
	var tensors []Tensor
	size := int64(0)
	for i, w := range widths {
		if w < 1 || w > maxParams {
			return nil, fmt.Errorf("mlp: width %d, want 1 to %d", w, maxParams)
		}
		if i == 0 {
			continue
		}
		if size += int64(w) * (int64(widths[i-1]) + 1); size > maxParams {
			return nil, fmt.Errorf("mlp: widths %v need more than %d parameters", widths, maxParams)
		}
		part, n := "encoder", i-1
		if i >= len(body) {
			part, n = "head", i-len(body)
		}
		tensors = append(tensors,
			Tensor{Name: fmt.Sprintf("%s.%d.weight", part, n), Shape: []int{w, widths[i-1]}},
			Tensor{Name: fmt.Sprintf("%s.%d.bias", part, n), Shape: []int{w}})
	}
	return tensors, nil
}

// newMLP returns an MLP with zero weights; tensors are those of mlpTensors.
func newMLP(body, head []int, tensors []Tensor) *MLP {
	m := &MLP{body: slices.Clone(body), head: slices.Clone(head), layers: make([]layer, len(tensors)/2)}
	m.params = NewParams(tensors)
	for i := range m.layers {
		w, b := m.params.Tensors[2*i], m.params.Tensors[2*i+1]
		shape := simd.Matrix{Rows: w.Shape[0], Cols: w.Shape[1], Stride: w.Shape[1]}
		l := layer{weight: shape, dweight: shape, bias: b.Values, dbias: b.Grads, rectify: i+1 < len(m.layers)}
		l.weight.Data, l.dweight.Data = w.Values, w.Grads
		m.layers[i] = l
	}
	return m
}

// maxParams bounds an MLP to 1 GiB of parameters, so that no size overflows an int.
const maxParams = 1 << 28

// Params returns the parameters.
func (m *MLP) Params() *Params { return m.params }

// Widths returns the arguments of [NewMLP].
func (m *MLP) Widths() (body, head []int) { return slices.Clone(m.body), slices.Clone(m.head) }

// Clone returns an MLP with the same weights in memory of its own, such as a
// [MomentumEncoder] begins with.
func (m *MLP) Clone() *MLP {
	c := newMLP(m.body, m.head, m.params.Tensors)
	c.Workers = m.Workers
	copy(c.params.Values, m.params.Values)
	return c
}

// Dims returns the width of the input and of the embedding.
func (m *MLP) Dims() (in, out int) {
	return m.layers[0].weight.Cols, m.layers[len(m.layers)-1].weight.Rows
}

// Forward returns the embeddings of the rows of x, in memory of m that the next
// call overwrites. x must not change before [MLP.Backward].
func (m *MLP) Forward(x simd.Matrix) simd.Matrix {
	m.passed = x.Rows
	return m.run("train.MLP.Forward", x, len(m.layers))
}

// Represent returns the representations of the rows of x, what the body makes of
// them, in memory of m that the next call overwrites.
func (m *MLP) Represent(x simd.Matrix) simd.Matrix {
	m.passed = 0
	return m.run("train.MLP.Represent", x, len(m.body)-1)
}

// run passes x through the first layers.
func (m *MLP) run(op string, x simd.Matrix, layers int) simd.Matrix {
	x.Check(op, "x", -1, m.layers[0].weight.Cols)
	m.packs.list = m.packs.list[:0]
	for i := range layers {
		l := &m.layers[i]
		m.packs.list = append(m.packs.list, pack{&l.w, l.weight, true})
	}
	par.Do(m.Workers, len(m.packs.list), &m.packs)
	for i := range layers {
		l := &m.layers[i]
		l.in, l.out = x, l.out.Reshape(x.Rows, l.weight.Rows)
		m.forward = forwardRows{l}
		par.Do(m.Workers, pieces(x.Rows), &m.forward)
		x = l.out
	}
	return x
}

// Backward adds the gradients of the parameters, given the gradient with respect
// to what the last call of [MLP.Forward] returned. Each is a chain over the rows in
// ascending order that goes on from what the gradient holds.
func (m *MLP) Backward(dz simd.Matrix) {
	_, out := m.Dims()
	dz.Check("train.MLP.Backward", "dz", m.passed, out)
	m.packs.list = m.packs.list[:0]
	for i := range m.layers {
		l := &m.layers[i]
		m.packs.list = append(m.packs.list, pack{&l.x, l.in, false})
		if i > 0 {
			m.packs.list = append(m.packs.list, pack{&l.w, l.weight, false})
		}
	}
	par.Do(m.Workers, len(m.packs.list), &m.packs)
	for i := len(m.layers) - 1; i >= 0; i-- {
		l := &m.layers[i]
		m.weights = backwardWeights{l, dz}
		par.Do(m.Workers, pieces(l.weight.Rows), &m.weights)
		if i == 0 {
			return // nobody asks for the gradient with respect to the input
		}
		l.din = l.din.Reshape(l.in.Rows, l.in.Cols)
		m.backward = backwardRows{l, dz}
		par.Do(m.Workers, pieces(dz.Rows), &m.backward)
		dz = l.din
	}
}

// pieceRows is the number of rows of a product that are one piece of work: a
// multiple of all tile heights, and large enough for the packed operand to be used
// often while it is in cache. Bits do not depend on it.
const pieceRows = 48

func pieces(rows int) int { return (rows + pieceRows - 1) / pieceRows }

// rowsOf returns the rows of a piece.
func rowsOf(piece, rows int) (lo, hi int) {
	return piece * pieceRows, min((piece+1)*pieceRows, rows)
}

// packs lays out the right operands of products, one a piece.
type packs struct{ list []pack }

type pack struct {
	dst   *simd.Packed
	src   simd.Matrix
	trans bool
}

func (p *packs) Run(_, piece int) {
	if k := p.list[piece]; k.trans {
		k.dst.PackTrans(k.src)
	} else {
		k.dst.Pack(k.src)
	}
}

// forwardRows computes rows of the output of a layer:
//
//	out = max(0, in·Wᵀ + b)
type forwardRows struct{ l *layer }

func (f *forwardRows) Run(_, piece int) {
	lo, hi := rowsOf(piece, f.l.out.Rows)
	out := f.l.out.Slice(lo, hi)
	for i := range out.Rows {
		copy(out.Row(i), f.l.bias)
	}
	f.l.w.AddMul(out, f.l.in.Slice(lo, hi))
	if !f.l.rectify {
		return
	}
	for i := range out.Rows {
		row := out.Row(i)
		for j, v := range row {
			row[j] = max(v, 0) // keeps NaN
		}
	}
}

// backwardRows computes rows of the gradient with respect to the input of a layer,
// which is the rectified output of the layer before, and passes it through that max:
//
//	din = (dout·W) where in > 0, else 0
type backwardRows struct {
	l    *layer
	dout simd.Matrix
}

func (b *backwardRows) Run(_, piece int) {
	lo, hi := rowsOf(piece, b.dout.Rows)
	din, in := b.l.din.Slice(lo, hi), b.l.in.Slice(lo, hi)
	b.l.w.Mul(din, 1, b.dout.Slice(lo, hi))
	for i := range din.Rows {
		d, x := din.Row(i), in.Row(i)
		for j, v := range x[:len(d)] {
			// v is +0 or above, so its bits negated are negative unless it is 0. A
			// branch here would be predicted wrong half of the time.
			mask := uint32(-int32(math.Float32bits(v)) >> 31)
			d[j] = math.Float32frombits(math.Float32bits(d[j]) & mask)
		}
	}
}

// backwardWeights adds rows of the gradients of a layer:
//
//	dW += doutᵀ·in, db += Σ_i dout_i
type backwardWeights struct {
	l    *layer
	dout simd.Matrix
}

func (b *backwardWeights) Run(_, piece int) {
	lo, hi := rowsOf(piece, b.l.weight.Rows)
	if b.dout.Rows == 0 {
		return
	}
	columns := simd.Matrix{Rows: b.dout.Rows, Cols: hi - lo, Stride: b.dout.Stride, Data: b.dout.Data[lo:]}
	b.l.x.AddMulTransA(b.l.dweight.Slice(lo, hi), columns)
	db := b.l.dbias[lo:hi]
	for i := range columns.Rows {
		simd.Add(db, db, columns.Row(i))
	}
}
