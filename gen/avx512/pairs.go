package avx512

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
)

// pairs writes the kernels that make pairs of bfloat16.
func pairs(f *amd64.File) {
	f.Begin("PairRows")
	dst, x, y := f.Arg(f.Param("dst").Base()), f.Arg(f.Param("x").Base()), f.Arg(f.Param("y").Base())
	n := f.Arg(f.Param("dst").Len())
	r := newRounding(f)
	order := f.ZMM()
	f.Comment("The words 0, 16, 1, 17, …: from the halves of a register to pairs.")
	f.VMOVUPS(interleaving(f), order)
	interleaved := func(mask ...operand.Op) reg.VecVirtual {
		vx, vy := part(f, x, 0, mask), part(f, y, 0, mask)
		r.flush(vx)
		r.flush(vy)
		f.VCVTNE2PS2BF16(vy, vx, vx)
		f.VPERMW(vx, order, vx)
		return vx
	}
	blocks(f, n, 16, func() {
		put(f, interleaved(), dst, nil)
		for _, p := range []reg.GPVirtual{dst, x, y} {
			f.ADDQ(operand.I8(64), p)
		}
	})
	m := mask(f, n, 0)
	put(f, interleaved(m), dst, []operand.Op{m})
	f.Label("done")
	f.End()

	f.Begin("PairRow")
	dst, x = f.Arg(f.Param("dst").Base()), f.Arg(f.Param("x").Base())
	n = f.Arg(f.Param("x").Len())
	r = newRounding(f)
	halves := func(mask0, mask1 []operand.Op) reg.VecVirtual {
		low, high := part(f, x, 0, mask0), part(f, x, 64, mask1)
		r.flush(low)
		r.flush(high)
		f.VCVTNE2PS2BF16(low, high, low)
		f.VPROLD(operand.U8(16), low, low)
		return low
	}
	blocks(f, n, 32, func() {
		put(f, halves(nil, nil), dst, nil)
		f.SUBQ(operand.I8(-64), dst)
		f.SUBQ(operand.I8(-128), x)
	})
	v := halves([]operand.Op{mask(f, n, 0)}, []operand.Op{mask(f, n, 16)})
	f.INCQ(n)
	f.SHRQ(operand.U8(1), n)
	put(f, v, dst, []operand.Op{mask(f, n, 0)})
	f.Label("done")
	f.End()
}

// gemmPairs writes GemmPairs, which runs at 98 % of the speed of VDPBF16PS alone.
func gemmPairs(f *amd64.File) { product(f, "GemmPairs", f.VDPBF16PS) }

// A rounding holds the constants that flush needs.
type rounding struct {
	f           *amd64.File
	least, sign reg.VecVirtual
}

func newRounding(f *amd64.File) rounding {
	r := rounding{f, f.ZMM(), f.ZMM()}
	f.Comment("The bits of 2^-56, twice as large since the sign is shifted out, and the sign.")
	f.VPBROADCASTD(f.Rodata("least", operand.U32((127-56)<<24)), r.least)
	f.VPBROADCASTD(f.Rodata("sign", operand.U32(1<<31)), r.sign)
	return r
}

// flush turns magnitudes below 2^-56 into zeros of the same sign.
func (r rounding) flush(v reg.VecVirtual) {
	twice, small := r.f.ZMM(), r.f.K()
	r.f.VPADDD(v, v, twice)
	r.f.VPCMPUD(operand.U8(1), r.least, twice, small)
	r.f.VPANDD(v, r.sign, small, v)
}

// interleaving declares the words 0, 16, 1, 17, …, 15, 31.
func interleaving(f *amd64.File) operand.Mem {
	var pairs []operand.Constant
	for i := uint64(0); i < 16; i += 2 {
		pairs = append(pairs, operand.U64(i|(16+i)<<16|(i+1)<<32|(17+i)<<48))
	}
	return f.Rodata("interleaving", pairs...)
}

// blocks repeats the body for each block of size elements and leaves the number of the remaining
// ones in n. If there are none it jumps to done.
func blocks(f *amd64.File, n reg.GPVirtual, size int, body func()) {
	f.Commentf("Blocks of %d.", size)
	f.SUBQ(operand.I8(size), n)
	f.JL(operand.LabelRef("rest"))
	f.Label("block")
	body()
	f.SUBQ(operand.I8(size), n)
	f.JGE(operand.LabelRef("block"))
	f.Label("rest")
	f.ADDQ(operand.I8(size), n)
	f.JZ(operand.LabelRef("done"))
}

// mask returns the mask for elements first to first + 15 of n. n is below 64.
func mask(f *amd64.File, n reg.GPVirtual, first int) operand.Op {
	f.Commentf("The mask for elements %d to %d.", first, first+15)
	m, k := f.GP64(), f.K()
	f.MOVQ(n, reg.RCX)
	f.MOVQ(operand.I32(-1), m)
	f.SHLQ(reg.CL, m)
	f.NOTQ(m)
	if first > 0 {
		f.SHRQ(operand.U8(first), m)
	}
	f.KMOVW(m.As32(), k)
	return k
}

// part loads 16 elements, or those in the mask and zeros.
func part(f *amd64.File, base reg.GPVirtual, disp int, mask []operand.Op) reg.VecVirtual {
	v, m := f.ZMM(), operand.Mem{Base: base, Disp: disp}
	if len(mask) == 0 {
		f.VMOVUPS(m, v)
	} else {
		f.VMOVUPS_Z(m, mask[0], v)
	}
	return v
}

// put stores 16 elements, or those in the mask.
func put(f *amd64.File, v reg.VecVirtual, base reg.GPVirtual, mask []operand.Op) {
	f.VMOVUPS(append(append([]operand.Op{v}, mask...), operand.Mem{Base: base})...)
}
