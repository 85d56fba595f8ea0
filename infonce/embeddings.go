package infonce

import "github.com/contrast-go/contrast/simd"

// embeddings are the rows that a loss compares, normalised or as they came, with
// room for the gradient with respect to them.
type embeddings struct {
	x, g  simd.Matrix // g has no memory where no gradient is asked for
	norms []float32

	unit, grad simd.Matrix // the memory of x, where that is not the caller's, and of g
}

// load takes over src; with cosine its rows are normalised. It returns the number of zero rows.
func (e *embeddings) load(src simd.Matrix, cosine, grad bool) (zeros int) {
	e.x = src
	if cosine {
		e.unit = e.unit.Reshape(src.Rows, src.Cols)
		e.x = e.unit
		e.norms = grow(e.norms, src.Rows)
		zeros = simd.NormalizeRows(e.x, src, e.norms)
	}
	e.room(grad)
	return zeros
}

// stack takes over the rows of a and, below them, those of b.
func (e *embeddings) stack(a, b simd.Matrix, cosine, grad bool) (zeros int) {
	n := a.Rows
	e.unit = e.unit.Reshape(n+b.Rows, a.Cols)
	e.x = e.unit
	top, bottom := e.x.Slice(0, n), e.x.Slice(n, n+b.Rows)
	if cosine {
		e.norms = grow(e.norms, e.x.Rows)
		zeros = simd.NormalizeRows(top, a, e.norms[:n])
		zeros += simd.NormalizeRows(bottom, b, e.norms[n:])
	} else {
		for i := range n {
			copy(top.Row(i), a.Row(i))
		}
		for i := range b.Rows {
			copy(bottom.Row(i), b.Row(i))
		}
	}
	e.room(grad)
	return zeros
}

func (e *embeddings) room(grad bool) {
	e.g = simd.Matrix{}
	if grad {
		e.grad = e.grad.Reshape(e.x.Rows, e.x.Cols)
		e.g = e.grad
	}
}

// addGrad adds scale times the gradient with respect to the rows from first on, as they
// came, to dst, unless dst is empty. It overwrites the gradient.
func (e *embeddings) addGrad(dst simd.Matrix, scale float32, first int, cosine bool) {
	if dst.Data == nil {
		return
	}
	g := e.g.Slice(first, first+dst.Rows)
	if cosine {
		simd.AddNormalizeRowsGrad(dst, scale, g, e.x.Slice(first, first+dst.Rows), e.norms[first:first+dst.Rows])
		return
	}
	for i := range dst.Rows {
		simd.Axpy(dst.Row(i), scale, g.Row(i))
	}
}

// inner returns Σ x_i·g_i: with the gradient β·G·k of the queries it is Σ G_ij·z_ij, from
// which the gradient with respect to the temperature follows.
func (e *embeddings) inner() float64 {
	var s float64
	for i := range e.x.Rows {
		s += float64(simd.Dot(e.x.Row(i), e.g.Row(i)))
	}
	return s
}

// checkGrad panics unless the gradient matrix g, the field arg, is empty or has the shape of x.
func checkGrad(op, arg string, g, x simd.Matrix) {
	if g.Data != nil {
		g.Check(op, arg, x.Rows, x.Cols)
	}
}
