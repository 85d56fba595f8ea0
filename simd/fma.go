package simd

import "github.com/contrast-go/contrast/internal/scalar"

// FMA returns a·b + c with one rounding, on every architecture. Where Go code
// adds a product, a plain a*b + c may or may not be fused by the compiler.
func FMA(a, b, c float32) float32 { return scalar.FMA(a, b, c) }
