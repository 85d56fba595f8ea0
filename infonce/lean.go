package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A leanPass does what a pass does for oneSided, with the same bits, for batches so large that
// copies of them matter. Beside some numbers a row it takes the memory of a strip of logits: queries are
// normalised strip by strip and keys packed chunk by chunk, twice for each strip, and the
// gradient of the keys grows where the caller wants it.
type leanPass struct {
	head   *oneSided
	beta   float32
	q, k   *embeddings // as they came
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
	chunk   int         // keys of a chunk; 0 stands for some leanChunk bytes
	width   int         // keys of the chunk that is packed
	keys    simd.Packed // the keys of the chunk, or their transpose
	rows    simd.Matrix // room for a piece of rows, twice for each worker
	memory  []float32   // of z

	workers int
}

const (
	leanStrip = 25 << 20 // bytes of a strip, unless that is less than a row for each worker
	leanChunk = 1 << 20  // bytes of the keys of a chunk
	leanRows  = 24       // rows in a piece: a multiple of all tile heights
)

// leanFrom is the size of the copies from which on they are avoided.
const leanFrom = 96 << 20

// worthLean reports whether the copies that a pass would make take more than the budget.
func worthLean(b Batch, budget int64) bool {
	return 8*int64(b.Q.Cols)*(int64(b.Q.Rows)+2*int64(b.K.Rows)) > min(budget, leanFrom)
}

// streams reports whether b is scored by a leanPass, where that can be.
func (l *InfoNCE) streams(b Batch) bool {
	return b.Negatives.Rows == 0 && !l.Symmetric && l.LabelSmoothing == 0 && !l.filters() && len(b.IDs) == 0 && worthLean(b, memoryBudget(l.MemoryBudget))
}

// evaluateStreamed is Evaluate by a leanPass. ok is false, and nothing is done, where that can not
// be: gradients grow while the pass runs, so they must be apart from what is read, and the loss sure
// to be finite, because they can not be taken back.
func (l *InfoNCE) evaluateStreamed(b Batch, grad *Batch, scale float32) (r Result, ok bool, err error) {
	s := &l.softmax
	op, t := s.op, &s.task
	s.q.load(t.workers, b.Q, false, false)
	s.k.load(t.workers, b.K, false, false)
	if err := cmp.Or(s.q.checkFinite(op, "Q", b.Q, 0), s.k.checkFinite(op, "K", b.K, 0)); err != nil {
		return Result{}, true, err
	}
	if grad != nil && (grad.Q.Overlaps(grad.K) || grad.Q.Overlaps(b.Q) || grad.Q.Overlaps(b.K) || grad.K.Overlaps(b.Q) || grad.K.Overlaps(b.K)) {
		return Result{}, false, nil
	}
	bound := float64(t.beta) // of the logits
	if !t.cosine {
		bound *= math.Sqrt(float64(simd.Max(s.q.norms)) * float64(simd.Max(s.k.norms)))
	}
	if !(bound <= 0x1p100) { // or NaN
		return Result{}, false, nil
	}
	t.total = divisor(s.reduction, t.weights, b.Q.Rows)
	s.rows.reset(b.Q.Rows, *t)
	l.streamed.keys.Precision, l.streamed.packed.Precision = l.Precision, l.Precision
	inner := l.streamed.run(&s.rows, &s.q, &s.k, grad, scale)
	r = s.result(s.rows.loss, b.Q.Rows)
	if t.cosine {
		r.ZeroNorm = zeros(s.q.norms) + zeros(s.k.norms)
	}
	r.Bound = l.bound(r.Loss, b)
	if grad != nil {
		r.DTemperature = float64(scale) * (-float64(t.beta) * inner)
	}
	return r, true, nil
}

