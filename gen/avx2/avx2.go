// Package avx2 writes the kernels for amd64 with AVX2 and FMA3.
package avx2

import (
	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

// ISA is the instruction set.
var ISA = spec.ISA{
	Level: "AVX2", Package: "avx2", Arch: "amd64", Needs: "AVX2 and FMA3",
	GemmRows: gemmRows, GemmCols: gemmCols,
	Files: amd64.Files(8, map[string]func(*amd64.File){
		"dot":         amd64.Dot,
		"reduce":      amd64.Reduce,
		"elementwise": amd64.Elementwise,
		"sumexp":      amd64.SumExp(newExp),
		"explanes":    amd64.ExpLanes(newExp),
		"log":         amd64.Log,
		"pack":        pack,
		"gemm":        gemm,
	}),
}
