package tile

import (
	"github.com/contrast-go/contrast/simd"
)

// TwoSided evaluates the losses whose gradient needs the sums of rows and of columns: G_ij =
// w·(p_ij + p'_ij), where p is normalised over row i and p' over column j.
//
// A column is complete only when all rows have been seen, so the sums come from sweeps before the
// one for the gradient. The kernel of the sweeps is oneShift or twoShifts. The logit of (i, j) has
// the same bits in both directions.
type TwoSided struct {
	Rows  Side
	Cols  Side // not used where self
	self  bool // queries are keys: column i takes no part in row i
	views int  // where self, the positive of row i is i ± views; otherwise it is i
	task  Softmax
	each  float32 // weight of a row of weight 1
	shift float32
	sweep *Sweep

	sums  *Side       // filled by the sweep that runs; nil in the sweep for the gradient
	pos   []float32   // positive logits
	lanes simd.Matrix // sums over columns: row l has those of the rows i with i mod 16 = l
	spare simd.Matrix // a row of logits for each worker
}

// BothWays scores queries against keys and keys against queries. Keys beyond those of the queries
// are negatives for all.
func (h *TwoSided) BothWays(p *Sweep, q, k *Embeddings, t Softmax) {
	n, m := q.X.Rows, k.X.Rows
	h.self, h.views = false, 0
	h.begin(p, t, t.Beta/(2*t.Total))
	want := q.G.Data != nil
	shift, common := CommonShift(t.Beta, t.Cosine)
	if common {
		h.shift = shift
		p.Load(t.Workers, t.Beta, q.X, k.X, false, want)
		h.collectBoth(want, t.Budget)
		h.Cols.resize(m)
		for j := range n {
			lane := h.laneSums(j)
			h.set(&h.Cols, j, simd.SumLanes(&lane), h.pos[j], shift)
		}
		h.Cols.leaveOut(n, m)
		h.run((*oneShift)(h), q.G, k.G)
	} else {
		h.Cols.resize(m) // room for what is left out below
		p.Load(t.Workers, t.Beta, k.X.Slice(0, n), q.X, false, false)
		h.collect(&h.Cols)
		p.Load(t.Workers, t.Beta, q.X, k.X, false, want)
		h.keep(want, t.Budget)
		h.collect(&h.Rows)
		h.Cols.resize(m)
		h.Cols.leaveOut(n, m)
		h.run((*twoShifts)(h), q.G, k.G)
	}
}

// Views scores each row of z against all others, where row i and row i + z.Rows/2 are positives of
// each other. The gradient is β·(G+Gᵀ)·z, and G+Gᵀ is what the kernels store. A decoupled row
// without negatives has weight 0.
func (h *TwoSided) Views(p *Sweep, z *Embeddings, t Softmax) {
	n := z.X.Rows
	h.self, h.views = true, n/2
	h.begin(p, t, t.Beta/t.Total)
	want := z.G.Data != nil
	shift, common := CommonShift(t.Beta, t.Cosine)
	p.Load(t.Workers, t.Beta, z.X, z.X, common, want)
	if common {
		h.shift = shift
		h.collectBoth(want, t.Budget)
		h.run((*oneShift)(h), z.G, simd.Matrix{})
	} else {
		h.keep(want, t.Budget)
		h.collect(&h.Rows)
		h.run((*twoShifts)(h), z.G, simd.Matrix{})
	}
}

func (h *TwoSided) begin(p *Sweep, t Softmax, each float32) { h.sweep, h.task, h.each = p, t, each }

// set stores the sums of row i in d.
func (h *TwoSided) set(d *Side, i int, neg, pos, shift float32) {
	w := WeightIn(h.each, h.task.Weights, i)
	if len(h.task.Decoupled) == 0 {
		d.set(i, neg, pos, shift, w)
		return
	}
	d.setDecoupled(i, neg, pos, shift, w, h.task.Decoupled[i%len(h.task.Decoupled)])
}

// keep lets the sweep for the gradient find what the next sweep leaves.
func (h *TwoSided) keep(want bool, budget int64) {
	if want {
		h.sweep.Hold(budget)
	}
}

// run makes the sweep for the gradients, if dq has memory.
func (h *TwoSided) run(rows RowKernel, dq, dk simd.Matrix) {
	if dq.Data == nil {
		return
	}
	p := h.sweep
	p.Rows, p.Columns, p.DQ, p.DK = rows, nil, dq, dk
	p.Run()
}

// positive returns the column of the positive of row i.
func (h *TwoSided) positive(i int) int {
	switch {
	case !h.self:
		return i
	case i < h.views:
		return i + h.views
	}
	return i - h.views
}

