package reproduce

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// A hardestNegative is the triplet loss over all pairs of one label, each with the negative nearest
// to its anchor, which Schroff et al. (2015, section 3.2) warn against. Distances are squared, and
// rows are scaled to norm 1.
type hardestNegative struct {
	triplet infonce.Triplet
	unit    simd.Matrix
	norms   []float32
	list    []infonce.Triple
}

func newHardestNegative(margin float32, workers int) *hardestNegative {
	return &hardestNegative{triplet: infonce.Triplet{Margin: margin, Squared: true, Normalize: true, Workers: workers}}
}

// Evaluate returns the loss of b and adds its gradient to grad.
func (l *hardestNegative) Evaluate(b infonce.Batch, grad *infonce.Batch, scale float32) (infonce.Result, error) {
	n := b.Q.Rows
	l.unit = l.unit.Reshape(n, b.Q.Cols)
	if len(l.norms) < n {
		l.norms = make([]float32, n)
	}
	simd.NormalizeRows(l.unit, b.Q, l.norms[:n])
	l.list = l.list[:0]
	for a := range n {
		nearest, least := -1, float32(0)
		for j := range n {
			if b.Labels[j] == b.Labels[a] {
				continue
			}
			if d := simd.SquaredDistance(l.unit.Row(a), l.unit.Row(j)); nearest < 0 || d < least {
				nearest, least = j, d
			}
		}
		for p := range n {
			if p != a && b.Labels[p] == b.Labels[a] && nearest >= 0 {
				l.list = append(l.list, infonce.Triple{A: a, P: p, N: nearest})
			}
		}
	}
	return l.triplet.Evaluate(infonce.Batch{Q: b.Q, Triplets: l.list}, grad, scale)
}
