package infonce

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// HCL is NTXent with more weight on hard negatives (Robinson et al. 2021, eq. 5) and with the
// negatives that are likely positives removed from the sum (Chuang et al. 2020, eq. 8). For each of
// the 2n rows x of Q and K stacked,
//
//	L = mean_i ( −z_i,pos(i) + ln(e^z_i,pos(i) + N_i) ),  z_ij = cos(x_i, x_j)/τ
//	N_i = max( (R_i − ρ·m·e^z_i,pos(i))/(1 − ρ), m·e^(−1/τ) ),  R_i = m·Σ_j e^((1+c)·z_ij) / Σ_j e^(c·z_ij)
//
// where j runs over the m negatives of row i, c is the concentration and ρ the prior. The lower
// bound of N_i is that of m opposite rows; [Result].Clamped counts the rows where it applies, whose
// negatives have no gradient. With c = 0 and ρ = 0 this is NTXent, with the same bits for cosines.
//
// It reads Q and K (both n×d), the first and the second views; row i of both shows sample i, which
// has IDs[i] and Weights[i]. An empty batch has loss 0.
//
// The zero value is ready to use.
type HCL struct {
	Temperature   float32        // 0 means 0.5
	Concentration float32        // c: how much more the hard negatives count, at least 0
	PriorPositive float32        // ρ: the share of positives among negatives, in [0, 1)
	DotProduct    bool           // compare by dot product; by default rows are normalised inside
	Reduction     Reduction      // Mean or Sum over the views
	Workers       int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision     simd.Precision // of matrix products
	MemoryBudget  int64          // of NTXent

	plain NTXent
	rows  rowLoss
	beta  float64
	room  simd.Matrix // a row of logits for each worker
	ids   tile.Duplicates
	same  *tile.Duplicates
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *HCL) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.HCL"
	workers := par.Workers(l.Workers)
	if !(l.Concentration >= 0) || l.Concentration-l.Concentration != 0 {
		return Result{}, fmt.Errorf("%s: concentration is %v, want a finite number, 0 or above", op, l.Concentration)
	}
	if !(l.PriorPositive >= 0 && l.PriorPositive < 1) {
		return Result{}, fmt.Errorf("%s: prior is %v, want a number from 0 to below 1", op, l.PriorPositive)
	}
	if l.Concentration == 0 && l.PriorPositive == 0 && !l.DotProduct { // dot products may be below the bound
		p := &l.plain
		p.Temperature, p.DotProduct, p.Reduction = l.Temperature, l.DotProduct, l.Reduction
		p.Workers, p.Precision, p.MemoryBudget = l.Workers, l.Precision, l.MemoryBudget
		return p.evaluate(op, b, grad, scale)
	}
	beta, err := inverseTemperature(op, l.Temperature, 0.5)
	if err == nil {
		err = checkSmooth(op, l.Reduction)
	}
	if err != nil {
		return Result{}, err
	}
	l.beta = float64(beta)
	checkIDs(op, b.IDs, b.Q.Rows)
	l.same = l.ids.Load(b.IDs)
	l.room = l.room.Reshape(workers, 2*b.Q.Rows)
	set := rowSettings{
		op: op, beta: beta, temperature: true, cosine: !l.DotProduct, self: true, views: true,
		workers: workers, precision: l.Precision, reduction: l.Reduction,
	}
	r, err := l.rows.evaluate(set, l, b, grad, scale)
	if n := 2 * b.Q.Rows; err == nil {
		weight := mass(l.Reduction, b.Weights, n)
		r.Bound = l.rows.logitError(set, b).hard(r.Loss, weight, l.Concentration, l.PriorPositive, beta, n, n)
	}
	return r, err
}

func (l *HCL) score(worker, i int, z []float32) rowScore {
	n := len(z) / 2
	y := (i + n) % len(z)
	pos := float64(z[y])
	z[i], z[y] = tile.NegInf, tile.NegInf
	l.same.Exclude(z, i, 0, n)
	m := 2 * float64(n-l.same.Count(i%n))
	if m == 0 {
		clear(z)
		return rowScore{loss: pos - pos, valid: true}
	}

	// With the logits that take part alone in the shift the largest e is 1 at any temperature.
	top, c := simd.Max(z), l.Concentration
	flat, flatSum := l.room.Row(worker), m
	if c > 0 {
		simd.Scale(flat, c, z)
		flatSum = float64(simd.ExpSum(flat, flat, c*top))
	}
	simd.Scale(z, 1+c, z)
	hardSum := float64(simd.ExpSum(z, z, (1+c)*top))
	hard := scalar.Log64(m*hardSum/flatSum) + float64(top) // ln R

	shift := max(hard, pos, -l.beta)
	r, p, least := scalar.Exp64(hard-shift), scalar.Exp64(pos-shift), float64(m*scalar.Exp64(-l.beta-shift))
	rest := 1 - float64(l.PriorPositive)
	neg := (r - float64(float64(l.PriorPositive)*m*p)) / rest
	clamped := neg < least
	neg = max(neg, least)
	s := rowScore{valid: true, clamped: clamped}
	if neg <= p {
		s.loss = scalar.Log1p64(neg / p)
	} else {
		s.loss = scalar.Log64(neg+p) + (shift - pos)
	}
	if clamped {
		clear(z)
		z[y] = -1
		s.factor, s.beta = float32(neg/(neg+p)), -neg/(neg+p)
		return s
	}
	simd.Scale(z, float32((1+float64(c))/hardSum), z)
	if c > 0 {
		simd.Axpy(z, float32(-float64(c)/flatSum), flat)
	}
	z[y] = -1
	s.factor = float32(r / (rest * (neg + p)))
	return s
}

// MemoryEstimate implements [MemoryEstimator].
func (l *HCL) MemoryEstimate(b Batch) int64 {
	if l.Concentration == 0 && l.PriorPositive == 0 && !l.DotProduct {
		return estimateViews(b, l.Temperature, 0.5, false, l.MemoryBudget, l.Workers, l.Precision)
	}
	n := b.Q.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: l.Workers, precision: l.Precision, copies: true}
	return e.sides(2*n, n) + e.sweep(2*n, 2*n, false, false) // a third gradient, of the keys
}
