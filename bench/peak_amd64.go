//go:build !purego

package bench

import "github.com/contrast-go/contrast/internal/cpu"

// fmaAVX2 and fmaAVX512 make 12 fused multiply-adds of whole registers, times times. Each
// adds to a register of its own, so that none waits for another.
//
//go:noescape
func fmaAVX2(times int)

//go:noescape
func fmaAVX512(times int)

// peakCall makes multiply-adds between registers, for some 10 µs, and returns the number of
// floating-point operations; 0 where the level in use has no such instruction.
func peakCall() int {
	const times = 6000
	switch l := cpu.Active(); {
	case l >= cpu.AVX512:
		fmaAVX512(times / 2)
		return times / 2 * 12 * 16 * 2
	case l >= cpu.AVX2:
		fmaAVX2(times)
		return times * 12 * 8 * 2
	}
	return 0
}
