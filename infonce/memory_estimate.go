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

// MemoryEstimate estimates the scratch memory in bytes that l holds after Evaluate with a gradient
// on batches of b's shapes, within 20 % above a few MB. The batch and its gradient are not counted.
// Only Rows and Cols of the matrices, the number of Triplets and whether there are IDs are read, so
// b needs no data. All losses of this package are a [MemoryEstimator]; a loss that is none counts
// as 0.
func MemoryEstimate(l Loss, b Batch) int64 {
	if e, ok := l.(MemoryEstimator); ok {
		return e.MemoryEstimate(b)
	}
	return 0
}

// A memoryEstimate adds up memory for rows of d numbers.
type memoryEstimate struct {
	d, workers int
	precision  simd.Precision
	unit       bool  // rows are normalised
	copies     bool  // rows are copied
	budget     int64 // of logits that are kept; 0 keeps none
}

// size returns how many numbers n rows have, several times over.
func (e memoryEstimate) size(n, times int) int64 { return int64(n) * int64(e.d) * int64(times) }

// sides returns the bytes of rows and their gradients.
func (e memoryEstimate) sides(n, m int) int64 {
	if e.unit || e.copies {
		return 4 * e.size(n+m, 2)
	}
	return 4 * e.size(n+m, 1)
}

// sweep returns the bytes of a sweep with gradients over n rows and m keys.
func (e memoryEstimate) sweep(n, m int, keep, half bool) int64 {
	return e.sweeps(n, m, keep, half, true)
}

// search returns the bytes of a sweep that looks for rows, without gradients.
func (e memoryEstimate) search(n int, half bool) int64 { return e.sweeps(n, n, false, half, false) }

func (e memoryEstimate) sweeps(n, m int, keep, half, grad bool) int64 {
	return tile.SweepBytes(n, m, e.d, par.Workers(e.workers), e.precision, half, grad, keep, e.budget)
}

// streamed returns the bytes of a streamed sweep.
func (e memoryEstimate) streamed(n, m int) int64 {
	return tile.StreamedBytes(n, m, e.d, par.Workers(e.workers))
}

// estimateViews is for losses of all rows of two views against all others.
func estimateViews(b Batch, temperature, standard float32, dot bool, budget int64, workers int, precision simd.Precision) int64 {
	n := b.Q.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: workers, precision: precision, copies: true, budget: memoryBudget(budget)}
	half := false
	if beta, err := inverseTemperature("", temperature, standard); err == nil {
		_, half = tile.CommonShift(beta, !dot)
	}
	return e.sides(2*n, 0) + e.sweep(2*n, 2*n, true, half)
}

// estimateRows is for losses of rows against keys, or against each other where there are no keys.
func estimateRows(n, m, d int, unit bool, workers int, precision simd.Precision) int64 {
	e := memoryEstimate{d: d, workers: workers, precision: precision, unit: unit}
	if m > 0 {
		return e.sides(n, m) + e.sweep(n, m, false, false)
	}
	return e.sides(n, 0) + 4*e.size(n, 1) + e.sweep(n, n, false, false)
}

// estimateDistances is for losses of all distances between rows.
func estimateDistances(b Batch, normalize bool, budget int64, workers int) int64 {
	n := b.Q.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: workers, unit: normalize, budget: budget}
	// Sorted rows, the gradients of the products and those of pulls; sums of each row in 16 lanes.
	return e.sides(n, 0) + 4*e.size(n, 5) + 4*16*int64(n) + e.sweep(n, n, budget > 0, false)
}

// estimateTerms is for losses whose terms have a row of each side. Normalised rows are copies.
func estimateTerms(b Batch, sides int, normalize bool) int64 {
	total := 64 * int64(b.Q.Rows) // the loss, derivatives and norms of a term
	if normalize {
		total += 4 * int64(sides) * int64(b.Q.Rows) * int64(b.Q.Cols)
	}
	return total
}

// estimateTriples is for n triples with a number of losses each, and what their gradients need.
func estimateTriples(n, losses int) int64 { return int64(n) * int64(8*losses+40) }
