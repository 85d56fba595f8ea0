package infonce

import (
	"github.com/contrast-go/contrast/simd"
)

// twoSided are the losses whose gradient needs the sums of rows and of columns:
// G_ij = w·(p_ij + p'_ij), where p is normalised over row i and p' over column j.
//
// A column is complete only when all rows have been seen, so the sums come from passes
// before the one for the gradient. It is the head of passes as oneShift or as
// twoShifts. The logit of (i, j) has the same bits in both directions.
type twoSided struct {
	rows  side
	cols  side // not used where self
	self  bool // queries are keys: column i takes no part in row i
	views int  // where self, the positive of row i is i ± views; otherwise it is i
	task  softmaxTask
	each  float32 // weight of a row of weight 1
	shift float32
	pass  *pass

	sums  *side       // filled by the pass that runs; nil in the pass for the gradient
	pos   []float32   // positive logits
	lanes simd.Matrix // sums over columns: row l has those of the rows i with i mod 16 = l
	spare simd.Matrix // a row of logits for each worker
}

// clip scores queries against keys and keys against queries. Keys past those of the queries are
// negatives for all.
func (h *twoSided) clip(p *pass, q, k *embeddings, t softmaxTask) {
	n, m := q.x.Rows, k.x.Rows
	h.self, h.views = false, 0
	h.begin(p, t, t.beta/(2*t.total))
	want := q.g.Data != nil
	shift, common := commonShift(t.beta, t.cosine)
	if common {
		h.shift = shift
		p.load(t.workers, t.beta, q.x, k.x, false, want)
		h.collectBoth(want, t.budget)
		h.cols.resize(m)
		for j := range n {
			lane := h.laneSums(j)
			h.set(&h.cols, j, simd.SumLanes(&lane), h.pos[j], shift)
		}
		h.cols.leaveOut(n, m)
		h.run((*oneShift)(h), q.g, k.g)
	} else {
		h.cols.resize(m) // room for what is left out below
		p.load(t.workers, t.beta, k.x.Slice(0, n), q.x, false, false)
		h.collect(&h.cols)
		p.load(t.workers, t.beta, q.x, k.x, false, want)
		h.keep(want, t.budget)
		h.collect(&h.rows)
		h.cols.resize(m)
		h.cols.leaveOut(n, m)
		h.run((*twoShifts)(h), q.g, k.g)
	}
}

// pairs scores each row of z against all others, where row i and row i + z.Rows/2 are positives of each
// other. The gradient is β·(G+Gᵀ)·z, and G+Gᵀ is what the heads store. A decoupled row without a
// negative has weight 0.
func (h *twoSided) pairs(p *pass, z *embeddings, t softmaxTask) {
	n := z.x.Rows
	h.self, h.views = true, n/2
	h.begin(p, t, t.beta/t.total)
	want := z.g.Data != nil
	shift, common := commonShift(t.beta, t.cosine)
	p.load(t.workers, t.beta, z.x, z.x, common, want)
	if common {
		h.shift = shift
		h.collectBoth(want, t.budget)
		h.run((*oneShift)(h), z.g, simd.Matrix{})
	} else {
		h.keep(want, t.budget)
		h.collect(&h.rows)
		h.run((*twoShifts)(h), z.g, simd.Matrix{})
	}
}

func (h *twoSided) begin(p *pass, t softmaxTask, each float32) { h.pass, h.task, h.each = p, t, each }

// set stores the sums of row i in d.
func (h *twoSided) set(d *side, i int, neg, pos, shift float32) {
	w := weightIn(h.each, h.task.weights, i)
	if len(h.task.decoupled) == 0 {
		d.set(i, neg, pos, shift, w)
		return
	}
	d.setDecoupled(i, neg, pos, shift, w, h.task.decoupled[i%len(h.task.decoupled)])
}

// keep lets the pass for the gradient find what the pass that follows leaves.
func (h *twoSided) keep(want bool, budget int64) {
	if want {
		h.pass.hold(budget)
	}
}

// run makes the pass for the gradients, if dq has memory.
func (h *twoSided) run(head head, dq, dk simd.Matrix) {
	if dq.Data == nil {
		return
	}
	p := h.pass
	p.head, p.columns, p.dq, p.dk = head, false, dq, dk
	p.run()
}

// positive returns the column of the positive of row i.
func (h *twoSided) positive(i int) int {
	switch {
	case !h.self:
		return i
	case i < h.views:
		return i + h.views
	}
	return i - h.views
}

