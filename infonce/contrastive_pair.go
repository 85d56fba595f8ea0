package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
)

// ContrastivePair pulls similar pairs together and pushes the others apart, up to a margin:
//
//	L = mean_i ½·max(0, d_i − PositiveMargin)²  of similar pairs,  ½·max(0, Margin − d_i)²  of the others
//
// with the Euclidean distance d_i of q_i and k_i (Hadsell, Chopra and LeCun 2006, eq. 4). A pair at
// distance 0 has no direction in which to move: its gradient is 0, and [Result].Degenerate counts
// it if it should be apart.
//
// It reads Q and K (both n×d), Labels (n), 1 for similar pairs and 0 for others, and Weights of the
// pairs. Any other label is an error. [Result].Active counts the pairs with a loss above 0. An
// empty batch has loss 0. The zero value is ready to use.
type ContrastivePair struct {
	Margin         float32   // of pairs that are not similar; 0 means 1
	PositiveMargin float32   // similar pairs need not be closer
	ZeroIsSimilar  bool      // label 0 is for similar pairs and 1 for others, as in the paper
	Normalize      bool      // bring the rows to norm 1 first
	Reduction      Reduction // of the pairs
	Workers        int       // 0 means GOMAXPROCS; the result does not depend on it

	terms  terms
	hinge  hinge // its distance
	margin float64
	labels []int
	pairs  []pairScore
}

// A pairScore is what the gradient of a pair needs of its value.
type pairScore struct{ distance, slope float64 }

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *ContrastivePair) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.ContrastivePair"
	n := b.Q.Rows
	err := cmp.Or(
		checkPairLabels(op, b.Labels, n, 0, 1),
		checkRange(op, "Margin", l.Margin, 0, math.MaxFloat32),
		checkRange(op, "PositiveMargin", l.PositiveMargin, 0, math.MaxFloat32))
	if err != nil {
		return Result{}, err
	}
	l.margin = float64(cmp.Or(l.Margin, 1))
	l.labels, l.pairs = b.Labels, tile.Grow(l.pairs, n)
	r, err := l.terms.evaluate(termSettings{
		op: op, sideCount: 2, each: 1, normalize: l.Normalize, reduction: l.Reduction, workers: par.Workers(l.Workers),
	}, l, b, grad, scale)
	l.labels = nil
	if err != nil {
		return Result{}, err
	}
	for _, p := range l.pairs {
		if p.distance == 0 && p.slope < 0 {
			r.Degenerate++
		}
	}
	return r, nil
}

func (l *ContrastivePair) score(i int, losses []float64) {
	d := l.hinge.distance(l.terms.row(0, i), l.terms.row(1, i))
	var slope float64 // ∂loss/∂d
	if (l.labels[i] == 0) == l.ZeroIsSimilar {
		slope = max(d-float64(l.PositiveMargin), 0)
	} else {
		slope = min(d-l.margin, 0)
	}
	losses[0], l.pairs[i] = slope*slope/2, pairScore{d, slope}
}

func (l *ContrastivePair) addGrad(i int, w float64, g termGrad) {
	p := l.pairs[i]
	l.hinge.pull(g.q, g.k, l.terms.row(0, i), l.terms.row(1, i), float64(w*p.slope), p.distance, g.diff)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *ContrastivePair) MemoryEstimate(b Batch) int64 { return estimateTerms(b, 2, l.Normalize) }
