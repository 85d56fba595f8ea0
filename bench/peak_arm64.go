//go:build !purego

package bench

import "github.com/contrast-go/contrast/internal/cpu"

// fmaNEON makes 24 fused multiply-adds of whole registers, times times. Each adds to
// a register of its own, so that none waits for another.
//
//go:noescape
func fmaNEON(times int)

// peakCall makes multiply-adds between registers, for some 10 µs, and returns the number of
// floating-point operations; 0 where the level in use has no such instruction.
func peakCall() int {
	const times = 3000
	if cpu.Active() < cpu.NEON {
		return 0
	}
	fmaNEON(times)
	return times * 24 * 4 * 2
}
