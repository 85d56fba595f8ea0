// Package avx512 writes the kernels for amd64 with AVX-512 F, DQ, BW and VL.
package avx512

import (
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the assembly files by name.
func Files() (map[string][]byte, error) {
	return amd64.Files(spec.AVX512, []amd64.Writer{
		{File: "gemm", Write: with(gemm)},
	})
}

// A file is one assembly file in the making.
type file struct{ *amd64.File }

func with(write func(*file)) func(*amd64.File) {
	return func(f *amd64.File) { write(&file{f}) }
}

// broadcast fills a register with a float argument.
func (f *file) broadcast(name string) reg.VecVirtual {
	v := f.ZMM()
	f.VBROADCASTSS(f.Addr(f.Param(name)), v)
	return v
}

// zeros returns n registers of +0.
func (f *file) zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = f.ZMM()
		f.VPXORD(v[i], v[i], v[i])
	}
	return v
}
