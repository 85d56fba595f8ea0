package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A MemoryEstimator is a loss that estimates its scratch memory; see [MemoryEstimate].
type MemoryEstimator interface {
	MemoryEstimate(b Batch) int64
}

// MemoryEstimate estimates the scratch memory in bytes that l holds after Evaluate with a gradient on
// batches of b's shapes, within 20 % above a few MB. The batch and its gradient are not counted. Only
// Rows and Cols of the matrices are read, so b needs no data. A loss of another package is asked if it
// is a [MemoryEstimator], and counts as 0 if it is not.
func MemoryEstimate(l Loss, b Batch) int64 {
	n, m, x, d := b.Q.Rows, b.K.Rows, b.Negatives.Rows, b.Q.Cols
	switch l := l.(type) {
	case *InfoNCE:
		p := memoryEstimate{d: d, workers: l.Workers, precision: l.Precision, unit: !l.DotProduct, budget: memoryBudget(l.MemoryBudget)}
		switch {
		case x == 0 && l.Symmetric:
			return p.sides(n, m) + p.pass(n, m, true, false)
		case x == 0 && l.LabelSmoothing == 0 && !l.filters() && worthStreaming(b, p.budget):
			return p.streamed(n, m)
		case x == 0:
			return p.sides(n, m) + p.pass(n, m, false, false)
		case l.InBatch:
			p.copies = true
			return p.sides(n, m+x) + p.pass(n, m+x, l.Symmetric, false)
		case l.PairedNegatives:
			return p.sides(n, m+x)
		}
		return p.sides(n, m+x) + p.pass(n, x, false, false)
	case *NTXent:
		return planViews(n, d, l.Temperature, 0.5, l.DotProduct, l.MemoryBudget, l.Workers, l.Precision)
	case *DCL:
		if l.OneWay {
			p := memoryEstimate{d: d, workers: l.Workers, precision: l.Precision, unit: !l.DotProduct}
			return p.sides(n, m) + p.pass(n, m, false, false)
		}
		return planViews(n, d, l.Temperature, 0.1, l.DotProduct, l.MemoryBudget, l.Workers, l.Precision)
	case *HCL:
		if l.Concentration == 0 && l.PriorPositive == 0 {
			return planViews(n, d, l.Temperature, 0.5, l.DotProduct, l.MemoryBudget, l.Workers, l.Precision)
		}
		p := memoryEstimate{d: d, workers: l.Workers, precision: l.Precision, copies: true}
		return p.sides(2*n, n) + p.pass(2*n, 2*n, false, false) // a third gradient, of the keys
	case *SupCon:
		p := memoryEstimate{d: d, workers: l.Workers, precision: l.Precision, unit: !l.DotProduct, budget: memoryBudget(l.MemoryBudget)}
		return p.sides(n, 0) + p.pass(n, n, true, false)
	case *SigLIP:
		return planRows(n, m, d, !l.DotProduct, l.Workers, l.Precision)
	case *Custom:
		return planRows(n, m, d, !l.DotProduct, l.Workers, l.Precision)
	case *NPair:
		return planRows(n, m, d, false, l.Workers, l.Precision)
	case *ArcFace:
		return planRows(n, m, d, true, l.Workers, l.Precision)
	case *CosFace:
		return planRows(n, m, d, true, l.Workers, l.Precision)
	case *Circle:
		return planRows(n, 0, d, true, l.Workers, l.Precision)
	case *MultiSimilarity:
		return planRows(n, 0, d, true, l.Workers, l.Precision)
	case *AlignUniform:
		p := memoryEstimate{d: d, workers: l.Workers, precision: l.Precision, unit: true}
		return p.sides(n, m) + p.pass(n, n, false, true)
	case *BatchHard:
		p := memoryEstimate{d: d, workers: l.Workers, unit: l.Normalize}
		return p.sides(n, 0) + 4*p.size(n, 1) + p.search(n, true)
	case *BatchAll:
		p := memoryEstimate{d: d, workers: l.Workers, unit: l.Normalize}
		return p.sides(n, 0) + 4*p.size(n, 5) + p.pass(n, n, false, false)
	case *SemiHard:
		p := memoryEstimate{d: d, workers: l.Workers, unit: l.Normalize}
		return p.sides(n, 0) + 4*p.size(n, 3) + p.search(n, false)
	case MemoryEstimator:
		return l.MemoryEstimate(b)
	}
	return 0
}

// A plan adds up memory for rows of d numbers.
type memoryEstimate struct {
	d, workers int
	precision  simd.Precision
	unit       bool  // rows are normalised
	copies     bool  // rows are copied
	budget     int64 // of logits that are kept; 0 keeps none
}

// size returns how many numbers so many times n rows have.
func (p memoryEstimate) size(n, times int) int64 { return int64(n) * int64(p.d) * int64(times) }

// sides returns the bytes of rows and their gradients.
func (p memoryEstimate) sides(n, m int) int64 {
	if p.unit || p.copies {
		return 4 * p.size(n+m, 2)
	}
	return 4 * p.size(n+m, 1)
}

// pass returns the bytes of a pass with gradients over n rows and m keys.
func (p memoryEstimate) pass(n, m int, keep, half bool) int64 {
	return p.passes(n, m, keep, half, true)
}

// search returns the bytes of a pass that looks for rows, without gradients.
func (p memoryEstimate) search(n int, half bool) int64 { return p.passes(n, n, false, half, false) }

func (p memoryEstimate) passes(n, m int, keep, half, grad bool) int64 {
	return tile.SweepBytes(n, m, p.d, par.Workers(p.workers), p.precision, half, grad, keep, p.budget)
}

// streamed returns the bytes of a streamed sweep.
func (p memoryEstimate) streamed(n, m int) int64 {
	return tile.StreamedBytes(n, m, p.d, par.Workers(p.workers))
}

// planViews is for losses of all rows of two views against all others.
func planViews(n, d int, temperature, standard float32, dot bool, budget int64, workers int, precision simd.Precision) int64 {
	p := memoryEstimate{d: d, workers: workers, precision: precision, copies: true, budget: memoryBudget(budget)}
	half := false
	if beta, err := inverseTemperature("", temperature, standard); err == nil {
		_, half = tile.CommonShift(beta, !dot)
	}
	return p.sides(2*n, 0) + p.pass(2*n, 2*n, true, half)
}

// planRows is for losses of rows against keys, or against each other where there are no keys.
func planRows(n, m, d int, unit bool, workers int, precision simd.Precision) int64 {
	p := memoryEstimate{d: d, workers: workers, precision: precision, unit: unit}
	if m > 0 {
		return p.sides(n, m) + p.pass(n, m, false, false)
	}
	return p.sides(n, 0) + 4*p.size(n, 1) + p.pass(n, n, false, false)
}
