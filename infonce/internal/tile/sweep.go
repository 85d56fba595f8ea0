package tile

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A rowKernel turns logits into losses and into the gradient with respect to the logits. It is called
// side by side for different rows.
type RowKernel interface {
	// row replaces z, the logits of query i from key j on, by β·∂L/∂z up to a factor,
	// which it returns. In sweeps of which no gradient is asked it may leave anything for a columnKernel.
	Row(worker, i, j int, z []float32) (weight float32)
}

// A columnKernel is shown what rows left of the logits. It is called side by side for different columns.
type ColumnKernel interface {
	// column is shown what row left of the queries from i on and the keys from j on. It sees the queries of
	// a key in ascending order.
	Column(worker, i, j int, z simd.Matrix)
}

// A filter takes candidates out of logits, by setting them to −Inf. It is called side by side for different
// rows.
type Filter interface {
	// apply is shown z, the logits of the queries from i on with all keys.
	Apply(worker, i int, z simd.Matrix)
}

// A pass walks over the logits z = β·q·kᵀ in strips of rows and hands them to a
// head. With G = ∂L/∂z it can return the gradients β·G·k and β·Gᵀ·q on the way.
//
// Each element of a gradient is one chain over keys or queries in ascending order,
// whatever the strips and workers are: the strips carry on where the last one
// stopped, and a worker owns whole rows of dq or dk.
type Sweep struct {
	workers   int
	Precision simd.Precision // of the products
	Rows      RowKernel
	Columns   ColumnKernel // nil where columns are not looked at
	beta      float32
	q, k      simd.Matrix

	Filter Filter // takes candidates out before the kernel sees the logits; nil takes none

	// half is for queries that are the keys, where G is symmetric: a strip has the keys from its
	// own first row on, and the other half of its logits was seen as columns of the
	// strips before. dk has no memory.
	half bool

	// With keep all strips stay in memory, and the next run is handed what row left in
	// them instead of logits: then kept is true.
	keep, Kept bool

	// Gradients with respect to q and k; those without memory are not computed.
	DQ, DK simd.Matrix

	keysT   simd.Packed // kᵀ
	keys    simd.Packed // k
	queries simd.Packed // rows of q in the strip, times the weight of the row

	grad     bool        // keys are packed for gradients
	weighted simd.Matrix // rows of q, times the weight, for each worker
	memory   []float32   // of the strips
	cut      cut
	first    int         // first row of the strip
	strip    simd.Matrix // its logits, from key col on
	col      int
}

// Pieces of other work: rows, and at most so many columns, by which keys are packed too.
const (
	PieceRows = 48
	pieceCols = 2 * simd.PackAlign
)

// load packs the keys, for all runs that follow.
func (p *Sweep) Load(workers int, beta float32, q, k simd.Matrix, half, grad bool) {
	p.workers, p.beta, p.q, p.k, p.half, p.grad = workers, beta, q, k, half, grad
	p.keep, p.Kept, p.Columns = false, false, nil
	p.DQ, p.DK = simd.Matrix{}, simd.Matrix{}
	p.cut = cutUp(q.Rows, k.Rows, workers, half, grad)
	p.keysT.Precision, p.keys.Precision, p.queries.Precision = p.Precision, p.Precision, p.Precision
	p.keysT.Reset(k.Cols, k.Rows)
	if grad {
		p.keys.Reset(k.Rows, k.Cols)
	}
	par.Ranges(workers, k.Rows, pieceCols, p, (*Sweep).pack)
}

// hold makes the strips of the first run that follows stay, if they fit into budget bytes.
func (p *Sweep) Hold(budget int64) { p.keep = 4*p.room(true) <= budget }

// room returns how many numbers all strips have, or the largest of them.
func (p *Sweep) room(all bool) (size int64) {
	n := p.q.Rows
	for first := 0; first < n && (all || first == 0); first += p.cut.height {
		size += int64(min(p.cut.height, n-first)) * int64(logitStride(p.k.Rows-p.from(first)))
	}
	return size
}

// from returns the first key of the strip that begins at row first.
func (p *Sweep) from(first int) int {
	if p.half {
		return first
	}
	return 0
}

// A cut says how a pass is cut into strips and these into pieces of work.
type cut struct {
	height     int // rows of a strip
	rows, cols int // of a piece
}

const (
	StripRows  = 192      // rows of a strip for each worker: the inner dimension of the product for dk wants them long
	stripBytes = 32 << 20 // of a strip, unless that is less than leanRows for each worker
)

// cutUp cuts n × m logits. All workers have pieces of the same size, of which there are some
// for each in a strip; but larger pieces read the keys less often, so one worker has the largest.
func cutUp(n, m, workers int, half, grad bool) cut {
	var c cut
	if half {
		// A strip computes both halves of the square on the diagonal.
		c.height = simd.PackAlign * workers
		if grad && m >= 20*simd.PackAlign {
			c.height *= 2
		}
		c.height = max(min(c.height, stripBytes/4/logitStride(m)/simd.PackAlign*simd.PackAlign), simd.PackAlign)
	} else {
		strips := max((n+StripRows*workers/2)/(StripRows*workers), 1)
		c.height = max(min(Share(n, strips), stripBytes/4/logitStride(m)/4*4), streamedRows*workers)
	}
	each := 1
	if workers > 1 {
		each = 2
	}
	c.rows = Share(c.height, workers*max(pieces(c.height, StripRows*workers), each))
	c.cols = Share(m, workers*max(pieces(m, pieceCols*workers), 1))
	return c
}

