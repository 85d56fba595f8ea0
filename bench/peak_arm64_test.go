//go:build !purego

package bench

import (
	"github.com/contrast-go/contrast/asm/neon"
	"github.com/contrast-go/contrast/internal/cpu"
)

// peakCall makes multiply-adds on memory that stays in the first-level cache, and returns
// the number of floating-point operations; 0 where the level in use has no such kernel.
//
// It is the kernel of matrix products, with tiles of a that overlap.
func peakCall(p *peakMemory) int {
	if cpu.Active() < cpu.NEON {
		return 0
	}
	const rows = 20 * neon.GemmRows
	neon.Gemm(p.c[:], neon.GemmCols, p.a[:], 1, neon.GemmRows, p.b[:], peakInner, rows, 1, false)
	return 2 * rows * neon.GemmCols * peakInner
}
