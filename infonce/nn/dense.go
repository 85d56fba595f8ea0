package nn

import (
	"fmt"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A dense is a chain of dense layers x·Wᵀ + b, each followed by an activation if it is active.
type dense struct {
	layers []layer

	packs packs

	// Arguments of the loops over rows.
	input  simd.Matrix // the input of the chain
	layer  *layer
	before *layer // the layer before layer, or nil
	dout   simd.Matrix
}

// A layer computes out = act(in·Wᵀ + b). If it is not active there is no act; if it is the end of a
// residual, the input of the chain is added.
type layer struct {
	weight, dweight simd.Matrix // out × in
	bias, dbias     []float32
	active          bool
	act             Activation
	residual        bool

	in, out simd.Matrix // of the last run
	pre     simd.Matrix // the input of the activation, if the gradient needs it
	din     simd.Matrix // the gradient with respect to in

	w, x simd.Packed // weight (transposed in run) and in
}

// denseTensors appends the names and shapes of the parameters of a chain to dst. widths[0] is the
// width of the input; body−1 layers of the body follow, and then those of the head. size is the
// number of parameters before them.
func denseTensors(dst []Tensor, op string, size int64, widths []int, body int) ([]Tensor, error) {
	for i, w := range widths {
		if w < 1 || w > maxParams {
			return nil, fmt.Errorf("%s: width %d, want 1 to %d", op, w, maxParams)
		}
		if i == 0 {
			continue
		}
		if size += int64(w) * (int64(widths[i-1]) + 1); size > maxParams {
			return nil, fmt.Errorf("%s: widths %v need more than %d parameters", op, widths, maxParams)
		}
		part, n := "encoder", i-1
		if i >= body {
			part, n = "head", i-body
		}
		dst = append(dst,
			Tensor{Name: fmt.Sprintf("%s.%d.weight", part, n), Shape: []int{w, widths[i-1]}},
			Tensor{Name: fmt.Sprintf("%s.%d.bias", part, n), Shape: []int{w}})
	}
	return dst, nil
}

// newDense returns a chain in which all layers but the last are active. tensors is what
// denseTensors returns.
func newDense(tensors []Tensor, act Activation) dense {
	c := dense{layers: make([]layer, len(tensors)/2)}
	for i := range c.layers {
		shape := tensors[2*i].Shape
		m := simd.Matrix{Rows: shape[0], Cols: shape[1], Stride: shape[1]}
		c.layers[i] = layer{weight: m, dweight: m, active: i+1 < len(c.layers), act: act}
	}
	return c
}

// bind makes tensors the parameters of the chain.
func (c *dense) bind(tensors []Tensor) {
	for i := range c.layers {
		l, w, b := &c.layers[i], tensors[2*i], tensors[2*i+1]
		l.weight.Data, l.dweight.Data = w.Values, w.Grads
		l.bias, l.dbias = b.Values, b.Grads
	}
}

// run returns the output of the first layers for x.
func (c *dense) run(workers int, x simd.Matrix, layers int) simd.Matrix {
	c.packs.list = c.packs.list[:0]
	for i := range layers {
		l := &c.layers[i]
		c.packs.list = append(c.packs.list, pack{&l.w, l.weight, true})
	}
	par.For(workers, len(c.packs.list), &c.packs, (*packs).pack)
	c.input = x
	for i := range layers {
		l := &c.layers[i]
		l.in, l.out = x, l.out.Reshape(x.Rows, l.weight.Rows)
		if l.keepsInput() {
			l.pre = l.pre.Reshape(x.Rows, l.weight.Rows)
		}
		c.layer = l
		par.Ranges(workers, x.Rows, pieceRows, c, (*dense).forwardRows)
		x = l.out
	}
	return x
}

// back adds the gradients of all layers, given dz, that with respect to the output of the last run.
// With input it returns the gradient with respect to the input of the chain, which must have no
// residual.
func (c *dense) back(workers int, dz simd.Matrix, input bool) simd.Matrix {
	c.packs.list = c.packs.list[:0]
	for i := range c.layers {
		l := &c.layers[i]
		c.packs.list = append(c.packs.list, pack{&l.x, l.in, false})
		if i > 0 || input {
			c.packs.list = append(c.packs.list, pack{&l.w, l.weight, false})
		}
	}
	par.For(workers, len(c.packs.list), &c.packs, (*packs).pack)
	for i := len(c.layers) - 1; i >= 0; i-- {
		l := &c.layers[i]
		c.layer, c.before, c.dout = l, nil, dz
		par.Ranges(workers, l.weight.Rows, pieceRows, c, (*dense).backwardWeights)
		if i > 0 {
			c.before = &c.layers[i-1]
		} else if !input {
			break
		}
		l.din = l.din.Reshape(l.in.Rows, l.in.Cols)
		par.Ranges(workers, dz.Rows, pieceRows, c, (*dense).backwardRows)
		dz = l.din
	}
	return dz
}

// activationBytes estimates the memory that a chain holds for rows. input is the argument of back.
func (c *dense) activationBytes(rows int, input bool) int64 {
	var total int64
	n := int64(rows)
	for i := range c.layers {
		l := &c.layers[i]
		out, in := int64(l.weight.Rows), int64(l.weight.Cols)
		total += n*out + out*in // the output, and the packed weights
		total += n * in         // the packed input
		if i > 0 || input {
			total += n * in // its gradient
		}
		if l.keepsInput() {
			total += n * out
		}
	}
	return 4 * total
}

// pieceRows is the number of rows of a product in a piece of work: a multiple of all tile heights,
// and large enough to use the packed operand often while it is in cache. Bits do not depend on it.
const pieceRows = 48

// packs is a list of right operands of products to pack, one a piece of work.
type packs struct{ list []pack }

type pack struct {
	dst   *simd.Packed
	src   simd.Matrix
	trans bool
}

func (p *packs) pack(_, piece int) {
	if k := p.list[piece]; k.trans {
		k.dst.PackTrans(k.src)
	} else {
		k.dst.Pack(k.src)
	}
}

// keepsInput reports whether the input of the activation is kept, beside its output.
func (l *layer) keepsInput() bool { return l.active && !l.act.fromOutput() }

// forwardRows computes rows [lo, hi) of the output of a layer:
//
//	out = act(in·Wᵀ + b)
func (c *dense) forwardRows(_, lo, hi int) {
	l := c.layer
	out := l.out.Slice(lo, hi)
	pre := out
	if l.keepsInput() {
		pre = l.pre.Slice(lo, hi)
	}
	for i := range pre.Rows {
		copy(pre.Row(i), l.bias)
	}
	l.w.AddMul(pre, l.in.Slice(lo, hi))
	for i := range out.Rows {
		switch row := out.Row(i); {
		case l.residual:
			simd.Add(row, row, c.input.Row(lo+i))
		case l.active:
			l.act.forward(row, pre.Row(i))
		}
	}
}

// backwardRows computes rows [lo, hi) of the gradient with respect to the input of a layer, and
// passes them through the activation of the layer before, if there is one:
//
//	din = (dout·W) · act′
func (c *dense) backwardRows(_, lo, hi int) {
	din := c.layer.din.Slice(lo, hi)
	c.layer.w.Mul(din, 1, c.dout.Slice(lo, hi))
	if c.before == nil || !c.before.active {
		return
	}
	seen := c.before.out
	if c.before.keepsInput() {
		seen = c.before.pre
	}
	for i := range din.Rows {
		c.before.act.backward(din.Row(i), seen.Row(lo+i))
	}
}

// backwardWeights adds rows [lo, hi) of the gradients of a layer:
//
//	dW += doutᵀ·in, db += Σ_i dout_i
func (c *dense) backwardWeights(_, lo, hi int) {
	l, dout := c.layer, c.dout
	if dout.Rows == 0 {
		return
	}
	columns := simd.Matrix{Rows: dout.Rows, Cols: hi - lo, Stride: dout.Stride, Data: dout.Data[lo:]}
	l.x.AddMulTransA(l.dweight.Slice(lo, hi), columns)
	db := l.dbias[lo:hi]
	for i := range columns.Rows {
		simd.Add(db, db, columns.Row(i))
	}
}
