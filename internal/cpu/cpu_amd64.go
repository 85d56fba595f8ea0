//go:build !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// detect lists the levels above Generic. cpuid reports AVX and AVX-512 only if the operating system
// saves their registers.
func detect() []Level {
	if !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		return nil
	}
	if !cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL) {
		return []Level{AVX2}
	}
	if !cpuid.CPU.Supports(cpuid.AVX512BF16) {
		return []Level{AVX2, AVX512}
	}
	return []Level{AVX2, AVX512, AVX512BF16}
}

func featureNames() []string {
	var have []string
	for _, f := range []cpuid.FeatureID{
		cpuid.AVX, cpuid.AVX2, cpuid.FMA3,
		cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL, cpuid.AVX512BF16,
	} {
		if cpuid.CPU.Supports(f) {
			have = append(have, f.String())
		}
	}
	return have
}
