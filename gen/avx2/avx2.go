// Package avx2 writes the kernels for amd64 with AVX2 and FMA3.
package avx2

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the assembly files by name.
func Files() (map[string][]byte, error) {
	return amd64.Files(spec.AVX2, []amd64.Writer{
		{File: "dot", Write: with(dot)},
		{File: "reduce", Write: with(reduce)},
		{File: "elementwise", Write: with(elementwise)},
		{File: "sumexp", Write: with(sumExp)},
		{File: "explanes", Write: with(expLanes)},
		{File: "log", Write: with(log)},
		{File: "pack", Write: with(pack)},
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
	v := f.YMM()
	f.VBROADCASTSS(f.Addr(f.Param(name)), v)
	return v
}

// constant fills a register with v.
func (f *file) constant(name string, v operand.Constant) reg.VecVirtual {
	y := f.YMM()
	f.VBROADCASTSS(f.Rodata(name, v), y)
	return y
}

// float8 and int8 lay down eight copies of v, for the memory operand of an instruction.
func (f *file) float8(name string, v float32) operand.Mem { return f.bits8(name, math.Float32bits(v)) }
func (f *file) int8(name string, v int32) operand.Mem     { return f.bits8(name, uint32(v)) }

func (f *file) bits8(name string, u uint32) operand.Mem {
	two := operand.U64(u) | operand.U64(u)<<32
	return f.Rodata(name, two, two, two, two)
}

// zeros returns n registers of +0.
func (f *file) zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = f.YMM()
		f.VXORPS(v[i], v[i], v[i])
	}
	return v
}

// fold combines the lanes in halves, adds +0 and leaves the result in the lowest lane of v[0].
func (f *file) fold(v []reg.VecVirtual, op func(...operand.Op)) {
	f.Commentf("Halves of lanes: %d+%d to 1+1. The last addition makes −0 to +0.", 4*len(v), 4*len(v))
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			op(v[i+n], v[i], v[i])
		}
	}
	x, y := v[0].AsX(), f.XMM()
	f.VEXTRACTF128(operand.U8(1), v[0], y)
	op(y, x, x)
	f.VMOVHLPS(x, x, y)
	op(y, x, x)
	f.VMOVSHDUP(x, y)
	op(y, x, x)
	f.VXORPS(y, y, y)
	f.VADDSS(y, x, x)
}
