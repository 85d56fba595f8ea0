package tile

import (
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Streamed does what a Sweep does with OneSided, with the same bits, for batches so large that even
// copies of them matter. Apart from a few numbers a row it holds a strip of logits: queries are
// normalised strip by strip, keys are packed chunk by chunk, twice for each strip, and the gradient
// of the keys grows in the caller's memory.
type Streamed struct {
	rows   *OneSided
	beta   float32
	q, k   *Embeddings // the caller's, not normalised
	cosine bool
	scale  float32

	dq, dk simd.Matrix // gradients of the caller; those without memory are not computed
	sum    simd.Matrix // Gᵀ·q: in the memory of dk, or own
	own    simd.Matrix

	first   int         // first row of the strip
	z       simd.Matrix // its logits
	unit    simd.Matrix // its rows of q
	weights []float32   // of these rows
	grads   simd.Matrix // their gradients
	packed  simd.Packed // the rows times their weights
	begin   int         // first key of the chunk
	Chunk   int         // keys of a chunk; 0 stands for some streamedChunk bytes
	width   int         // keys of the chunk that is packed
	keys    simd.Packed // the keys of the chunk, or their transpose
	scratch simd.Matrix // room for a piece of rows, twice for each worker
	memory  []float32   // of z

	Precision simd.Precision // of the products
	workers   int
}

const (
	streamedStrip = 25 << 20 // bytes of a strip, unless that is less than a row for each worker
	streamedChunk = 1 << 20  // bytes of the keys of a chunk
	streamedRows  = 24       // rows in a piece: a multiple of all tile heights
)

// Run fills the losses of h and, if grad is true, adds scale times the gradients to dq and dk. It
// returns Σ x_i·∂L/∂x_i over the queries x.
func (p *Streamed) Run(h *OneSided, q, k *Embeddings, grad bool, dq, dk simd.Matrix, scale float32) (inner float64) {
	n, m, d, workers := q.X.Rows, k.X.Rows, q.X.Cols, h.task.Workers
	p.rows, p.q, p.k, p.beta, p.cosine, p.scale, p.workers = h, q, k, h.task.Beta, h.task.Cosine, scale, workers
	p.dq, p.dk, p.sum = dq, dk, simd.Matrix{}
	if p.dk.Data != nil {
		p.sum = p.dk
		if !allZero(p.dk) {
			p.own = p.own.Reshape(m, d)
			clear(p.own.Data)
			p.sum = p.own
		}
	}
	q.dots = Grow(q.dots, n)
	p.keys.Precision, p.packed.Precision = p.Precision, p.Precision
	stride := logitStride(m)
	height := streamedHeight(n, m, workers)
	chunk := p.Chunk
	if chunk == 0 {
		chunk = max(streamedChunk/(4*max(d, 1))/simd.PackAlign, 1) * simd.PackAlign
	}
	p.memory = Grow(p.memory, height*stride)
	p.unit, p.grads = p.unit.Reshape(height, d), p.grads.Reshape(height, d)
	p.weights = Grow(p.weights, height)
	p.scratch = p.scratch.Reshape(2*simd.PackAlign*workers, d)
	for p.first = 0; p.first < n; p.first += height {
		rows := min(height, n-p.first)
		p.z = simd.Matrix{Rows: rows, Cols: m, Stride: stride, Data: p.memory[:rows*stride]}
		par.Ranges(p.workers, rows, streamedRows, p, (*Streamed).loadQueries)
		for p.begin = 0; p.begin < m; p.begin += chunk {
			p.width = min(chunk, m-p.begin)
			p.keys.Reset(d, p.width)
			par.Ranges(p.workers, p.width, simd.PackAlign, p, (*Streamed).packTransposed)
			par.Ranges(p.workers, rows, streamedRows, p, (*Streamed).logits)
		}
		p.packed.Reset(rows, d)
		par.Ranges(p.workers, rows, streamedRows, p, (*Streamed).score)
		if !grad {
			continue
		}
		for p.begin = 0; p.begin < m; p.begin += chunk {
			p.width = min(chunk, m-p.begin)
			p.keys.Reset(p.width, d)
			par.Ranges(p.workers, p.width, simd.PackAlign, p, (*Streamed).pack)
			par.Ranges(p.workers, rows, streamedRows, p, (*Streamed).multiply)
		}
		par.Ranges(p.workers, rows, streamedRows, p, (*Streamed).addQueries)
		for r := range rows {
			inner += p.q.dots[p.first+r]
		}
		if p.sum.Data != nil {
			par.Ranges(p.workers, m, pieceCols, p, (*Streamed).addToKeys)
		}
	}
	if p.sum.Data != nil {
		par.Ranges(p.workers, m, simd.PackAlign, p, (*Streamed).addKeys)
	}
	return inner
}

// streamedHeight returns how many rows a strip has.
func streamedHeight(n, m, workers int) int {
	height := min(streamedStrip/(4*logitStride(m))/streamedRows*streamedRows, StripRows*workers, n)
	return max(height, min(streamedRows*workers, n))
}

// load stores rows i to j−1 of e in dst, normalised where the loss wants it.
func (p *Streamed) load(dst simd.Matrix, e *Embeddings, i, j int) {
	src := e.X.Slice(i, j)
	if p.cosine {
		simd.NormalizeRows(dst, src, e.Norms[i:j])
		return
	}
	for r := range src.Rows {
		copy(dst.Row(r), src.Row(r))
	}
}

// scratchOf returns the first or second scratch memory of a worker, for n rows.
func (p *Streamed) scratchOf(worker, which, n int) simd.Matrix {
	at := (2*worker + which) * simd.PackAlign
	return p.scratch.Slice(at, at+n)
}

func (p *Streamed) loadQueries(_, i, j int) {
	p.load(p.unit.Slice(i, j), p.q, p.first+i, p.first+j)
}

func (p *Streamed) packTransposed(worker, i, j int) {
	rows := p.scratchOf(worker, 0, j-i)
	p.load(rows, p.k, p.begin+i, p.begin+j)
	p.keys.PackTransAt(i, rows)
}

func (p *Streamed) pack(worker, i, j int) {
	rows := p.scratchOf(worker, 0, j-i)
	p.load(rows, p.k, p.begin+i, p.begin+j)
	p.keys.PackAt(i, rows)
}

// logitsOf returns the logits of rows i to j−1 for the keys of the chunk.
func (p *Streamed) logitsOf(i, j int) simd.Matrix {
	z := p.z.Slice(i, j)
	z.Cols, z.Data = p.width, z.Data[p.begin:]
	return z
}

func (p *Streamed) logits(_, i, j int) {
	p.keys.Mul(p.logitsOf(i, j), p.beta, p.unit.Slice(i, j))
}

func (p *Streamed) score(worker, i, j int) {
	weighted := p.scratchOf(worker, 0, j-i)
	for r := i; r < j; r++ {
		p.weights[r] = p.rows.Row(worker, p.first+r, 0, p.z.Row(r))
		simd.Scale(weighted.Row(r-i), p.weights[r], p.unit.Row(r))
	}
	p.packed.PackAt(i, weighted)
}

func (p *Streamed) multiply(_, i, j int) {
	z, dst := p.logitsOf(i, j), p.grads.Slice(i, j)
	if p.begin == 0 {
		p.keys.Mul(dst, 1, z)
	} else {
		p.keys.AddMul(dst, z)
	}
}

func (p *Streamed) addQueries(_, i, j int) {
	for r := i; r < j; r++ {
		g := p.grads.Row(r)
		simd.Scale(g, p.weights[r], g)
		p.q.dots[p.first+r] = float64(simd.Dot(p.unit.Row(r), g))
	}
	if p.dq.Data != nil {
		AddRowsGrad(p.dq.Slice(p.first+i, p.first+j), p.scale, p.grads.Slice(i, j), p.unit.Slice(i, j), p.q.Norms[p.first+i:p.first+j], p.cosine)
	}
}

func (p *Streamed) addToKeys(_, i, j int) {
	z := p.z
	z.Cols, z.Data = j-i, z.Data[i:]
	p.packed.AddMulTransA(p.sum.Slice(i, j), z)
}

func (p *Streamed) addKeys(worker, i, j int) {
	g, unit := p.scratchOf(worker, 0, j-i), p.scratchOf(worker, 1, j-i)
	for r := range g.Rows {
		copy(g.Row(r), p.sum.Row(i+r))
		clear(p.sum.Row(i + r))
	}
	p.load(unit, p.k, i, j)
	AddRowsGrad(p.dk.Slice(i, j), p.scale, g, unit, p.k.Norms[i:j], p.cosine)
}

// allZero reports whether all elements are +0.
func allZero(m simd.Matrix) bool {
	for i := range m.Rows {
		var bits uint32
		for _, v := range m.Row(i) {
			bits |= math.Float32bits(v)
		}
		if bits != 0 {
			return false
		}
	}
	return true
}