// oneShift is the kernel where one shift serves all rows and columns, so that one exponential
// serves both sides.
type oneShift TwoSided

// collectBoth fills Rows, the lanes of the columns, and pos.
func (h *TwoSided) collectBoth(want bool, budget int64) {
	p := h.sweep
	h.Rows.resize(p.q.Rows)
	h.pos = Grow(h.pos, p.q.Rows)
	h.lanes = h.lanes.Reshape(16, logitStride(p.k.Rows))
	clear(h.lanes.Data)
	p.Rows, p.Columns = (*oneShift)(h), (*oneShift)(h)
	h.keep(want, budget)
	h.sums = &h.Rows
	p.Run()
	h.sums = nil
}

// laneSums returns the sums of column j, with which row j of a symmetric matrix continues.
func (h *TwoSided) laneSums(j int) (lane [16]float32) {
	for l := range lane {
		lane[l] = h.lanes.Data[l*h.lanes.Stride+j]
	}
	return lane
}

func (h *oneShift) Row(_, i, j int, z []float32) float32 {
	t := (*TwoSided)(h)
	y := t.positive(i)
	if h.sums == nil {
		if !h.sweep.Kept {
			h.exclude(i, j, y, z)
			simd.ExpSum(z, z, h.shift)
		}
		cols := &h.Cols
		if h.self {
			cols = &h.Rows
		}
		simd.MulShifted(z, z, cols.inv[j:], h.Rows.inv[i])
		if y >= j {
			z[y-j] = h.Rows.pos[i] + cols.pos[y]
		}
		return 1
	}
	h.exclude(i, j, y, z)
	var lane [16]float32
	if h.self {
		lane = t.laneSums(i)
	}
	simd.ExpLanes(z, z, h.shift, &lane)
	t.set(&h.Rows, i, simd.SumLanes(&lane), h.pos[i], h.shift)
	return 0
}

// exclude removes from z, the logits of row i starting at column j, what is no negative, and notes
// the positive, in column y. Where the strip has only half of the logits, the rows of the first
// views meet it and note it for the second views.
func (h *oneShift) exclude(i, j, y int, z []float32) {
	if h.self {
		z[i-j] = NegInf
	}
	h.task.Same.Exclude(z, i, j, h.views)
	if y < j {
		return
	}
	h.pos[i] = z[y-j]
	if h.self && y >= h.sweep.right() {
		h.pos[y] = z[y-j]
	}
	z[y-j] = NegInf
}

// Column adds the exponentials to the lanes of their columns.
func (h *oneShift) Column(_, i, j int, z simd.Matrix) {
	for r := range z.Rows {
		l := h.lanes.Row((i + r) % 16)[j : j+z.Cols]
		simd.Add(l, l, z.Row(r))
	}
}

// twoShifts is the kernel where rows and columns have shifts of their own, the maximum of what
// takes part. Rows and columns are summed in separate sweeps, which leave the logits unchanged.
type twoShifts TwoSided

// collect fills d with the sums of the rows of the sweep.
func (h *TwoSided) collect(d *Side) {
	d.resize(h.sweep.q.Rows)
	h.spare = h.spare.Reshape(h.task.Workers, h.sweep.k.Rows)
	h.sweep.Rows = (*twoShifts)(h)
	h.sums = d
	h.sweep.Run()
	h.sums = nil
}

func (h *twoShifts) Row(worker, i, _ int, z []float32) float32 {
	y := (*TwoSided)(h).positive(i)
	pos := z[y]
	z[y] = NegInf
	if h.self {
		z[i] = NegInf
	}
	h.task.Same.Exclude(z, i, 0, h.views)
	if h.sums != nil {
		shift := simd.Max(z)
		if len(h.task.Decoupled) == 0 {
			shift = max(shift, pos)
		}
		neg := float32(0)
		if shift > NegInf {
			neg = simd.SumExp(z, shift)
		}
		(*TwoSided)(h).set(h.sums, i, neg, pos, shift)
		return 0
	}
	cols := &h.Cols
	if h.self {
		cols = &h.Rows
	}
	t := h.spare.Row(worker)
	copy(t, z)
	simd.Axpy(t, -1, cols.shift) // z − shift, rounded once as in the sweep for the sums
	simd.Exp(t, t)
	simd.MulShifted(t, t, cols.inv, 0)
	simd.ExpSum(z, z, h.Rows.shift[i])
	simd.Scale(z, h.Rows.inv[i], z)
	simd.Add(z, z, t)
	z[y] = h.Rows.pos[i] + cols.pos[y]
	return 1
}
