package simd

import "github.com/contrast-go/contrast/internal/scalar"

// FMA returns a·b + c with a single rounding, on every architecture. Go code whose results must be
// the same everywhere needs it, because a compiler may or may not fuse a plain a*b + c.
func FMA(a, b, c float32) float32 { return scalar.FMA(a, b, c) }
