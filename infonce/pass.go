package infonce

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A head turns one row of logits into its loss and the gradient with respect to the row.
type head interface {
	// row replaces the logits z of query i by β·∂L/∂z up to a factor, which it returns.
	// It is called once for each i; workers run side by side.
	row(worker, i int, z []float32) (weight float32)
}

// A pass walks over the logits z = β·q·kᵀ in strips of rows and hands each row to a
// head. With G = ∂L/∂z it can return the gradients β·G·k and β·Gᵀ·q on the way.
//
// Each element of a gradient is one chain over keys or queries in ascending order,
// whatever the strips and workers are: the strips carry on where the last one
// stopped, and a worker owns whole rows of dq or dk.
type pass struct {
	workers int
	head    head
	beta    float32
	q, k    simd.Matrix

	// Gradients with respect to q and k; those without memory are not computed.
	dq, dk simd.Matrix

	logits   simd.Matrix // the strip
	weighted simd.Matrix // rows of q in the strip, times the weight of the row
	keysT    simd.Packed // kᵀ
	keys     simd.Packed // k
	queries  simd.Packed // weighted
	first    int         // first row of q in the strip
	columns  bool        // which half of the strip's work runs
}

// Pieces of work: rows of logits, and rows of dk. Multiples of all tile heights.
const (
	pieceRows = 48
	pieceCols = 96
)

// stripRows returns how many rows of m logits make a strip: about 1 MiB for each worker,
// since a strip is used three times and the second-level cache should hold it.
func stripRows(m, workers int) int {
	pieces := (1<<18 + m*pieceRows - 1) / max(m*pieceRows, 1)
	return pieceRows * min(max(pieces, 1), 4) * workers
}

// run makes the pass over all rows of q.
func (p *pass) run() {
	n, m := p.q.Rows, p.k.Rows
	if p.dk.Data != nil {
		clear(p.dk.Data) // also where no query adds to it
	}
	if n == 0 {
		return
	}
	p.keysT.PackTrans(p.k)
	if p.dq.Data != nil {
		p.keys.Pack(p.k)
	}
	strip := min(stripRows(m, par.Workers(p.workers)), n)
	p.logits = p.logits.Reshape(strip, logitStride(m))
	p.logits.Cols = m
	if p.dk.Data != nil {
		p.weighted = p.weighted.Reshape(strip, p.q.Cols)
	}
	for p.first = 0; p.first < n; p.first += strip {
		rows := min(strip, n-p.first)
		p.columns = false
		par.Do(p.workers, pieces(rows, pieceRows), p)
		if p.dk.Data != nil {
			p.queries.Pack(p.weighted.Slice(0, rows))
			p.columns = true
			par.Do(p.workers, pieces(m, pieceCols), p)
		}
	}
}

// logitStride returns the distance between rows of m logits. Rows a multiple of 4 KiB
// apart would compete for the same lines of the first-level cache, at up to a fifth of the speed.
func logitStride(m int) int {
	if m%1024 == 0 {
		return m + 16
	}
	return m
}

func pieces(n, size int) int { return (n + size - 1) / size }

// Run does one piece of the strip.
func (p *pass) Run(worker, piece int) {
	if p.columns {
		p.columnPiece(piece * pieceCols)
	} else {
		p.rowPiece(worker, piece*pieceRows)
	}
}

// rowPiece computes logits, losses and dq of the rows of the strip from r0 on.
func (p *pass) rowPiece(worker, r0 int) {
	i0 := p.first + r0
	r1 := min(r0+pieceRows, p.logits.Rows, p.q.Rows-p.first)
	z := p.logits.Slice(r0, r1)
	p.keysT.Mul(z, p.beta, p.q.Slice(i0, i0+z.Rows))
	var weight [pieceRows]float32
	for r := range z.Rows {
		weight[r] = p.head.row(worker, i0+r, z.Row(r))
	}
	if p.dk.Data != nil {
		for r := range z.Rows {
			simd.Scale(p.weighted.Row(r0+r), weight[r], p.q.Row(i0+r))
		}
	}
	if p.dq.Data != nil {
		dq := p.dq.Slice(i0, i0+z.Rows)
		p.keys.Mul(dq, 1, z)
		for r := range z.Rows {
			simd.Scale(dq.Row(r), weight[r], dq.Row(r))
		}
	}
}

// columnPiece adds what the strip contributes to the rows of dk from j on.
func (p *pass) columnPiece(j int) {
	cols := min(pieceCols, p.k.Rows-j)
	rows := min(p.logits.Rows, p.q.Rows-p.first)
	g := simd.Matrix{Rows: rows, Cols: cols, Stride: p.logits.Stride, Data: p.logits.Data[j:]}
	p.queries.AddMulTransA(p.dk.Slice(j, j+cols), g)
}
