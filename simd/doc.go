// Package simd provides dense float32 kernels that return the same bits on every CPU:
//
//   - sums and searches: [Dot], [SquaredDistance], [Sum], [Max], [IndexAtLeast]
//   - arithmetic on vectors: [Add], [Scale], [Axpy], [MulShifted], [MaxAffine]
//   - exponentials: [Exp], [Log], [ExpSum], [SumExp], [LogSumExp], [Softmax]
//   - matrix products: [MatMul], [MatMulTransA], [MatMulTransB], and [Packed] for a matrix that is
//     multiplied more than once, in [Float32] or [BFloat16]
//   - functions of the rows of a [Matrix]: [NormalizeRows], [SoftmaxRows], [LogSumExpRows]
//   - [FMA], the fused multiply-add that is the same on every architecture
//
// Each function runs on the best instruction set of the CPU (AVX-512 or AVX2 on amd64, Advanced
// SIMD on arm64) and falls back to portable Go. The environment variable CONTRAST_LEVEL (generic,
// neon, avx2, avx512 or avx512bf16) selects a lower level; the build tag purego leaves out the
// assembly.
//
// # Same bits
//
// For the same inputs every level returns identical bits for every result that is not NaN. A result
// that is NaN at one level is NaN at all of them, but its sign and payload are unspecified. This
// assumes the default rounding mode and gradual underflow, as in every Go program; a C library that
// sets flush-to-zero for its threads breaks the promise.
//
// # Conventions
//
// The destination comes first. It may be exactly the same slice or matrix as an input unless the
// comment says otherwise; any other overlap panics. Shapes that do not fit panic with a
// *[ShapeError]. No function starts a goroutine, and none allocates in steady state. To use more
// cores, split the rows of a matrix with [Matrix.Slice].
//
// # Accuracy
//
// The error of [Exp] and [Log] is below 0.9 ULP for every input. Dot products and matrix products
// fuse each multiplication with its addition. An element of a matrix product is one chain over the
// inner dimension; [Dot] is 32 chains whose sums are added at the end, so the two may differ in the
// last bits. [BFloat16] trades precision of the factors for speed, again with the same bits on
// every CPU.
package simd
