package infonce

import (
	"cmp"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// Circle pulls each pair of labelled rows in proportion to how far its similarity is from where it
// should be (Sun et al. 2020, eq. 6):
//
//	L = mean_i ln( 1 + Σ_n e^(γ·a_n·(s_in − m)) · Σ_p e^(−γ·a_p·(s_ip − 1 + m)) )
//	a_n = max(0, s_in + m),  a_p = max(0, 1 + m − s_ip)
//
// where s is the cosine, p runs over the positives of anchor i, the other rows of its label, and n
// over its negatives, the rows of other labels. Anchors that lack either are not valid.
//
// As in the paper, the gradient treats the weights a as constants, so it is not the derivative of
// the value. It reads Q (n×d) and Labels (n). The zero value is ready to use.
type Circle struct {
	Margin    float32        // m; 0 means 0.25
	Scale     float32        // γ; 0 means 256
	Reduction Reduction      // of the anchors
	Workers   int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision simd.Precision // of matrix products

	rows          rowLoss
	groups        tile.LabelGroups
	room          []circleRoom // of each worker
	margin, gamma float64
}

// circleRoom is the scratch memory of a row.
type circleRoom struct {
	negative         []float32 // γ·a_n of all rows
	positive, logits []float32 // γ·a_p and logits of the positives
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *Circle) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.Circle"
	workers := par.Workers(l.Workers)
	margin, gamma := cmp.Or(l.Margin, 0.25), cmp.Or(l.Scale, 256)
	if err := cmp.Or(checkNumber(op, "margin", margin), checkPositive(op, "scale", gamma)); err != nil {
		return Result{}, err
	}
	if far := 2 + math.Abs(float64(margin)); float64(gamma)*far*far > math.MaxFloat32 {
		return Result{}, fmt.Errorf("%s: exponents of scale %v and margin %v exceed float32", op, gamma, margin)
	}
	checkLen(op, "Labels", len(b.Labels), b.Q.Rows)
	l.groups.Sort(b.Labels)
	l.room = tile.Grow(l.room, workers)
	l.margin, l.gamma = float64(margin), float64(gamma)
	return l.rows.evaluate(rowSettings{
		op: op, beta: 1, cosine: true, self: true,
		workers: workers, precision: l.Precision, reduction: l.Reduction,
	}, l, b, grad, scale)
}

func (l *Circle) score(worker, i int, z []float32) rowScore {
	same := l.groups.Of(i)
	if len(same) == 1 || len(same) == len(z) {
		return rowScore{}
	}
	t := &l.room[worker]
	t.negative = tile.Grow(t.negative, len(z))
	t.positive, t.logits = tile.Grow(t.positive, len(same))[:0], tile.Grow(t.logits, len(same))[:0]
	for _, p := range same {
		if p != i {
			s := float64(z[p])
			a := l.gamma * max(0, 1+l.margin-s)
			t.positive = append(t.positive, float32(a))
			t.logits = append(t.logits, float32(-a*(s-(1-l.margin))))
		}
		z[p] = 0 // any number: −Inf has no weight
	}
	a := t.negative
	clear(a)
	simd.MaxAffine(a, z, float32(l.gamma), float32(l.gamma*l.margin))
	simd.MulShifted(z, a, z, -float32(l.margin))
	for _, p := range same {
		z[p] = tile.NegInf
	}

	far, near := simd.Max(z), simd.Max(t.logits)
	sumFar, sumNear := simd.ExpSum(z, z, far), simd.ExpSum(t.logits, t.logits, near)
	loss, slope := tile.Softplus(float64(far) + float64(near) + (scalar.Log64(float64(sumFar)) + scalar.Log64(float64(sumNear))))
	// The slopes are slope·γ·a times e^z/sumFar, and −e^logit/sumNear.
	simd.MulShifted(z, z, a, 0)
	simd.MulShifted(t.logits, t.logits, t.positive, 0)
	u := t.logits
	for _, p := range same {
		z[p] = 0
		if p != i {
			z[p] = -u[0] * (sumFar / sumNear)
			u = u[1:]
		}
	}
	return rowScore{loss: loss, factor: float32(slope) / sumFar, valid: true}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *Circle) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, 0, b.Q.Cols, true, l.Workers, l.Precision)
}
