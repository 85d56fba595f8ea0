package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// pairedNegatives scores queries that have negatives of their own.
type pairedNegatives struct {
	task      tile.Softmax
	q, k, neg *tile.Embeddings
	m         int // negatives a query
	z         []float32
	loss      []float64
}

func (h *pairedNegatives) run(q, k, neg *tile.Embeddings, t tile.Softmax) {
	n := q.X.Rows
	h.task, h.q, h.k, h.neg, h.m = t, q, k, neg, neg.X.Rows/n
	h.z, h.loss = tile.Grow(h.z, neg.X.Rows), tile.Grow(h.loss, n)
	par.For(t.Workers, n, h, (*pairedNegatives).score)
}

// score scores query i.
func (h *pairedNegatives) score(_, i int) {
	t, q, k, m := &h.task, h.q.X.Row(i), h.k.X.Row(i), h.m
	z := h.z[i*m : (i+1)*m]
	for j := range z {
		z[j] = t.Beta * simd.Dot(q, h.neg.X.Row(i*m+j))
	}
	t.Same.Exclude(z, i, len(h.loss)+i*m, 0)
	pos := t.Beta * simd.Dot(q, k)
	loss, neg, s := tile.Contrast(z, pos, tile.RowShift(z, pos))
	h.loss[i] = loss
	if h.q.G.Data == nil {
		return
	}
	w := tile.WeightIn(t.Beta/(s*t.Total), t.Weights, i)
	dq := h.q.G.Row(i)
	simd.Scale(dq, -neg*w, k)
	simd.Scale(h.k.G.Row(i), -neg*w, q)
	for j, e := range z {
		simd.Axpy(dq, e*w, h.neg.X.Row(i*m+j))
		if h.neg.G.Data != nil {
			simd.Scale(h.neg.G.Row(i*m+j), e*w, q)
		}
	}
}
