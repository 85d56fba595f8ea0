package amd64

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A span walks float32 slices side by side: loops over whole blocks first, then a tail whose loads
// give 0 and whose stores do nothing beyond the end.
type span struct {
	f    *File
	base map[string]reg.GPVirtual
	i, n reg.GPVirtual // the current element and the length
	mask []reg.Virtual // of the block's registers in the tail, nil in a loop
}

// span begins a walk over the named slices. The length is that of the first.
func (f *File) span(slices ...string) *span {
	s := &span{f: f, base: make(map[string]reg.GPVirtual)}
	for _, name := range slices {
		s.base[name] = f.Arg(f.Param(name).Base())
	}
	s.n = f.Arg(f.Param(slices[0]).Len())
	s.i = f.GP64()
	f.XORQ(s.i, s.i)
	return s
}

// loop repeats the body as long as there is a whole block of the given number of registers.
func (s *span) loop(regs int, body func()) {
	f, end, block := s.f, s.f.GP64(), s.f.Lanes*regs
	top, after := fmt.Sprint("loop", block), fmt.Sprint("end", block)
	f.Commentf("Blocks of %d.", block)
	f.MOVQ(s.n, end)
	f.ANDQ(operand.I8(-block), end)
	f.CMPQ(s.i, end)
	f.JGE(operand.LabelRef(after))
	f.Label(top)
	body()
	f.ADDQ(operand.I8(block), s.i)
	f.CMPQ(s.i, end)
	f.JLT(operand.LabelRef(top))
	f.Label(after)
}

// tail repeats the body for the remaining elements, fewer than limit, the given number of registers
// at a time. limit is at most 64. tail overwrites s.n.
func (s *span) tail(limit, regs int, body func()) {
	block := s.f.Lanes * regs
	rest := s.vectorMasks
	if s.f.wide() {
		rest = s.opmasks
	}
	rest(limit, regs, func() {
		body()
		if limit > block {
			s.f.ADDQ(operand.I8(block), s.i)
		}
	})
	s.f.Label("done")
}

// vectorMasks is the tail if masks are vector registers. They are loaded from a table of ones and
// zeros, starting where the number of ones left equals that of the remaining elements.
func (s *span) vectorMasks(limit, regs int, body func()) {
	f, p := s.f, s.f.GP64()
	f.Comment("The rest. A mask begins with as many ones as elements are left.")
	f.SUBQ(s.i, s.n)
	f.JZ(operand.LabelRef("done"))
	f.LEAQ(f.ones(limit), p)
	f.NEGQ(s.n)
	if limit > f.Lanes*regs {
		f.Label("tail")
	}
	for r := range regs {
		m := f.Vec()
		f.VMOVUPS(operand.Mem{Base: p, Index: s.n, Scale: 4, Disp: 4 * f.Lanes * r}, m)
		s.mask = append(s.mask, m)
	}
	body()
	if limit > f.Lanes*regs {
		f.ADDQ(operand.I8(f.Lanes*regs), s.n)
		f.JL(operand.LabelRef("tail"))
	}
}

// ones declares n ones and n zeros and returns the address of the first zero.
func (f *File) ones(n int) operand.Mem {
	name := fmt.Sprint("masks", n)
	if _, ok := f.data[name]; !ok {
		ones := make([]operand.Constant, n/2)
		for i := range ones {
			ones[i] = operand.U64(math.MaxUint64)
		}
		f.Rodata(name, ones...)
		f.AddDatum(4*(2*n-2), operand.U64(0)) // the assembler fills the gap with zeros
	}
	return f.data[name].Offset(4 * n)
}

// opmasks is the tail if masks are registers of their own kind. They are made by shifts.
func (s *span) opmasks(limit, regs int, body func()) {
	f, ones := s.f, s.f.GP64()
	f.Comment("The rest, under masks of as many ones as elements are left.")
	f.MOVQ(s.n, reg.RCX)
	f.SUBQ(s.i, reg.RCX)
	f.JZ(operand.LabelRef("done"))
	f.MOVQ(operand.I32(-1), ones)
	f.SHLQ(reg.CL, ones)
	f.NOTQ(ones)
	if limit > f.Lanes*regs {
		f.Label("tail")
	}
	for r := range regs {
		if r > 0 {
			f.SHRQ(operand.U8(f.Lanes), ones)
		}
		m := f.K()
		f.KMOVW(ones.As32(), m)
		s.mask = append(s.mask, m)
	}
	body()
	if limit > f.Lanes*regs {
		f.SHRQ(operand.U8(f.Lanes), ones)
		f.JNZ(operand.LabelRef("tail"))
	}
}

// at returns the address of register r of the block.
func (s *span) at(slice string, r int) operand.Mem {
	return operand.Mem{Base: s.base[slice], Index: s.i, Scale: 4, Disp: 4 * s.f.Lanes * r}
}

// load returns register r of the block.
func (s *span) load(slice string, r int) reg.VecVirtual {
	v := s.f.Vec()
	switch {
	case s.mask == nil:
		s.f.VMOVUPS(s.at(slice, r), v)
	case s.f.wide():
		s.f.VMOVUPS_Z(s.at(slice, r), s.mask[r], v)
	default:
		s.f.VMASKMOVPS(s.at(slice, r), s.mask[r], v)
	}
	return v
}

// store writes register r of the block.
func (s *span) store(v reg.VecVirtual, slice string, r int) {
	switch {
	case s.mask == nil:
		s.f.VMOVUPS(v, s.at(slice, r))
	case s.f.wide():
		s.f.VMOVUPS(v, s.mask[r], s.at(slice, r))
	default:
		s.f.VMASKMOVPS(v, s.mask[r], s.at(slice, r))
	}
}

// zeroRest clears those lanes of v, which stands for register r of the block, that lie beyond the
// end. Masks must be vectors.
func (s *span) zeroRest(v reg.VecVirtual, r int) {
	if s.mask != nil {
		s.f.VANDPS(s.mask[r], v, v)
	}
}

// accumulate is acc = op(src…) with Go's order of operands, for register r of the block. Lanes beyond
// the end must not change, except for the sign of a zero. A mask keeps them with AVX-512; with AVX2
// op itself must, given what src holds there.
func (s *span) accumulate(op func(...operand.Op), r int, acc reg.VecVirtual, src ...operand.Op) {
	if s.mask != nil && s.f.wide() {
		src = append(src, s.mask[r])
	}
	op(append(src, acc)...)
}
