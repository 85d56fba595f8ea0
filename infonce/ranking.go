package infonce

import (
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// MarginRanking asks that one score exceed another by a margin (Herbrich, Graepel and Obermayer
// 2000):
//
//	L = mean max(0, −y·(x1 − x2) + Margin)
//
// Scores are elements of Q and K (both n×c), x1 and x2. Where the batch has Negatives, rows are
// embeddings instead (all n×d), and their dot products are the scores: x1 = q_i·k_i and x2 =
// q_i·n_i, one of each row.
//
// Labels y (n) tell which score of each row should be higher: 1 for x1, −1 for x2. None mean 1, and
// any other label is an error. Weights are those of the rows. [Result].Losses, Valid and Active are
// of all scores, row by row. An empty batch has loss 0. The zero value is ready to use.
type MarginRanking struct {
	Margin    float32   // 0 is no margin
	Normalize bool      // bring the rows of embeddings to norm 1 first, so that scores are cosines
	Reduction Reduction // of the pairs of scores
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	order scoreOrder
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *MarginRanking) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.MarginRanking"
	if err := checkRange(op, "Margin", l.Margin, -math.MaxFloat32, math.MaxFloat32); err != nil {
		return Result{}, err
	}
	l.order.hinge = hinge{margin: float64(l.Margin)}
	return l.order.evaluate(termSettings{op: op, normalize: l.Normalize, reduction: l.Reduction, workers: par.Workers(l.Workers)}, b, grad, scale)
}

// LogisticRanking is the cross-entropy of the order of two scores, the smooth form of
// [MarginRanking]:
//
//	L = mean ln(1 + e^(−y·(x1 − x2)))
//
// With scores it is RankNet (Burges et al. 2005); with users in Q, and items that they chose and
// did not choose in K and Negatives, it is BPR (Rendle et al. 2009). It reads what MarginRanking
// reads. The zero value is ready to use.
type LogisticRanking struct {
	Normalize bool      // bring the rows of embeddings to norm 1 first, so that scores are cosines
	Reduction Reduction // of the pairs of scores
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	order scoreOrder
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *LogisticRanking) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	l.order.hinge = hinge{soft: true}
	return l.order.evaluate(termSettings{op: "infonce.LogisticRanking", normalize: l.Normalize, reduction: l.Reduction, workers: par.Workers(l.Workers)}, b, grad, scale)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *MarginRanking) MemoryEstimate(b Batch) int64 { return estimateOrder(b, l.Normalize) }

// MemoryEstimate implements [MemoryEstimator].
func (l *LogisticRanking) MemoryEstimate(b Batch) int64 { return estimateOrder(b, l.Normalize) }

// estimateOrder is the memory of a scoreOrder: a loss and a slope of each score.
func estimateOrder(b Batch, normalize bool) int64 {
	if b.Negatives.Rows == 0 {
		return 16 * int64(b.Q.Rows) * int64(b.Q.Cols)
	}
	return estimateTerms(b, 3, normalize)
}

// A scoreOrder evaluates the losses of the order of two scores.
type scoreOrder struct {
	terms  terms
	hinge  hinge // its score of −y·x1 and −y·x2
	labels []int
	slopes []float64
}

func (o *scoreOrder) evaluate(set termSettings, b Batch, grad *Batch, scale float32) (Result, error) {
	n := b.Q.Rows
	if len(b.Labels) > 0 {
		if err := checkPairLabels(set.op, b.Labels, n, 1, -1); err != nil {
			return Result{}, err
		}
	}
	o.labels = b.Labels
	var l termLoss = (*embeddingOrder)(o)
	set.sideCount, set.each = 3, 1
	if b.Negatives.Rows == 0 {
		l = o
		set.sideCount, set.each, set.normalize = 2, b.Q.Cols, false
	}
	o.slopes = tile.Grow(o.slopes, n*set.each)
	r, err := o.terms.evaluate(set, l, b, grad, scale)
	o.labels = nil
	return r, err
}

// sign returns the label of row i.
func (o *scoreOrder) sign(i int) float64 {
	if len(o.labels) == 0 {
		return 1
	}
	return float64(o.labels[i])
}

func (o *scoreOrder) score(i int, losses []float64) {
	y := o.sign(i)
	slopes := o.slopes[i*len(losses) : (i+1)*len(losses)]
	x1, x2 := o.terms.row(0, i), o.terms.row(1, i)
	for j := range losses {
		loss, slope := o.hinge.score(float64(-y*float64(x1[j])), float64(-y*float64(x2[j])))
		losses[j], slopes[j] = loss, -y*slope
	}
}

func (o *scoreOrder) addGrad(i int, w float64, g termGrad) {
	for j := range g.q {
		slope := float32(w * o.slopes[i*len(g.q)+j])
		g.q[j] += slope
		g.k[j] -= slope
	}
}

// embeddingOrder is a scoreOrder of dot products.
type embeddingOrder scoreOrder

func (o *embeddingOrder) score(i int, losses []float64) {
	y := (*scoreOrder)(o).sign(i)
	x := dotDifference(o.terms.row(0, i), o.terms.row(1, i), o.terms.row(2, i))
	loss, slope := o.hinge.score(float64(-y*x), 0)
	losses[0], o.slopes[i] = loss, -y*slope
}

func (o *embeddingOrder) addGrad(i int, w float64, g termGrad) {
	slope := float32(w * o.slopes[i])
	if slope == 0 {
		return
	}
	q := o.terms.row(0, i)
	copy(g.diff, o.terms.row(1, i))
	simd.Axpy(g.diff, -1, o.terms.row(2, i))
	simd.Axpy(g.q, slope, g.diff)
	simd.Axpy(g.k, slope, q)
	simd.Axpy(g.n, -slope, q)
}

// dotDifference returns q·k − q·n. It sums in float64, because the scores that matter are those
// close to each other.
func dotDifference(q, k, n []float32) float64 {
	var s0, s1, s2, s3 float64
	k, n = k[:len(q)], n[:len(q)]
	for len(q) >= 4 {
		s0 += float64(float64(q[0]) * (float64(k[0]) - float64(n[0])))
		s1 += float64(float64(q[1]) * (float64(k[1]) - float64(n[1])))
		s2 += float64(float64(q[2]) * (float64(k[2]) - float64(n[2])))
		s3 += float64(float64(q[3]) * (float64(k[3]) - float64(n[3])))
		q, k, n = q[4:], k[4:], n[4:]
	}
	for j := range q {
		s0 += float64(float64(q[j]) * (float64(k[j]) - float64(n[j])))
	}
	return (s0 + s2) + (s1 + s3)
}
