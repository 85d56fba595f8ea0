package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// streamFrom is the size from which on copies are avoided.
const streamFrom = 96 << 20

// worthStreaming reports whether the copies that a sweep would make take more than the budget.
func worthStreaming(b Batch, budget int64) bool {
	return 8*int64(b.Q.Cols)*(int64(b.Q.Rows)+2*int64(b.K.Rows)) > min(budget, streamFrom)
}

// streams reports whether to avoid copies of b, where that is possible.
func (l *InfoNCE) streams(b Batch) bool {
	return b.Negatives.Rows == 0 && !l.Symmetric && l.LabelSmoothing == 0 && !l.filters() && len(b.IDs) == 0 && worthStreaming(b, memoryBudget(l.MemoryBudget))
}

// evaluateStreamed is Evaluate without copies. ok is false, and nothing is done, where that is
// impossible: gradients grow while it runs and cannot be taken back, so they must be apart from
// what is read, and the loss must be certain to be finite.
func (l *InfoNCE) evaluateStreamed(b Batch, grad *Batch, scale float32) (r Result, ok bool, err error) {
	s := &l.softmax
	op, t, g := s.op, &s.task, gradOf(grad)
	s.q.Load(t.Workers, b.Q, false, false)
	s.k.Load(t.Workers, b.K, false, false)
	if err := cmp.Or(s.q.CheckFinite(op, "Q", b.Q, 0), s.k.CheckFinite(op, "K", b.K, 0)); err != nil {
		return Result{}, true, err
	}
	if g.Q.Overlaps(g.K) || g.Q.Overlaps(b.Q) || g.Q.Overlaps(b.K) || g.K.Overlaps(b.Q) || g.K.Overlaps(b.K) {
		return Result{}, false, nil
	}
	bound := float64(t.Beta) // of the logits
	if !t.Cosine {
		bound *= math.Sqrt(float64(simd.Max(s.q.Norms)) * float64(simd.Max(s.k.Norms)))
	}
	if !(bound <= 0x1p100) { // or NaN
		return Result{}, false, nil
	}
	t.Total = divisor(s.reduction, t.Weights, b.Q.Rows)
	s.rows.Reset(b.Q.Rows, *t)
	l.streamed.Precision = l.Precision
	inner := l.streamed.Run(&s.rows, &s.q, &s.k, s.want, g.Q, g.K, scale)
	r = s.result(s.rows.Losses, b.Q.Rows)
	if t.Cosine {
		r.ZeroNorm = tile.CountZeros(s.q.Norms) + tile.CountZeros(s.k.Norms)
	}
	r.Bound = l.bound(r.Loss, b)
	if grad != nil {
		r.DTemperature = float64(scale) * (-float64(t.Beta) * inner)
	}
	return r, true, nil
}