// run fills the losses of the head and, unless grad is nil, adds scale times the gradients to it. It
// returns Σ x_i·∂L/∂x_i over the queries x.
func (p *leanPass) run(h *oneSided, q, k *embeddings, grad *Batch, scale float32) (inner float64) {
	n, m, d, workers := q.x.Rows, k.x.Rows, q.x.Cols, h.task.workers
	p.head, p.q, p.k, p.beta, p.cosine, p.scale, p.workers = h, q, k, h.task.beta, h.task.cosine, scale, workers
	p.dq, p.dk, p.sum = simd.Matrix{}, simd.Matrix{}, simd.Matrix{}
	if grad != nil {
		p.dq, p.dk = grad.Q, grad.K
	}
	if p.dk.Data != nil {
		p.sum = p.dk
		if !allZero(p.dk) {
			p.own = p.own.Reshape(m, d)
			clear(p.own.Data)
			p.sum = p.own
		}
	}
	q.dots = grow(q.dots, n)
	stride := logitStride(m)
	height := min(leanStrip/(4*stride)/leanRows*leanRows, stripRows*workers, n)
	height = max(height, min(leanRows*workers, n))
	chunk := p.chunk
	if chunk == 0 {
		chunk = max(leanChunk/(4*max(d, 1))/simd.PackAlign, 1) * simd.PackAlign
	}
	p.memory = grow(p.memory, height*stride)
	p.unit, p.grads = p.unit.Reshape(height, d), p.grads.Reshape(height, d)
	p.weights = grow(p.weights, height)
	p.rows = p.rows.Reshape(2*simd.PackAlign*workers, d)
	for p.first = 0; p.first < n; p.first += height {
		rows := min(height, n-p.first)
		p.z = simd.Matrix{Rows: rows, Cols: m, Stride: stride, Data: p.memory[:rows*stride]}
		par.Ranges(p.workers, rows, leanRows, p, (*leanPass).loadQueries)
		for p.begin = 0; p.begin < m; p.begin += chunk {
			p.width = min(chunk, m-p.begin)
			p.keys.Reset(d, p.width)
			par.Ranges(p.workers, p.width, simd.PackAlign, p, (*leanPass).packTransposed)
			par.Ranges(p.workers, rows, leanRows, p, (*leanPass).logits)
		}
		p.packed.Reset(rows, d)
		par.Ranges(p.workers, rows, leanRows, p, (*leanPass).score)
		if grad == nil {
			continue
		}
		for p.begin = 0; p.begin < m; p.begin += chunk {
			p.width = min(chunk, m-p.begin)
			p.keys.Reset(p.width, d)
			par.Ranges(p.workers, p.width, simd.PackAlign, p, (*leanPass).pack)
			par.Ranges(p.workers, rows, leanRows, p, (*leanPass).multiply)
		}
		par.Ranges(p.workers, rows, leanRows, p, (*leanPass).addQueries)
		for r := range rows {
			inner += p.q.dots[p.first+r]
		}
		if p.sum.Data != nil {
			par.Ranges(p.workers, m, pieceCols, p, (*leanPass).addToKeys)
		}
	}
	if p.sum.Data != nil {
		par.Ranges(p.workers, m, simd.PackAlign, p, (*leanPass).addKeys)
	}
	return inner
}

// load stores rows i to j−1 of e in dst, normalised where the loss wants it.
func (p *leanPass) load(dst simd.Matrix, e *embeddings, i, j int) {
	src := e.x.Slice(i, j)
	if p.cosine {
		simd.NormalizeRows(dst, src, e.norms[i:j])
		return
	}
	for r := range src.Rows {
		copy(dst.Row(r), src.Row(r))
	}
}

// room returns the first or second room of a worker for n rows.
func (p *leanPass) room(worker, which, n int) simd.Matrix {
	at := (2*worker + which) * simd.PackAlign
	return p.rows.Slice(at, at+n)
}

func (p *leanPass) loadQueries(_, i, j int) {
	p.load(p.unit.Slice(i, j), p.q, p.first+i, p.first+j)
}

func (p *leanPass) packTransposed(worker, i, j int) {
	rows := p.room(worker, 0, j-i)
	p.load(rows, p.k, p.begin+i, p.begin+j)
	p.keys.PackTransAt(i, rows)
}

func (p *leanPass) pack(worker, i, j int) {
	rows := p.room(worker, 0, j-i)
	p.load(rows, p.k, p.begin+i, p.begin+j)
	p.keys.PackAt(i, rows)
}

// logitsOf returns the logits of rows i to j−1 for the keys of the chunk.
func (p *leanPass) logitsOf(i, j int) simd.Matrix {
	z := p.z.Slice(i, j)
	z.Cols, z.Data = p.width, z.Data[p.begin:]
	return z
}

func (p *leanPass) logits(_, i, j int) {
	p.keys.Mul(p.logitsOf(i, j), p.beta, p.unit.Slice(i, j))
}

func (p *leanPass) score(worker, i, j int) {
	weighted := p.room(worker, 0, j-i)
	for r := i; r < j; r++ {
		p.weights[r] = p.head.row(worker, p.first+r, 0, p.z.Row(r))
		simd.Scale(weighted.Row(r-i), p.weights[r], p.unit.Row(r))
	}
	p.packed.PackAt(i, weighted)
}

func (p *leanPass) multiply(_, i, j int) {
	z, dst := p.logitsOf(i, j), p.grads.Slice(i, j)
	if p.begin == 0 {
		p.keys.Mul(dst, 1, z)
	} else {
		p.keys.AddMul(dst, z)
	}
}

func (p *leanPass) addQueries(_, i, j int) {
	for r := i; r < j; r++ {
		g := p.grads.Row(r)
		simd.Scale(g, p.weights[r], g)
		p.q.dots[p.first+r] = float64(simd.Dot(p.unit.Row(r), g))
	}
	if p.dq.Data != nil {
		addRowsGrad(p.dq.Slice(p.first+i, p.first+j), p.scale, p.grads.Slice(i, j), p.unit.Slice(i, j), p.q.norms[p.first+i:p.first+j], p.cosine)
	}
}

func (p *leanPass) addToKeys(_, i, j int) {
	z := p.z
	z.Cols, z.Data = j-i, z.Data[i:]
	p.packed.AddMulTransA(p.sum.Slice(i, j), z)
}

func (p *leanPass) addKeys(worker, i, j int) {
	g, unit := p.room(worker, 0, j-i), p.room(worker, 1, j-i)
	for r := range g.Rows {
		copy(g.Row(r), p.sum.Row(i+r))
		clear(p.sum.Row(i + r))
	}
	p.load(unit, p.k, i, j)
	addRowsGrad(p.dk.Slice(i, j), p.scale, g, unit, p.k.norms[i:j], p.cosine)
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
