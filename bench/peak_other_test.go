//go:build purego || (!amd64 && !arm64)

package bench

// peakCall has no kernel to measure with.
func peakCall(p *peakMemory) int { return 0 }
