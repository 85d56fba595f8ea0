// Package neon writes the kernels for arm64.
//
// The only vector arithmetic on floats that Go's assembler has is VFMLA and VFMLS, so asm.go encodes
// the rest.
package neon

import (
	"fmt"

	"github.com/contrast-go/contrast/gen/spec"
)

// ISA is the instruction set.
var ISA = spec.ISA{
	Level: "NEON", Package: "neon", Arch: "arm64", Needs: "NEON (Advanced SIMD), which every arm64 has",
	GemmRows: gemmRows, GemmCols: gemmCols, ColumnMajor: true,
	Files: files(map[string]func(*asm){
		"Dot": dot, "SquaredDistance": squaredDistance,
		"Sum": sum, "Max": maximum, "IndexAtLeast": indexAtLeast,
		"Axpy": axpy, "Scale": scale, "Add": add, "MulShifted": mulShifted, "MaxAffine": maxAffine,
		"SumExp": sumExp, "ExpLanes": expLanes,
		"Log":  log,
		"Copy": copyBlock, "Transpose": transpose,
		"Gemm": gemm,
	}),
}

// files returns the writers of the assembly files that hold the kernels.
func files(kernels map[string]func(*asm)) map[string]spec.Writer {
	all := make(map[string]spec.Writer)
	for _, k := range spec.Kernels {
		if kernels[k.Name] != nil {
			all[k.File] = func() ([]byte, error) { return write(k.File, kernels) }
		}
	}
	return all
}

func write(file string, kernels map[string]func(*asm)) ([]byte, error) {
	a := new(asm)
	for _, k := range spec.Kernels {
		if k.File != file {
			continue
		}
		if err := a.function(k.Name, k.Signature); err != nil {
			return nil, fmt.Errorf("neon: %w", err)
		}
		kernels[k.Name](a)
	}
	return a.bytes(), nil
}
