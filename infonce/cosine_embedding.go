package infonce

import (
	"cmp"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
)

// CosineEmbedding aligns pairs that belong together and separates the others, up to a margin (the
// CosineEmbeddingLoss of PyTorch):
//
//	L = mean_i 1 − s_i  where y_i is 1,  max(0, s_i − Margin)  where y_i is −1
//
// with the cosine s_i of q_i and k_i. 1 − s is computed as half the squared distance of the unit
// rows, in float64, so that it is accurate for rows of nearly the same direction too. The cosine
// with a zero row is 0 and has no gradient.
//
// It reads Q and K (both n×d), the Labels y (n), 1 or −1, and Weights of the pairs. Any other label
// is an error. [Result].Active counts the pairs with a loss above 0. An empty batch has loss 0. The
// zero value is ready to use.
type CosineEmbedding struct {
	Margin    float32   // from −1 to 1
	Reduction Reduction // of the pairs
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	terms  terms
	labels []int
	pairs  []cosineScore
}

// A cosineScore is what the gradient of a pair needs of its value.
type cosineScore struct {
	q, k  float64 // 1/|q| and 1/|k|; 0 for a zero row
	apart float64 // 1 − s
	slope float64 // −∂loss/∂s
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *CosineEmbedding) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.CosineEmbedding"
	n := b.Q.Rows
	err := cmp.Or(checkPairLabels(op, b.Labels, n, 1, -1), checkRange(op, "Margin", l.Margin, -1, 1))
	if err != nil {
		return Result{}, err
	}
	l.labels, l.pairs = b.Labels, tile.Grow(l.pairs, n)
	r, err := l.terms.evaluate(termSettings{
		op: op, sideCount: 2, each: 1, reduction: l.Reduction, workers: par.Workers(l.Workers),
	}, l, b, grad, scale)
	l.labels = nil
	if err != nil {
		return Result{}, err
	}
	for _, p := range l.pairs {
		if p.q == 0 {
			r.ZeroNorm++
		}
		if p.k == 0 {
			r.ZeroNorm++
		}
	}
	return r, nil
}

func (l *CosineEmbedding) score(i int, losses []float64) {
	x, y := l.terms.row(0, i), l.terms.row(1, i)
	p := cosineScore{q: inverseNorm(x), k: inverseNorm(y), apart: 1}
	if p.q != 0 && p.k != 0 {
		p.apart = unitDistance(x, y, p.q, p.k) / 2
	}
	var loss float64
	if l.labels[i] > 0 {
		loss, p.slope = p.apart, 1
	} else if s := 1 - p.apart - float64(l.Margin); s > 0 {
		loss, p.slope = s, -1
	}
	losses[0], l.pairs[i] = loss, p
}

// addGrad uses ∂s/∂q = (k̂ − s·q̂)/|q|, where k̂ − s·q̂ = (k̂ − q̂) + (1 − s)·q̂ is small for rows
// of nearly the same direction.
func (l *CosineEmbedding) addGrad(i int, w float64, g termGrad) {
	p := l.pairs[i]
	if p.slope == 0 || p.q == 0 || p.k == 0 {
		return
	}
	x, y := l.terms.row(0, i), l.terms.row(1, i)
	wq, wk := -w*p.slope*p.q, -w*p.slope*p.k
	for j := range x {
		u, v := float64(float64(x[j])*p.q), float64(float64(y[j])*p.k)
		g.q[j] += float32(wq * (v - u + float64(p.apart*u)))
		g.k[j] += float32(wk * (u - v + float64(p.apart*v)))
	}
}

// inverseNorm returns 1/|x|, and 0 for a zero row. float64 holds the square of any float32.
func inverseNorm(x []float32) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x = x[4:] {
		s0 += float64(float64(x[0]) * float64(x[0]))
		s1 += float64(float64(x[1]) * float64(x[1]))
		s2 += float64(float64(x[2]) * float64(x[2]))
		s3 += float64(float64(x[3]) * float64(x[3]))
	}
	for _, v := range x {
		s0 += float64(float64(v) * float64(v))
	}
	if s := (s0 + s2) + (s1 + s3); s > 0 {
		return 1 / math.Sqrt(s)
	}
	return 0
}

// unitDistance returns |a·x − b·y|².
func unitDistance(x, y []float32, a, b float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for len(x) >= 4 {
		d0, d1 := float64(float64(x[0])*a)-float64(float64(y[0])*b), float64(float64(x[1])*a)-float64(float64(y[1])*b)
		d2, d3 := float64(float64(x[2])*a)-float64(float64(y[2])*b), float64(float64(x[3])*a)-float64(float64(y[3])*b)
		s0 += float64(d0 * d0)
		s1 += float64(d1 * d1)
		s2 += float64(d2 * d2)
		s3 += float64(d3 * d3)
		x, y = x[4:], y[4:]
	}
	for j := range x {
		d := float64(float64(x[j])*a) - float64(float64(y[j])*b)
		s0 += float64(d * d)
	}
	return (s0 + s2) + (s1 + s3)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *CosineEmbedding) MemoryEstimate(b Batch) int64 { return estimateTerms(b, 2, false) }
