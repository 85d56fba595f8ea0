//go:build !purego

package cpu

// detect lists the levels above Generic. Every arm64 that Go supports has Advanced SIMD.
func detect() []Level { return []Level{NEON} }

func featureNames() []string { return []string{"ASIMD"} }
