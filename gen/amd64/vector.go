package amd64

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wide reports whether vector registers are those of AVX-512, 16 lanes wide, rather than those of
// AVX2. Kernels are written once for both widths and ask only where the instructions differ.
func (f *File) wide() bool { return f.Lanes == 16 }

// Vec returns a new vector register.
func (f *File) Vec() reg.VecVirtual {
	if f.wide() {
		return f.ZMM()
	}
	return f.YMM()
}

// Broadcast fills a register with a float argument.
func (f *File) Broadcast(name string) reg.VecVirtual {
	v := f.Vec()
	f.VBROADCASTSS(f.Addr(f.Param(name)), v)
	return v
}

// Constant fills a register with c.
func (f *File) Constant(name string, c operand.Constant) reg.VecVirtual {
	v := f.Vec()
	f.VBROADCASTSS(f.Rodata(name, c), v)
	return v
}

// Zeros returns n registers of +0.
func (f *File) Zeros(n int) []reg.VecVirtual {
	xor := f.VXORPS
	if f.wide() {
		xor = f.VPXORD
	}
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = f.Vec()
		xor(v[i], v[i], v[i])
	}
	return v
}

// fold combines the lanes in halves, adds +0 and leaves the result in the lowest lane of v[0].
func (f *File) fold(v []reg.VecVirtual, op func(...operand.Op)) {
	half := f.Lanes * len(v) / 2
	f.Commentf("Halves of lanes: %d+%d to 1+1. The last addition turns −0 into +0.", half, half)
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			op(v[i+n], v[i], v[i])
		}
	}
	y, upper := v[0].AsY(), f.YMM()
	x, t := v[0].AsX(), upper.AsX()
	if f.wide() {
		f.VEXTRACTF64X4(operand.U8(1), v[0], upper)
		op(upper, y, y)
		f.VEXTRACTF32X4(operand.U8(1), y, t)
	} else {
		f.VEXTRACTF128(operand.U8(1), y, t)
	}
	op(t, x, x)
	f.VMOVHLPS(x, x, t)
	op(t, x, x)
	f.VMOVSHDUP(x, t)
	op(t, x, x)
	f.VXORPS(t, t, t)
	f.VADDSS(t, x, x)
}
