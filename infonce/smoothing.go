package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// smoothing spreads the share e of the target of a softmax over all of its m candidates. That adds
//
//	e·(z_ii − Σ_j z_ij/m)
//
// to the loss of row i. It is linear in the logits, so it needs the sum of the keys and only the
// positive logit.
type smoothing struct {
	keys, queries []float64 // sums over rows
	sum           []float32
}

// add adds to the losses of l, and to the gradients of its queries and of their candidates: the
// keys, or where there are negatives, the own key and all negatives. It returns what it added to
// the loss.
func (s *smoothing) add(e float32, l *softmaxLoss, symmetric bool, losses []float64) float64 {
	q, k, neg, t := &l.q, &l.k, &l.neg, l.task
	each := e * (t.Beta / t.Total)
	if symmetric {
		each /= 2
		e /= 2
	}
	var all tally
	for i := range losses {
		all.add(0, tile.WeightOf(t.Weights, i))
	}
	pool, own := k, 0
	if neg.X.Rows > 0 {
		pool, own = neg, 1
	}
	s.side(q, k, pool, q.X.Rows, own, e, each, t, losses, &all)
	if symmetric {
		s.side(k, q, q, q.X.Rows, 0, e, each, t, losses, &all)
	}
	loss, _ := all.reduce(l.reduction)
	return loss
}

// side adds for the first n rows of q. Their candidates are the rows of pool and, if own is 1, the
// positive in k too.
func (s *smoothing) side(q, k, pool *tile.Embeddings, n, own int, e, each float32, t tile.Softmax, losses []float64, all *tally) {
	m := float64(pool.X.Rows + own)
	s.keys = sumRows(s.keys, pool.X)
	s.queries = tile.Grow(s.queries, q.X.Cols)
	clear(s.queries)
	s.sum = tile.Grow(s.sum, q.X.Cols)
	want := q.G.Data != nil
	for i := range n {
		x, y := q.X.Row(i), k.X.Row(i)
		for j, v := range s.keys {
			s.sum[j] = float32((v + float64(float64(own)*float64(y[j]))) / m)
		}
		simd.Scale(s.sum, -1, s.sum)
		simd.Add(s.sum, s.sum, y) // k_i less the mean of the candidates
		l := float64(float64(e) * float64(float64(t.Beta)*float64(simd.Dot(x, s.sum))))
		losses[i] += l
		all.sum += float64(tile.WeightOf(t.Weights, i) * l)
		w := tile.WeightIn(each, t.Weights, i)
		if want {
			simd.Axpy(q.G.Row(i), w, s.sum)
		}
		if k.G.Data != nil {
			simd.Axpy(k.G.Row(i), float32(float64(w)*(1-float64(own)/m)), x)
		}
		for j, v := range x {
			s.queries[j] += float64(float64(w) * float64(v))
		}
	}
	if pool.G.Data == nil {
		return
	}
	for j, v := range s.queries {
		s.sum[j] = float32(-v / m)
	}
	for j := range pool.G.Rows {
		simd.Add(pool.G.Row(j), pool.G.Row(j), s.sum)
	}
}

// sumRows returns the sum of the rows of x, in the memory of dst.
func sumRows(dst []float64, x simd.Matrix) []float64 {
	dst = tile.Grow(dst, x.Cols)
	clear(dst)
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			dst[j] += float64(v)
		}
	}
	return dst
}
