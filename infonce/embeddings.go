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

	// What a loop over rows reads.
	caller simd.Matrix // whose rows come or whose gradient grows; row 0 is row first of x
	first  int
	scale  float32
	dots   []float64
}

// load takes over src; with cosine its rows are normalised. It returns the number of zero rows.
func (e *embeddings) load(workers int, src simd.Matrix, cosine, grad bool) (zeroNorms int) {
	e.cosine, e.workers, e.x = cosine, workers, src
	e.norms = grow(e.norms, src.Rows)
	if cosine {
		e.unit = e.unit.Reshape(src.Rows, src.Cols)
		e.x = e.unit
	}
	e.each(src, 0, (*embeddings).take)
	return e.prepare(grad)
}

// stack takes over the rows of a and, below them, those of b.
func (e *embeddings) stack(workers int, a, b simd.Matrix, cosine, grad bool) (zeroNorms int) {
	e.cosine, e.workers = cosine, workers
	e.norms = grow(e.norms, a.Rows+b.Rows)
	e.unit = e.unit.Reshape(a.Rows+b.Rows, a.Cols)
	e.x = e.unit
	e.each(a, 0, (*embeddings).take)
	e.each(b, a.Rows, (*embeddings).take)
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
	e.each(dst, first, (*embeddings).addGrads)
}

// inner returns Σ x_i·g_i: with the gradient β·G·k of the queries it is Σ G_ij·z_ij, from
// which the gradient with respect to the temperature follows.
func (e *embeddings) inner() float64 {
	e.dots = grow(e.dots, e.x.Rows)
	e.each(e.x, 0, (*embeddings).dotGrads)
	var s float64
	for _, d := range e.dots {
		s += d
	}
	return s
}

// addToGrad adds more to the gradient with respect to the rows that are compared.
func (e *embeddings) addToGrad(more simd.Matrix) { e.each(more, 0, (*embeddings).addMore) }

// each calls body for ranges of the rows of caller, of which row 0 is row first of x.
func (e *embeddings) each(caller simd.Matrix, first int, body func(e *embeddings, worker, i, j int)) {
	e.caller, e.first = caller, first
	par.Ranges(e.workers, caller.Rows, pieceRows, e, body)
	e.caller = simd.Matrix{}
}

// span returns rows i to j−1 of the caller, and the first of the rows of x that they are.
func (e *embeddings) span(i, j int) (caller simd.Matrix, first int) {
	return e.caller.Slice(i, j), e.first + i
}

// take stores rows of the caller in x, and their norms.
func (e *embeddings) take(_, i, j int) {
	caller, i := e.span(i, j)
	x := e.x.Slice(i, i+caller.Rows)
	if e.cosine {
		simd.NormalizeRows(x, caller, e.norms[i:i+x.Rows])
		return
	}
	for r := range x.Rows {
		row := caller.Row(r)
		// Where x is the caller's it is not written, not even with what it holds: another goroutine
		// may read it.
		if dst := x.Row(r); len(row) > 0 && &dst[0] != &row[0] {
			copy(dst, row)
		}
		e.norms[i+r] = simd.Dot(row, row)
	}
}

// addGrads adds the gradient with respect to rows as they came to those of the caller.
func (e *embeddings) addGrads(_, i, j int) {
	caller, i := e.span(i, j)
	j = i + caller.Rows
	addRowsGrad(caller, e.scale, e.g.Slice(i, j), e.x.Slice(i, j), e.norms[i:j], e.cosine)
}

// dotGrads multiplies rows by their gradients.
func (e *embeddings) dotGrads(_, i, j int) {
	for ; i < j; i++ {
		e.dots[i] = float64(simd.Dot(e.x.Row(i), e.g.Row(i)))
	}
}

// addMore adds rows of the caller to the gradient.
func (e *embeddings) addMore(_, i, j int) {
	for ; i < j; i++ {
		simd.Add(e.g.Row(i), e.g.Row(i), e.caller.Row(i))
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
				return &simd.NonFiniteError{Op: op, Arg: arg, Row: i, Col: j, Value: v}
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
