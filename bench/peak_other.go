//go:build purego || (!amd64 && !arm64)

package bench

// peakCall has no instruction to measure with.
func peakCall() int { return 0 }
