// Package generic defines every kernel in portable Go.
//
// The assembly kernels of package asm/… have the same names and arguments and
// return the same bits; where this package and an assembly body differ, the
// assembly is wrong. It is also what runs where no assembly exists.
//
// Kernels check nothing: lengths agree and memory does not overlap, except
// that an output may be exactly an input. They start no goroutine and take a
// bounded time, because package simd cuts long vectors into chunks.
//
// Bits: all sums start from +0. Dot and SquaredDistance keep 32 partial sums,
// element i in sum i mod 32, Sum and the exponential sums keep 16, each a chain
// in ascending order; the partial sums are added in halves (16+16, 8+8, …, 1+1), and +0
// is added last, so that no result depends on the sign of an empty lane's zero.
// A result that is NaN is NaN at every level; its sign and payload are not defined.
package generic
