//go:build !purego

package bench

import (
	"github.com/contrast-go/contrast/asm/avx2"
	"github.com/contrast-go/contrast/internal/cpu"
)

// peakCall makes multiply-adds on memory that stays in the first-level cache, and returns
// the number of floating-point operations; 0 where the level in use has no such kernel.
//
// It is the kernel of matrix products with all rows of a the same: 12 multiply-adds for 2
// loads and 6 broadcasts, with 252 of 256 steps of the inner loop in its steady state. A loop of
// multiply-adds between registers is at most 2 % faster.
func peakCall(p *peakMemory) int {
	if cpu.Active() < cpu.AVX2 {
		return 0
	}
	const rows = 20 * avx2.GemmRows
	avx2.Gemm(p.c[:], avx2.GemmCols, p.a[:], 0, 1, p.b[:], peakInner, rows, 1, false)
	return 2 * rows * avx2.GemmCols * peakInner
}
