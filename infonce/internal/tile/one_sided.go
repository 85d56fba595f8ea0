package tile

import "github.com/contrast-go/contrast/simd"

// OneSided is the kernel of the losses that normalise over rows only.
type OneSided struct {
	task   Softmax
	Losses []float64
	pos    []float32 // positive logits, where the positive is not among the columns
	dpos   []float32 // gradient with respect to them
	keys   int       // candidates before those of the columns
}

// Reset prepares for n rows.
func (h *OneSided) Reset(n int, t Softmax) {
	*h = OneSided{task: t, Losses: Grow(h.Losses, n), pos: h.pos[:0], dpos: h.dpos}
}

// Run scores queries against keys; key i is the positive of query i.
func (h *OneSided) Run(p *Sweep, q, k *Embeddings, t Softmax) {
	h.Reset(q.X.Rows, t)
	p.Load(t.Workers, t.Beta, q.X, k.X, false, q.G.Data != nil)
	p.Rows, p.DQ, p.DK = h, q.G, k.G
	p.Run()
}

// RunShared scores queries against their own key and the negatives neg, which all queries share.
func (h *OneSided) RunShared(p *Sweep, q, k, neg *Embeddings, t Softmax) {
	n := q.X.Rows
	h.Reset(n, t)
	h.pos, h.dpos, h.keys = Grow(h.pos, n), Grow(h.dpos, n), n
	for i := range h.pos {
		h.pos[i] = t.Beta * simd.Dot(q.X.Row(i), k.X.Row(i))
	}
	p.Load(t.Workers, t.Beta, q.X, neg.X, false, q.G.Data != nil)
	p.Rows, p.DQ, p.DK = h, q.G, neg.G
	p.Run()
	if q.G.Data != nil {
		for i, d := range h.dpos {
			w := t.Beta * d
			simd.Axpy(q.G.Row(i), w, k.X.Row(i))
			simd.Scale(k.G.Row(i), w, q.X.Row(i))
		}
	}
}

// Row scores query i.
func (h *OneSided) Row(_, i, _ int, z []float32) float32 {
	t, inside := &h.task, len(h.pos) == 0
	var pos float32
	if inside {
		pos = z[i]
		z[i] = NegInf
	} else {
		pos = h.pos[i]
	}
	t.Same.Exclude(z, i, h.keys, 0)
	if len(t.Decoupled) > 0 {
		return h.decoupledRow(i, z, pos)
	}
	loss, neg, s := Contrast(z, pos, RowShift(z, pos))
	h.Losses[i] = loss
	w := WeightIn(1/(s*t.Total), t.Weights, i)
	if inside {
		z[i] = -neg
	} else {
		h.dpos[i] = -neg * w
	}
	return t.Beta * w
}

func (h *OneSided) decoupledRow(i int, z []float32, pos float32) float32 {
	t, shift := &h.task, simd.Max(z)
	h.Losses[i] = 0
	if shift == NegInf {
		clear(z)
		return 0
	}
	neg := simd.ExpSum(z, z, shift)
	h.Losses[i] = decoupled(neg, pos, shift, t.Decoupled[i])
	z[i] = -float32(neg * t.Decoupled[i])
	return t.Beta * WeightIn(1/(neg*t.Total), t.Weights, i)
}
