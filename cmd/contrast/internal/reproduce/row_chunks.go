package reproduce

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// A rowChunks is the loss of CLIP from the similarities of a chunk of queries to all keys at a
// time. A chunk of all queries is the plain way: the whole matrix, computed once. Smaller chunks
// are computed twice, because the gradient needs the sums of all rows and columns.
type rowChunks struct {
	chunk   int
	workers int

	q, k            simd.Matrix // unit rows
	qNorms, kNorms  []float32
	keys, keysTrans simd.Packed
	queries         simd.Packed // of a chunk
	e               simd.Matrix // exponentials of a chunk, and then the gradient with respect to its similarities
	own             []float32   // similarity of each pair, over the temperature
	rows, columns   []float32   // sums of exponentials, and then their reciprocals
	dq, dk          simd.Matrix // gradients with respect to unit rows
	first           int         // query of the chunk
}

// clipTemperature is the default of [infonce.InfoNCE]. Similarities are at most 1, so exponentials
// scaled by e^(−1/τ) cannot overflow, and at this temperature those that matter do not underflow
// either.
const clipTemperature = 0.07

// Evaluate returns the loss of b and adds its gradient to grad.
func (l *rowChunks) Evaluate(b infonce.Batch, grad *infonce.Batch, scale float32) (infonce.Result, error) {
	n, d := b.Q.Rows, b.Q.Cols
	if l.own == nil {
		l.q, l.k, l.dq, l.dk = simd.NewMatrix(n, d), simd.NewMatrix(n, d), simd.NewMatrix(n, d), simd.NewMatrix(n, d)
		l.qNorms, l.kNorms = make([]float32, n), make([]float32, n)
		l.e = simd.NewMatrix(l.chunk, n)
		l.own, l.rows, l.columns = make([]float32, n), make([]float32, n), make([]float32, n)
	}
	simd.NormalizeRows(l.q, b.Q, l.qNorms)
	simd.NormalizeRows(l.k, b.K, l.kNorms)
	l.keys.Pack(l.k)
	l.keysTrans.PackTrans(l.k)
	clear(l.columns)
	clear(l.dk.Data)
	workers := par.Workers(l.workers)
	const piece = 96 // rows or columns

	for l.first = 0; l.first < n; l.first += l.chunk {
		par.Ranges(workers, l.height(n), piece, l, (*rowChunks).exponentials)
		par.Ranges(workers, n, piece, l, (*rowChunks).columnSums)
	}
	var loss float64
	for i, own := range l.own {
		loss += float64(scalar.Log64(float64(l.rows[i]))/2) + float64(scalar.Log64(float64(l.columns[i]))/2) + 1/clipTemperature - float64(own)
		l.rows[i], l.columns[i] = 1/l.rows[i], 1/l.columns[i]
	}
	for l.first = 0; l.first < n; l.first += l.chunk {
		h := l.height(n)
		if l.chunk < n {
			par.Ranges(workers, h, piece, l, (*rowChunks).exponentialsAgain)
		}
		par.Ranges(workers, h, piece, l, (*rowChunks).queryGradient)
		l.queries.Pack(l.q.Slice(l.first, l.first+h))
		par.Ranges(workers, n, piece, l, (*rowChunks).keyGradient)
	}
	factor := scale / clipTemperature / float32(n)
	simd.AddNormalizeRowsGrad(grad.Q, factor, l.dq, l.q, l.qNorms)
	simd.AddNormalizeRowsGrad(grad.K, factor, l.dk, l.k, l.kNorms)
	return infonce.Result{Loss: loss / float64(n), Valid: n}, nil
}

// height returns the number of queries of the chunk.
func (l *rowChunks) height(n int) int { return min(l.chunk, n-l.first) }

// exponentials stores e^(z−1/τ) of rows of the chunk, and their sums.
func (l *rowChunks) exponentials(_, lo, hi int) {
	e := l.e.Slice(lo, hi)
	l.keysTrans.Mul(e, 1/clipTemperature, l.q.Slice(l.first+lo, l.first+hi))
	for i := range e.Rows {
		row, at := e.Row(i), l.first+lo+i
		l.own[at] = row[at]
		l.rows[at] = simd.ExpSum(row, row, 1/clipTemperature)
	}
}

// exponentialsAgain computes exponentials without their sums.
func (l *rowChunks) exponentialsAgain(_, lo, hi int) {
	e := l.e.Slice(lo, hi)
	l.keysTrans.Mul(e, 1/clipTemperature, l.q.Slice(l.first+lo, l.first+hi))
	for i := range e.Rows {
		simd.ExpSum(e.Row(i), e.Row(i), 1/clipTemperature)
	}
}

// columnSums adds the chunk to the sums of columns.
func (l *rowChunks) columnSums(_, lo, hi int) {
	for i := range l.height(len(l.own)) {
		simd.Axpy(l.columns[lo:hi], 1, l.e.Row(i)[lo:hi])
	}
}

// queryGradient turns rows of the chunk into (p_row + p_column)/2 − [i = j], and stores their
// products with the keys.
func (l *rowChunks) queryGradient(_, lo, hi int) {
	e := l.e.Slice(lo, hi)
	for i := range e.Rows {
		row, at := e.Row(i), l.first+lo+i
		simd.MulShifted(row, row, l.columns, l.rows[at])
		simd.Scale(row, 0.5, row)
		row[at]--
	}
	l.keys.Mul(l.dq.Slice(l.first+lo, l.first+hi), 1, e)
}

// keyGradient adds the products of columns of the chunk with the queries.
func (l *rowChunks) keyGradient(_, lo, hi int) {
	e := l.e.Slice(0, l.height(len(l.own)))
	e.Cols, e.Data = hi-lo, e.Data[lo:]
	l.queries.AddMulTransA(l.dk.Slice(lo, hi), e)
}
