package infonce

import (
	"cmp"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// MultiSimilarity weighs each pair of labelled rows by its own similarity and by those of the other
// pairs of its anchor (Wang et al. 2019, eq. 15, without mining):
//
//	L = mean_i ( ln(1 + Σ_p e^(−α(s_ip − λ)))/α + ln(1 + Σ_n e^(β(s_in − λ)))/β )
//
// where s is the cosine, p runs over the positives of anchor i, the other rows of its label, and n
// over its negatives, the rows of other labels.
//
// It reads Q (n×d) and Labels (n). The mean is over all rows: where there is no positive or no
// negative, that logarithm is 0. The zero value is ready to use.
type MultiSimilarity struct {
	Alpha     float32        // α, of the positives; 0 means 2
	Beta      float32        // β, of the negatives; 0 means 50
	Base      float32        // λ; 0 means 0.5
	Reduction Reduction      // of the anchors
	Workers   int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision simd.Precision // of matrix products

	rows              rowLoss
	groups            tile.LabelGroups
	room              [][]float32 // of each worker, for positives
	alpha, beta, base float64
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *MultiSimilarity) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.MultiSimilarity"
	workers := par.Workers(l.Workers)
	alpha, beta, base := cmp.Or(l.Alpha, 2), cmp.Or(l.Beta, 50), cmp.Or(l.Base, 0.5)
	err := cmp.Or(checkPositive(op, "alpha", alpha), checkPositive(op, "beta", beta), checkNumber(op, "base", base))
	if err != nil {
		return Result{}, err
	}
	checkLen(op, "Labels", len(b.Labels), b.Q.Rows)
	l.groups.Sort(b.Labels)
	l.room = tile.Grow(l.room, workers)
	l.alpha, l.beta, l.base = float64(alpha), float64(beta), float64(base)
	return l.rows.evaluate(rowSettings{
		op: op, beta: beta, cosine: true, self: true,
		workers: workers, precision: l.Precision, reduction: l.Reduction,
	}, l, b, grad, scale)
}

// score scores row i. Each logarithm is a cross-entropy whose positive is the 1 in it: with z = βs,
// and u = −αs for the positives,
//
//	ln(1 + Σ e^(z − βλ)) = −βλ + ln(e^βλ + Σ e^z)
func (l *MultiSimilarity) score(worker, i int, z []float32) rowScore {
	same := l.groups.Of(i)
	u := tile.Grow(l.room[worker], len(same))[:0]
	l.room[worker] = u
	for _, p := range same {
		if p != i {
			u = append(u, float32(-l.alpha*float64(z[p])/l.beta))
		}
		z[p] = tile.NegInf
	}
	one := float32(-l.alpha * l.base)
	near, _, sumNear := tile.Contrast(u, one, tile.RowShift(u, one))
	one = float32(l.beta * l.base)
	far, _, sumFar := tile.Contrast(z, one, tile.RowShift(z, one))
	// The slopes are −e^u/sumNear and e^z/sumFar, and those of z a β-th of that.
	for _, p := range same {
		z[p] = 0
		if p != i {
			z[p] = -u[0] * (sumFar / sumNear)
			u = u[1:]
		}
	}
	return rowScore{loss: near/l.alpha + far/l.beta, factor: float32(1 / (l.beta * float64(sumFar))), valid: true}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *MultiSimilarity) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, 0, b.Q.Cols, true, l.Workers, l.Precision)
}
