package tile

import (
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// SweepBytes returns the memory that a sweep over n rows of d columns and m keys holds. If keep is
// true its logits are kept for a second run, provided they fit into the budget.
func SweepBytes(n, m, d, workers int, precision simd.Precision, half, grad, keep bool, budget int64) int64 {
	size := func(rows int) int64 { return int64(rows) * int64(d) }
	s := Sweep{half: half, q: simd.Matrix{Rows: n, Cols: d}, k: simd.Matrix{Rows: m, Cols: d}}
	s.cut = cutUp(n, m, workers, half, grad)
	logits := 4 * s.room(true)
	if !keep || logits > budget {
		logits = 4 * s.room(false)
	}
	packed := int64(4) // bytes of a number
	if precision == simd.BFloat16 && cpu.Active() == cpu.AVX512BF16 {
		packed = 2 // elsewhere they are rounded and no smaller
	}
	total := logits + packed*size(m)
	if grad {
		total += packed*size(m+s.cut.height) + 4*size(s.cut.rows*workers)
	}
	return total
}

// StreamedBytes returns the memory that a streamed sweep holds.
func StreamedBytes(n, m, d, workers int) int64 {
	size := func(rows int) int64 { return int64(rows) * int64(d) }
	height := streamedHeight(n, m, workers)
	return 4*(int64(height)*int64(logitStride(m))+size(3*height+2*simd.PackAlign*workers)) + min(streamedChunk, 4*size(m)) + 8*int64(n)
}
