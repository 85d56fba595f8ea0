// Package generic defines every kernel in portable Go.
//
// The assembly kernels below asm have the same names and arguments and return the same bits. If an
// assembly body and this package differ, the assembly is wrong. This package also runs wherever there
// is no assembly.
//
// Kernels check nothing: the caller ensures that lengths agree and that memory does not overlap,
// except that an output may be exactly an input. Kernels start no goroutine, and take a bounded
// time because package simd cuts long vectors into chunks.
//
// The bits are defined as follows. All sums start from +0. Dot and SquaredDistance keep 32 partial
// sums, called lanes: element i belongs to lane i mod 32. Sum and the exponential sums keep 16. Each
// lane is a chain in ascending order. The lanes are added in halves (16+16, 8+8, …, 1+1), and then +0
// is added, so that no result depends on the sign of the zero in an empty lane. A result that is NaN
// is NaN at every level, with any sign and payload.
package generic
