// Package avx512 writes the kernels for amd64 with AVX-512.
package avx512

import (
	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

// ISA is the instruction set. What it lacks is no faster than with AVX2.
var ISA = spec.ISA{
	Level: "AVX512", Package: "avx512", Arch: "amd64", Needs: "AVX-512 F, DQ, BW and VL",
	GemmRows: gemmRows, GemmCols: gemmCols,
	Files: amd64.Files(16, map[string]func(*amd64.File){
		"dot":         amd64.Dot,
		"reduce":      amd64.Reduce,
		"elementwise": amd64.Elementwise,
		"sumexp":      amd64.SumExp(newExp),
		"explanes":    amd64.ExpLanes(newExp),
		"log":         amd64.Log,
		"gemm":        gemm,
	}),
}

// BF16 is the extension that multiplies bfloat16.
var BF16 = spec.ISA{
	Level: "AVX512BF16", Package: "avx512", Arch: "amd64", Needs: "AVX512_BF16", Extension: true,
	Files: amd64.Files(16, map[string]func(*amd64.File){
		"pairs":     pairs,
		"gemmpairs": gemmPairs,
	}),
}
