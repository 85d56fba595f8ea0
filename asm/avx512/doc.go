// Package avx512 holds the kernels for amd64 with AVX-512 F, DQ, BW and VL, and those for pairs
// of bfloat16, which need AVX512_BF16 as well.
//
// They have the names, arguments and bits of package internal/generic, take
// any length and touch no memory outside their slices, but check nothing:
// package simd does, and calls them only where the CPU has the instructions.
package avx512
