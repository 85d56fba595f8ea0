//go:build !purego

package cpu

// detect lists the levels above Generic. Advanced SIMD is part of every arm64
// that Go supports.
func detect() []Level { return []Level{NEON} }

func featureNames() []string { return []string{"ASIMD"} }
