package infonce

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// embeddings are the rows that a loss compares, normalised or as they came, with
// room for the gradient with respect to them.
type embeddings struct {
	x, g  simd.Matrix // g has no memory where no gradient is asked for
	norms []float32   // of the rows as they came; their squares where rows are not normalised

	unit, grad simd.Matrix // the memory of x, where that is not the caller's, and of g
	cosine     bool        // rows are normalised
	workers    int

	// What the rows go through at the moment, some at a time.
	step   rowStep
	caller simd.Matrix // whose rows come or whose gradient grows; row 0 is row first of x
	first  int
	scale  float32
	dots   []float64
}

type rowStep int

const (
	loading rowStep = iota
	addingGrad
	multiplying
	adding
)

// load takes over src; with cosine its rows are normalised. It returns the number of zero rows.
func (e *embeddings) load(workers int, src simd.Matrix, cosine, grad bool) (zeroNorms int) {
	e.cosine, e.workers, e.x = cosine, workers, src
	e.norms = grow(e.norms, src.Rows)
	if cosine {
		e.unit = e.unit.Reshape(src.Rows, src.Cols)
		e.x = e.unit
	}
	e.do(loading, src, 0)
	return e.prepare(grad)
}

// stack takes over the rows of a and, below them, those of b.
func (e *embeddings) stack(workers int, a, b simd.Matrix, cosine, grad bool) (zeroNorms int) {
	e.cosine, e.workers = cosine, workers
	e.norms = grow(e.norms, a.Rows+b.Rows)
	e.unit = e.unit.Reshape(a.Rows+b.Rows, a.Cols)
	e.x = e.unit
	e.do(loading, a, 0)
	e.do(loading, b, a.Rows)
	return e.prepare(grad)
}

func (e *embeddings) prepare(grad bool) (zeroNorms int) {
	e.g = simd.Matrix{}
	if grad {
		e.grad = e.grad.Reshape(e.x.Rows, e.x.Cols)
		e.g = e.grad
	}
	if e.cosine {
		return zeros(e.norms)
	}
	return 0
}

func zeros(norms []float32) (n int) {
	for _, norm := range norms {
		if norm == 0 {
			n++
		}
	}
	return n
}

// addGrad adds scale times the gradient with respect to the rows from first on, as they
// came, to dst, unless dst is empty. It overwrites the gradient.
func (e *embeddings) addGrad(dst simd.Matrix, scale float32, first int) {
	if dst.Data == nil {
		return
	}
	e.scale = scale
	e.do(addingGrad, dst, first)
}

// inner returns Σ x_i·g_i: with the gradient β·G·k of the queries it is Σ G_ij·z_ij, from
// which the gradient with respect to the temperature follows.
func (e *embeddings) inner() float64 {
	e.dots = grow(e.dots, e.x.Rows)
	e.do(multiplying, e.x, 0)
	var s float64
	for _, d := range e.dots {
		s += d
	}
	return s
}

// addToGrad adds more to the gradient with respect to the rows that are compared.
func (e *embeddings) addToGrad(more simd.Matrix) { e.do(adding, more, 0) }

func (e *embeddings) do(step rowStep, caller simd.Matrix, first int) {
	e.step, e.caller, e.first = step, caller, first
	par.Do(e.workers, pieces(caller.Rows, pieceRows), e)
	e.caller = simd.Matrix{}
}

// Run takes some rows through the step.
func (e *embeddings) Run(_, piece int) {
	i := piece * pieceRows
	caller := e.caller.Slice(i, min(i+pieceRows, e.caller.Rows))
	i += e.first
	x := e.x.Slice(i, i+caller.Rows)
	switch e.step {
	case loading:
		if e.cosine {
			simd.NormalizeRows(x, caller, e.norms[i:i+x.Rows])
			return
		}
		for r := range x.Rows {
			copy(x.Row(r), caller.Row(r)) // in place where x is the caller's
			e.norms[i+r] = simd.Dot(x.Row(r), x.Row(r))
		}
	case addingGrad:
		addRowsGrad(caller, e.scale, e.g.Slice(i, i+x.Rows), x, e.norms[i:i+x.Rows], e.cosine)
	case multiplying:
		for r := range x.Rows {
			e.dots[i+r] = float64(simd.Dot(x.Row(r), e.g.Row(i+r)))
		}
	case adding:
		for r := range x.Rows {
			simd.Add(e.g.Row(i+r), e.g.Row(i+r), caller.Row(r))
		}
	}
}

// addRowsGrad adds scale times the gradient with respect to rows as they came to dst, given the
// gradient g with respect to the rows x that are compared. It overwrites g.
func addRowsGrad(dst simd.Matrix, scale float32, g, x simd.Matrix, norms []float32, cosine bool) {
	if cosine {
		simd.AddNormalizeRowsGrad(dst, scale, g, x, norms)
		return
	}
	for r := range g.Rows {
		simd.Axpy(dst.Row(r), scale, g.Row(r))
	}
}

// checkFinite returns an error that names the first number of src, the field arg, that is
// not finite. The rows of src are those of x from row first on.
func (e *embeddings) checkFinite(op, arg string, src simd.Matrix, first int) error {
	for i, norm := range e.norms[first : first+src.Rows] {
		// A norm is finite only if the row is; where it overflows a second look tells.
		if norm-norm == 0 {
			continue
		}
		for j, v := range src.Row(i) {
			if v-v != 0 {
				return &NonFiniteError{op, arg, i, j, v}
			}
		}
	}
	return nil
}

// checkPairs panics unless Q and K have the same shape, and what grad has of them that of theirs.
func checkPairs(op string, b Batch, grad *Batch) {
	b.Q.Check(op, "Q", -1, -1)
	b.K.Check(op, "K", b.Q.Rows, b.Q.Cols)
	if grad != nil {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
		checkGrad(op, "grad.K", grad.K, b.K)
	}
}

// checkGrad panics unless the gradient matrix g, the field arg, is empty or has the shape of x.
func checkGrad(op, arg string, g, x simd.Matrix) {
	if g.Data != nil {
		g.Check(op, arg, x.Rows, x.Cols)
	}
}
