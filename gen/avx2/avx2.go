// Package avx2 writes the kernels for amd64 with AVX2 and FMA3.
package avx2

import (
	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the assembly files by name.
func Files() (map[string][]byte, error) {
	return amd64.Files(spec.AVX2, []amd64.Writer{
		{File: "dot", Write: amd64.Dot},
		{File: "reduce", Write: amd64.Reduce},
		{File: "elementwise", Write: amd64.Elementwise},
		{File: "sumexp", Write: with(sumExp)},
		{File: "explanes", Write: with(expLanes)},
		{File: "log", Write: amd64.Log},
		{File: "pack", Write: with(pack)},
		{File: "gemm", Write: with(gemm)},
	})
}

// A file is one assembly file in the making.
type file struct{ *amd64.File }

func with(write func(*file)) func(*amd64.File) {
	return func(f *amd64.File) { write(&file{f}) }
}
