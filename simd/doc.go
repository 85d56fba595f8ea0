// Package simd holds dense float32 kernels that return the same bits on every CPU.
//
// Each function runs on the best instruction set that the CPU offers (AVX-512 or AVX2 on amd64,
// Advanced SIMD on arm64) and falls back to portable Go. For the same inputs every
// level returns identical bits for every result that is not NaN; a NaN result is
// NaN everywhere, its sign and payload unspecified. The default rounding mode is
// assumed and subnormals are kept, as Go programs have it; a C library
// that sets flush-to-zero for its threads breaks the promise.
//
// The environment variable CONTRAST_LEVEL (generic, neon, avx2, avx512, avx512bf16) lowers the level.
// The build tag purego leaves the assembly out.
//
// # Conventions
//
// The destination comes first. It may be exactly an input where the comment does not
// say otherwise; any other overlap panics. Shapes that do not fit panic with a
// *[ShapeError]. No function starts a goroutine, and none allocates in steady state:
// callers that want more cores split the rows of a matrix with [Matrix.Slice].
//
// # Accuracy
//
// [Exp] and [Log] err by less than 0.9 ULP for every input. Dot products and matrix
// products fuse each multiplication with its addition. An element of a
// matrix product is one chain over the inner dimension, [Dot] is 32 chains that are
// added at the end, so the two may differ in the last bits. [BFloat16] gives up precision of
// the factors for speed, with the same bits on every CPU too.
package simd
