package infonce

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// twoSided is the head of the losses whose gradient needs the sums of rows and of columns:
// G_ij = w·(p_ij + p'_ij), where p is normalised over row i and p' over column j.
//
// The sums come from passes of their own, since a column is complete only when all
// rows have been seen. The logit of (i, j) has the same bits in both directions.
type twoSided struct {
	rows   side
	cols   side  // not used where self
	sums   *side // filled by the pass that runs; nil in the pass for the gradient
	shift  float32
	common bool        // shift serves all rows and columns
	self   bool        // queries are keys: column i takes no part in row i
	views  int         // where self, the positive of row i is i ± views; otherwise it is i
	weight float32     // β over the number of rows
	spare  simd.Matrix // a row of logits for each worker
}

// clip returns the mean of queries against keys and keys against queries.
func (h *twoSided) clip(p *pass, q, k *embeddings, beta float32, cosine bool, workers int) float64 {
	h.self, h.weight = false, beta/(2*float32(max(q.x.Rows, 1)))
	h.shift, h.common = commonShift(beta, cosine)
	p.workers, p.head, p.beta = workers, h, beta
	h.collect(p, &h.rows, q.x, k.x)
	h.collect(p, &h.cols, k.x, q.x)
	h.gradient(p, q.x, k.x, q.g, k.g)
	return (mean(h.rows.loss) + mean(h.cols.loss)) / 2
}

// pairs returns the mean over the rows of z of a row against all others, where row i and
// row i + z.Rows/2 are positives of each other.
func (h *twoSided) pairs(p *pass, z *embeddings, beta float32, cosine bool, workers int) float64 {
	h.self, h.views, h.weight = true, z.x.Rows/2, beta/float32(max(z.x.Rows, 1))
	h.shift, h.common = commonShift(beta, cosine)
	p.workers, p.head, p.beta = workers, h, beta
	h.collect(p, &h.rows, z.x, z.x)
	// z is query and key: its gradient is β·(G+Gᵀ)·z, and G+Gᵀ is what row stores.
	h.gradient(p, z.x, z.x, z.g, simd.Matrix{})
	return mean(h.rows.loss)
}

// collect fills d with the sums of queries q against keys k.
func (h *twoSided) collect(p *pass, d *side, q, k simd.Matrix) {
	d.resize(q.Rows)
	h.sums = d
	p.q, p.k, p.dq, p.dk = q, k, simd.Matrix{}, simd.Matrix{}
	p.run()
	h.sums = nil
}

// gradient stores the gradients, if dq has memory.
func (h *twoSided) gradient(p *pass, q, k, dq, dk simd.Matrix) {
	if dq.Data == nil {
		return
	}
	if !h.common {
		h.spare = h.spare.Reshape(par.Workers(p.workers), k.Rows)
	}
	p.q, p.k, p.dq, p.dk = q, k, dq, dk
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

func (h *twoSided) row(worker, i int, z []float32) float32 {
	y := h.positive(i)
	pos := z[y]
	z[y] = negInf
	if h.self {
		z[i] = negInf
	}
	if h.sums != nil {
		shift := h.shift
		if !h.common {
			shift = rowShift(z, pos)
		}
		h.sums.set(i, z, pos, shift, h.weight)
		return 0
	}
	cols := &h.cols
	if h.self {
		cols = &h.rows
	}
	if h.common {
		simd.ExpSum(z, z, h.shift)
		simd.Weigh(z, z, cols.inv, h.rows.inv[i])
	} else {
		t := h.spare.Row(worker)
		copy(t, z)
		simd.Axpy(t, -1, cols.shift) // z − shift, rounded once as in the pass for the sums
		simd.Exp(t, t)
		simd.Weigh(t, t, cols.inv, 0)
		simd.ExpSum(z, z, h.rows.shift[i])
		simd.Scale(z, h.rows.inv[i], z)
		simd.Add(z, z, t)
	}
	z[y] = h.rows.pos[i] + cols.pos[y]
	return 1
}
