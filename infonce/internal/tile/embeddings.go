package tile

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Embeddings are the rows that a loss compares, normalised or as the caller gave them, with room
// for their gradient.
type Embeddings struct {
	X, G  simd.Matrix // g has no memory where no gradient is asked for
	Norms []float32   // of the caller's rows; squared norms where rows are not normalised

	unit, grad simd.Matrix // the memory of x, where that is not the caller's, and of g
	cosine     bool        // rows are normalised
	Workers    int

	// What a loop over rows reads: the caller's rows or gradients, row 0 of which is row first of
	// X.
	caller simd.Matrix // whose rows come or whose gradient grows; row 0 is row first of x
	first  int
	scale  float32
	dots   []float64
}

// Load takes over src, and normalises its rows if cosine is true. It returns the number of zero
// rows.
func (e *Embeddings) Load(workers int, src simd.Matrix, cosine, grad bool) (zeroNorms int) {
	e.cosine, e.Workers, e.X = cosine, workers, src
	e.Norms = Grow(e.Norms, src.Rows)
	if cosine {
		e.unit = e.unit.Reshape(src.Rows, src.Cols)
		e.X = e.unit
	}
	e.each(src, 0, (*Embeddings).take)
	return e.prepare(grad)
}

// Stack takes over the rows of a and, below them, those of b.
func (e *Embeddings) Stack(workers int, a, b simd.Matrix, cosine, grad bool) (zeroNorms int) {
	e.cosine, e.Workers = cosine, workers
	e.Norms = Grow(e.Norms, a.Rows+b.Rows)
	e.unit = e.unit.Reshape(a.Rows+b.Rows, a.Cols)
	e.X = e.unit
	e.each(a, 0, (*Embeddings).take)
	e.each(b, a.Rows, (*Embeddings).take)
	return e.prepare(grad)
}

func (e *Embeddings) prepare(grad bool) (zeroNorms int) {
	e.G = simd.Matrix{}
	if grad {
		e.grad = e.grad.Reshape(e.X.Rows, e.X.Cols)
		e.G = e.grad
	}
	if e.cosine {
		return CountZeros(e.Norms)
	}
	return 0
}

// CountZeros returns how many norms are 0.
func CountZeros(norms []float32) (n int) {
	for _, norm := range norms {
		if norm == 0 {
			n++
		}
	}
	return n
}

// AddGrad adds scale times the gradient to dst, unless that is empty: the gradient with respect to
// the caller's rows, starting at row first. It overwrites G.
func (e *Embeddings) AddGrad(dst simd.Matrix, scale float32, first int) {
	if dst.Data == nil {
		return
	}
	e.scale = scale
	e.each(dst, first, (*Embeddings).addGrads)
}

// Inner returns Σ x_i·g_i. Where the gradient of the queries is β·G·k, that is Σ G_ij·z_ij, from
// which the gradient with respect to the temperature follows.
func (e *Embeddings) Inner() float64 {
	e.dots = Grow(e.dots, e.X.Rows)
	e.each(e.X, 0, (*Embeddings).dotGrads)
	var s float64
	for _, d := range e.dots {
		s += d
	}
	return s
}

// AddToGrad adds more to G.
func (e *Embeddings) AddToGrad(more simd.Matrix) { e.each(more, 0, (*Embeddings).addMore) }

// each calls body for ranges of the caller's rows, row 0 of which is row first of X.
func (e *Embeddings) each(caller simd.Matrix, first int, body func(e *Embeddings, worker, i, j int)) {
	e.caller, e.first = caller, first
	par.Ranges(e.Workers, caller.Rows, PieceRows, e, body)
	e.caller = simd.Matrix{}
}

// span returns rows i to j−1 of the caller, and the row of X that is the first of them.
func (e *Embeddings) span(i, j int) (caller simd.Matrix, first int) {
	return e.caller.Slice(i, j), e.first + i
}

// take stores rows of the caller in X, and their norms.
func (e *Embeddings) take(_, i, j int) {
	caller, i := e.span(i, j)
	x := e.X.Slice(i, i+caller.Rows)
	if e.cosine {
		simd.NormalizeRows(x, caller, e.Norms[i:i+x.Rows])
		return
	}
	for r := range x.Rows {
		row := caller.Row(r)
		// Where x is the caller's it is not written, not even with what it holds: another goroutine
		// may read it.
		if dst := x.Row(r); len(row) > 0 && &dst[0] != &row[0] {
			copy(dst, row)
		}
		e.Norms[i+r] = simd.Dot(row, row)
	}
}

// addGrads adds the gradient of rows to that of the caller.
func (e *Embeddings) addGrads(_, i, j int) {
	caller, i := e.span(i, j)
	j = i + caller.Rows
	AddRowsGrad(caller, e.scale, e.G.Slice(i, j), e.X.Slice(i, j), e.Norms[i:j], e.cosine)
}

// dotGrads multiplies rows by their gradients.
func (e *Embeddings) dotGrads(_, i, j int) {
	for ; i < j; i++ {
		e.dots[i] = float64(simd.Dot(e.X.Row(i), e.G.Row(i)))
	}
}

// addMore adds rows of the caller to the gradient.
func (e *Embeddings) addMore(_, i, j int) {
	for ; i < j; i++ {
		simd.Add(e.G.Row(i), e.G.Row(i), e.caller.Row(i))
	}
}

// AddRowsGrad adds to dst scale times the gradient with respect to the caller's rows, given the
// gradient g with respect to the rows x that are compared. It overwrites g.
func AddRowsGrad(dst simd.Matrix, scale float32, g, x simd.Matrix, norms []float32, cosine bool) {
	if cosine {
		simd.AddNormalizeRowsGrad(dst, scale, g, x, norms)
		return
	}
	for r := range g.Rows {
		simd.Axpy(dst.Row(r), scale, g.Row(r))
	}
}

// CheckFinite returns an error that names the first number of src, the field arg, that is not
// finite. The rows of src are those of X starting at row first.
func (e *Embeddings) CheckFinite(op, arg string, src simd.Matrix, first int) error {
	for i, norm := range e.Norms[first : first+src.Rows] {
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

// LargestSquare returns the largest squared norm of rows that are not normalised.
func (e *Embeddings) LargestSquare() float32 { return simd.Max(e.Norms) }