// oneShift is the head where one shift serves all rows and columns, and so one exponential
// both sides.
type oneShift twoSided

// collectBoth fills h.rows, the lanes of the columns, and h.pos.
func (h *twoSided) collectBoth(want bool, budget int64) {
	p := h.pass
	h.rows.resize(p.q.Rows)
	h.pos = grow(h.pos, p.q.Rows)
	h.lanes = h.lanes.Reshape(16, logitStride(p.k.Rows))
	clear(h.lanes.Data)
	p.head, p.columns = (*oneShift)(h), true
	h.keep(want, budget)
	h.sums = &h.rows
	p.run()
	h.sums = nil
}

// laneSums returns the sums of column j, which row j of a symmetric matrix carries on.
func (h *twoSided) laneSums(j int) (lane [16]float32) {
	for l := range lane {
		lane[l] = h.lanes.Data[l*h.lanes.Stride+j]
	}
	return lane
}

func (h *oneShift) row(_, i, j int, z []float32) float32 {
	t := (*twoSided)(h)
	y := t.positive(i)
	if h.sums == nil {
		if !h.pass.kept {
			h.exclude(i, j, y, z)
			simd.ExpSum(z, z, h.shift)
		}
		cols := &h.cols
		if h.self {
			cols = &h.rows
		}
		simd.MulShifted(z, z, cols.inv[j:], h.rows.inv[i])
		if y >= j {
			z[y-j] = h.rows.pos[i] + cols.pos[y]
		}
		return 1
	}
	h.exclude(i, j, y, z)
	var lane [16]float32
	if h.self {
		lane = t.laneSums(i)
	}
	simd.ExpLanes(z, z, h.shift, &lane)
	t.set(&h.rows, i, simd.SumLanes(&lane), h.pos[i], h.shift)
	return 0
}

// exclude takes from z, the logits of row i from column j on, what is not a negative, and
// notes the positive, in column y. Where the strip has only half of the logits, the rows of
// the first views meet it and note it for the second.
func (h *oneShift) exclude(i, j, y int, z []float32) {
	if h.self {
		z[i-j] = negInf
	}
	h.task.same.exclude(z, i, j, h.views)
	if y < j {
		return
	}
	h.pos[i] = z[y-j]
	if h.self && y >= h.pass.right() {
		h.pos[y] = z[y-j]
	}
	z[y-j] = negInf
}

// column adds the exponentials to the lanes of their columns.
func (h *oneShift) column(_, i, j int, z simd.Matrix) {
	for r := range z.Rows {
		l := h.lanes.Row((i + r) % 16)[j : j+z.Cols]
		simd.Add(l, l, z.Row(r))
	}
}

// twoShifts is the head where rows and columns have shifts of their own, the maximum of
// what takes part. Rows and columns are summed in passes of their own, which leave the logits as
// they are.
type twoShifts twoSided

// collect fills d with the sums of the rows of the pass.
func (h *twoSided) collect(d *side) {
	d.resize(h.pass.q.Rows)
	h.spare = h.spare.Reshape(h.task.workers, h.pass.k.Rows)
	h.pass.head = (*twoShifts)(h)
	h.sums = d
	h.pass.run()
	h.sums = nil
}

func (h *twoShifts) row(worker, i, _ int, z []float32) float32 {
	y := (*twoSided)(h).positive(i)
	pos := z[y]
	z[y] = negInf
	if h.self {
		z[i] = negInf
	}
	h.task.same.exclude(z, i, 0, h.views)
	if h.sums != nil {
		shift := simd.Max(z)
		if len(h.task.decoupled) == 0 {
			shift = max(shift, pos)
		}
		neg := float32(0)
		if shift > negInf {
			neg = simd.SumExp(z, shift)
		}
		(*twoSided)(h).set(h.sums, i, neg, pos, shift)
		return 0
	}
	cols := &h.cols
	if h.self {
		cols = &h.rows
	}
	t := h.spare.Row(worker)
	copy(t, z)
	simd.Axpy(t, -1, cols.shift) // z − shift, rounded once as in the pass for the sums
	simd.Exp(t, t)
	simd.MulShifted(t, t, cols.inv, 0)
	simd.ExpSum(z, z, h.rows.shift[i])
	simd.Scale(z, h.rows.inv[i], z)
	simd.Add(z, z, t)
	z[y] = h.rows.pos[i] + cols.pos[y]
	return 1
}

// column is not called: the passes have no columns.
func (h *twoShifts) column(int, int, int, simd.Matrix) {}
