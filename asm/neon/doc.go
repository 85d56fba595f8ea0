// Package neon holds the kernels for arm64, which all have NEON (Advanced SIMD).
//
// They have the names, arguments and bits of package internal/generic, take
// any length and touch no memory outside their slices, but check nothing:
// package simd does. Gemm asks more of its operands than generic.Gemm.
package neon
