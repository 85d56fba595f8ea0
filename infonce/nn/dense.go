package nn

import (
	"fmt"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A dense is a chain of layers x·Wᵀ + b with an activation after those that are active.
type dense struct {
	layers []layer

	packs packs

	// What a loop over rows reads.
	input  simd.Matrix // of the chain
	layer  *layer
	before *layer // of layer, or nil
	dout   simd.Matrix
}

// A layer is out = act(in·Wᵀ + b), or without act, and then plus the input of the chain where it
// ends a residual.
type layer struct {
	weight, dweight simd.Matrix // out × in
	bias, dbias     []float32
	active          bool
	act             Activation
	residual        bool

	in, out simd.Matrix // of the last run
	pre     simd.Matrix // what the activation was applied to, where its gradient wants that; else out
	din     simd.Matrix // gradient with respect to in

	w, x simd.Packed // weight, transposed in run, and in
}

// denseTensors appends the names and shapes of the parameters of a chain to dst: after widths[0], the
// input, come body−1 layers of the encoder, and then those of the head. size is the number of
// parameters before them.
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

// newDense returns a chain whose layers are all active but the last. tensors are those of denseTensors.
func newDense(tensors []Tensor, act Activation) dense {
	c := dense{layers: make([]layer, len(tensors)/2)}
	for i := range c.layers {
		shape := tensors[2*i].Shape
		m := simd.Matrix{Rows: shape[0], Cols: shape[1], Stride: shape[1]}
		c.layers[i] = layer{weight: m, dweight: m, active: i+1 < len(c.layers), act: act}
	}
	return c
}

// bind makes tensors, those of denseTensors, the parameters of the chain.
func (c *dense) bind(tensors []Tensor) {
	for i := range c.layers {
		l, w, b := &c.layers[i], tensors[2*i], tensors[2*i+1]
		l.weight.Data, l.dweight.Data = w.Values, w.Grads
		l.bias, l.dbias = b.Values, b.Grads
	}
}

// run passes x through the first layers.
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

// back adds the gradients of all layers, given that with respect to what the last run returned. It returns the
// gradient with respect to the input where that is asked for; a residual has none.
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

// activationBytes returns how many bytes a chain keeps of so many rows.
func (c *dense) activationBytes(rows int, input bool) int64 {
	var total int64
	n := int64(rows)
	for i := range c.layers {
		l := &c.layers[i]
		out, in := int64(l.weight.Rows), int64(l.weight.Cols)
		total += n*out + out*in // what comes out, and the weights as laid out for a product
		total += n * in         // what goes in, laid out likewise
		if i > 0 || input {
			total += n * in // its gradient
		}
		if l.keepsInput() {
			total += n * out
		}
	}
	return 4 * total
}

// pieceRows is the number of rows of a product that are one piece of work: a
// multiple of all tile heights, and large enough for the packed operand to be used
// often while it is in cache. Bits do not depend on it.
const pieceRows = 48

// packs lays out the right operands of products, one a piece.
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

// keepsInput reports whether what the activation of l was applied to is kept beside what came out.
func (l *layer) keepsInput() bool { return l.active && !l.act.fromOutput() }

// forwardRows computes rows lo to hi−1 of the output of a layer:
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

// backwardRows computes rows lo to hi−1 of the gradient with respect to the input of a layer, and
// passes it through the activation of the layer before, if there is one:
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

// backwardWeights adds rows lo to hi−1 of the gradients of a layer:
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
