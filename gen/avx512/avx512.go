// Package avx512 writes the kernels for amd64 with AVX-512 F, DQ, BW and VL.
package avx512

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the assembly files by name.
func Files() (map[string][]byte, error) {
	return amd64.Files(spec.AVX512, []amd64.Writer{
		{File: "dot", Write: with(dot)},
		{File: "reduce", Write: with(reduce)},
		{File: "elementwise", Write: with(elementwise)},
		{File: "sumexp", Write: with(sumExp)},
		{File: "explanes", Write: with(expLanes)},
		{File: "log", Write: with(log)},
		{File: "gemm", Write: with(gemm)},
		{File: "pairs", Write: with(pairs)},
		{File: "gemmpairs", Write: with(gemmPairs)},
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

// constant fills a register with v.
func (f *file) constant(name string, v operand.Constant) reg.VecVirtual {
	z := f.ZMM()
	f.VBROADCASTSS(f.Rodata(name, v), z)
	return z
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

// fold combines the lanes in halves, adds +0 and leaves the result in the lowest lane of v[0].
func (f *file) fold(v []reg.VecVirtual, op func(...operand.Op)) {
	f.Commentf("Halves of lanes: %d+%d to 1+1. The last addition makes −0 to +0.", 8*len(v), 8*len(v))
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			op(v[i+n], v[i], v[i])
		}
	}
	y, half := v[0].AsY(), f.YMM()
	f.VEXTRACTF64X4(operand.U8(1), v[0], half)
	op(half, y, y)
	x, t := v[0].AsX(), half.AsX()
	f.VEXTRACTF32X4(operand.U8(1), y, t)
	op(t, x, x)
	f.VMOVHLPS(x, x, t)
	op(t, x, x)
	f.VMOVSHDUP(x, t)
	op(t, x, x)
	f.VXORPS(t, t, t)
	f.VADDSS(t, x, x)
}
