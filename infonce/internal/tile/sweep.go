package tile

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A RowKernel turns logits into losses and into the gradient with respect to the logits. Its method
// is called concurrently for different rows.
type RowKernel interface {
	// Row replaces z, the logits of query i starting at key j, by β·∂L/∂z up to a factor, which it
	// returns. In a sweep without gradients it may leave anything there for the ColumnKernel.
	Row(worker, i, j int, z []float32) (weight float32)
}

// A ColumnKernel also sees the columns of what the rows left. Its method is called concurrently for
// different columns.
type ColumnKernel interface {
	// Column is shown what Row left of the queries starting at i and the keys starting at j. It
	// sees the queries of a key in ascending order.
	Column(worker, i, j int, z simd.Matrix)
}

// A Filter removes candidates from logits by setting them to −Inf. Its method is called
// concurrently for different rows.
type Filter interface {
	// Apply is shown z, the logits of the queries starting at i with all keys.
	Apply(worker, i int, z simd.Matrix)
}

// A Sweep walks over the logits z = β·q·kᵀ in strips of rows and hands them to its kernels. With G
// = ∂L/∂z it computes the gradients β·G·k and β·Gᵀ·q on the way. Load packs the keys, and each Run
// after it is one walk.
//
// Each element of a gradient is one chain of additions over keys or queries in ascending order,
// whatever the strips and workers are: a strip continues where the last one stopped, and a worker
// owns whole rows of DQ or DK.
type Sweep struct {
	workers   int
	Precision simd.Precision // of the products
	Rows      RowKernel
	Columns   ColumnKernel // nil where columns are not looked at
	beta      float32
	q, k      simd.Matrix

	Filter Filter // takes candidates out before the kernel sees the logits; nil takes none

	// half is for queries that are also the keys, where G is symmetric: a strip has the keys from
	// its own first row on, and the other half of its logits was seen as columns of earlier strips.
	// DK has no memory then.
	half bool

	// With keep all strips stay in memory, and the next Run is handed what Row left in them instead
	// of logits; Kept is true then.
	keep, Kept bool

	// Gradients with respect to q and k. One without memory is not computed.
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

const (
	// Pieces of work that is not a strip: rows, and at most as many columns, by which keys are
	// packed too.
	PieceRows = 48
	pieceCols = 2 * simd.PackAlign
)

// Load packs the keys for all runs that follow.
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

// Hold keeps the strips of the next run, if they fit into budget bytes.
func (p *Sweep) Hold(budget int64) { p.keep = 4*p.room(true) <= budget }

// room returns how many numbers all strips hold, or the largest one.
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

// A cut says how a sweep is divided into strips, and a strip into pieces of work.
type cut struct {
	height     int // rows of a strip
	rows, cols int // of a piece
}

const (
	StripRows  = 192      // rows of a strip for each worker: the product for DK wants a long inner dimension
	stripBytes = 32 << 20 // of a strip, unless that is less than streamedRows for each worker
)

// cutUp cuts n×m logits. All workers have pieces of the same size, and several of them in a strip,
// so that they finish together; but larger pieces read the keys less often, so a single worker has
// the largest.
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

// Share returns the size of a part where n is divided into so many parts, rounded up to a multiple
// of 4, on which matrix products may end.
func Share(n, parts int) int { return max((pieces(n, parts)+3)/4*4, 4) }

// logitStride returns the distance between rows of m logits: whole cache lines, and no multiple of
// 4 KiB, where rows would compete for the same lines of the first-level cache and cost up to a
// fifth of the speed.
func logitStride(m int) int {
	m = (m + 15) / 16 * 16
	if m%1024 == 0 {
		m += 16
	}
	return m
}

func pieces(n, size int) int { return (n + size - 1) / size }

// Run walks over all rows of q once.
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

// right returns the first key of the strip that is worked on as a column.
func (p *Sweep) right() int {
	if p.half {
		return p.first + p.strip.Rows
	}
	return 0
}

// pack packs keys j to end−1.
func (p *Sweep) pack(_, j, end int) {
	k := p.k.Slice(j, end)
	p.keysT.PackTransAt(j, k)
	if p.grad {
		p.keys.PackAt(j, k)
	}
}

// rowPiece computes logits, losses and DQ of rows r0 to end−1 of the strip.
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

// columnPiece shows columns j to end−1, counted from right, to the kernel, and adds what they
// contribute to the gradient of these keys.
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
