// Package neon writes the arm64 kernels of package asm/neon. Each definition is
// the function of the same name in package internal/generic; the kernels here
// return its bits.
//
// Go's assembler has no vector arithmetic on floats but VFMLA and VFMLS, so
// asm.go encodes the rest.
package neon

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the assembly files by name.
func Files() (map[string][]byte, error) {
	kernels := map[string]func(*asm){
		"Dot": dot, "SquaredDistance": squaredDistance,
		"Sum": sum, "Max": maximum, "IndexAtLeast": indexAtLeast,
		"Axpy": axpy, "Scale": scale, "Add": add, "MulShifted": mulShifted, "MaxAffine": maxAffine,
		"SumExp": sumExp, "ExpLanes": expLanes,
		"Log":  log,
		"Copy": copyBlock, "Transpose": transpose,
		"Gemm": gemm,
	}
	open := map[string]*asm{}
	for _, k := range spec.Kernels {
		if slices.Contains(spec.NEON.Lacks, k.File) {
			continue
		}
		write, ok := kernels[k.Name]
		if !ok {
			return nil, fmt.Errorf("neon: no kernel %s", k.Name)
		}
		name := k.File + "_" + spec.NEON.Arch + ".s"
		if open[name] == nil {
			open[name] = &asm{}
		}
		if err := open[name].function(k.Name, k.Signature); err != nil {
			return nil, fmt.Errorf("neon: %w", err)
		}
		write(open[name])
	}
	files := map[string][]byte{}
	for name, a := range open {
		files[name] = a.bytes()
	}
	return files, nil
}