// share returns how much each of parts gets of n, to a multiple of what tiles can end on.
func Share(n, parts int) int { return max((pieces(n, parts)+3)/4*4, 4) }

// logitStride returns the distance between rows of m logits: whole cache lines, and not
// a multiple of 4 KiB, at which rows would compete for the same lines of the first-level
// cache, at up to a fifth of the speed.
func logitStride(m int) int {
	m = (m + 15) / 16 * 16
	if m%1024 == 0 {
		m += 16
	}
	return m
}

func pieces(n, size int) int { return (n + size - 1) / size }

// run makes a pass over all rows of q.
func (p *Sweep) Run() {
	n, m := p.q.Rows, p.k.Rows
	if p.DK.Data != nil {
		clear(p.DK.Data) // also where no query adds to it
		p.weighted = p.weighted.Reshape(p.workers*p.cut.rows, p.q.Cols)
	}
	if p.half && p.DQ.Data != nil {
		clear(p.DQ.Data)
	}
	if !p.Kept {
		p.memory = Grow(p.memory, int(p.room(p.keep)))
	}
	at := 0
	for p.first = 0; p.first < n; p.first += p.cut.height {
		height := min(p.cut.height, n-p.first)
		p.col = p.from(p.first)
		stride := logitStride(m - p.col)
		p.strip = simd.Matrix{Rows: height, Cols: m - p.col, Stride: stride, Data: p.memory[at:][:height*stride]}
		if p.keep {
			at += height * stride
		}
		if p.DK.Data != nil {
			p.queries.Reset(height, p.q.Cols)
		}
		par.Ranges(p.workers, height, p.cut.rows, p, (*Sweep).rowPiece)
		if p.Columns != nil || p.DK.Data != nil || (p.half && p.DQ.Data != nil) {
			par.Ranges(p.workers, m-p.right(), p.cut.cols, p, (*Sweep).columnPiece)
		}
	}
	p.Kept = p.keep
}

// right returns the first key whose column of the strip is worked on as such.
func (p *Sweep) right() int {
	if p.half {
		return p.first + p.strip.Rows
	}
	return 0
}

// pack lays out keys j to end−1.
func (p *Sweep) pack(_, j, end int) {
	k := p.k.Slice(j, end)
	p.keysT.PackTransAt(j, k)
	if p.grad {
		p.keys.PackAt(j, k)
	}
}

// rowPiece computes logits, losses and dq of rows r0 to end−1 of the strip.
func (p *Sweep) rowPiece(worker, r0, end int) {
	i0, m, d := p.first+r0, p.k.Rows, p.k.Cols
	z := p.strip.Slice(r0, end)
	q := p.q.Slice(i0, i0+z.Rows)
	if !p.Kept {
		keysT := p.keysT.Slice(0, d, p.col, m)
		keysT.Mul(z, p.beta, q)
		if p.Filter != nil {
			p.Filter.Apply(worker, i0, z)
		}
	}
	var weight [StripRows + 4]float32
	for r := range z.Rows {
		weight[r] = p.Rows.Row(worker, i0+r, p.col, z.Row(r))
	}
	if p.DK.Data != nil {
		weighted := p.weighted.Slice(worker*p.cut.rows, worker*p.cut.rows+z.Rows)
		for r := range z.Rows {
			simd.Scale(weighted.Row(r), weight[r], q.Row(r))
		}
		p.queries.PackAt(r0, weighted)
	}
	if p.DQ.Data == nil {
		return
	}
	dq := p.DQ.Slice(i0, i0+z.Rows)
	if p.half {
		keys := p.keys.Slice(p.col, m, 0, d)
		keys.AddMul(dq, z)
		return
	}
	p.keys.Mul(dq, 1, z)
	for r := range z.Rows {
		simd.Scale(dq.Row(r), weight[r], dq.Row(r))
	}
}

// columnPiece shows columns j to end−1 of those that the strip has from right on to the head, and adds
// what they contribute to the gradient of these keys.
func (p *Sweep) columnPiece(worker, j, end int) {
	cols := end - j
	j += p.right()
	z := p.strip
	z.Cols, z.Data = cols, z.Data[j-p.col:]
	if p.Columns != nil {
		p.Columns.Column(worker, p.first, j, z)
	}
	switch {
	case p.DK.Data != nil:
		p.queries.AddMulTransA(p.DK.Slice(j, j+cols), z)
	case p.half && p.DQ.Data != nil:
		queries := p.keys.Slice(p.first, p.first+z.Rows, 0, p.k.Cols)
		queries.AddMulTransA(p.DQ.Slice(j, j+cols), z)
	}
}
