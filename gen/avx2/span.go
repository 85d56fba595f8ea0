package avx2

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A span walks float32 slices side by side: loops over whole blocks first,
// then a tail whose loads give 0 and whose stores do nothing beyond the end.
type span struct {
	f    *file
	base map[string]reg.GPVirtual
	i, n reg.GPVirtual
	mask []reg.VecVirtual // of the block's registers in the tail, nil in a loop
}

// span begins a walk over the named slices. The length is that of the first.
func (f *file) span(slices ...string) *span {
	s := &span{f: f, base: make(map[string]reg.GPVirtual)}
	for _, name := range slices {
		s.base[name] = f.Arg(f.Param(name).Base())
	}
	s.n = f.Arg(f.Param(slices[0]).Len())
	s.i = f.GP64()
	f.XORQ(s.i, s.i)
	return s
}

// loop repeats the body while a block of 8·regs elements is left.
func (s *span) loop(regs int, body func()) {
	f, end := s.f, s.f.GP64()
	top, after := fmt.Sprint("loop", 8*regs), fmt.Sprint("end", 8*regs)
	f.Commentf("Blocks of %d.", 8*regs)
	f.MOVQ(s.n, end)
	f.ANDQ(operand.I8(-8*regs), end)
	f.CMPQ(s.i, end)
	f.JGE(operand.LabelRef(after))
	f.Label(top)
	body()
	f.ADDQ(operand.I8(8*regs), s.i)
	f.CMPQ(s.i, end)
	f.JLT(operand.LabelRef(top))
	f.Label(after)
}

// tail repeats the body for the rest of fewer than limit elements, 8·regs at a time.
func (s *span) tail(limit, regs int, body func()) {
	f, p := s.f, s.f.GP64()
	f.Comment("The rest. A mask begins with as many ones as elements are left.")
	f.SUBQ(s.i, s.n)
	f.JZ(operand.LabelRef("done"))
	f.LEAQ(f.masks(limit), p)
	f.NEGQ(s.n)
	if limit > 8*regs {
		f.Label("tail")
	}
	for r := range regs {
		m := f.YMM()
		f.VMOVUPS(operand.Mem{Base: p, Index: s.n, Scale: 4, Disp: 32 * r}, m)
		s.mask = append(s.mask, m)
	}
	body()
	if limit > 8*regs {
		f.ADDQ(operand.I8(8*regs), s.i)
		f.ADDQ(operand.I8(8*regs), s.n)
		f.JL(operand.LabelRef("tail"))
	}
	f.Label("done")
}

// masks lays down n ones and n zeros and returns the place of the first zero.
func (f *file) masks(n int) operand.Mem {
	name := fmt.Sprint("masks", n)
	if !f.Has(name) {
		ones := make([]operand.Constant, n/2)
		for i := range ones {
			ones[i] = operand.U64(math.MaxUint64)
		}
		f.Rodata(name, ones...)
		f.AddDatum(4*(2*n-2), operand.U64(0)) // the assembler fills the gap with zeros
	}
	return f.Rodata(name).Offset(4 * n)
}

func (s *span) at(slice string, r int) operand.Mem {
	return operand.Mem{Base: s.base[slice], Index: s.i, Scale: 4, Disp: 32 * r}
}

// load returns register r of the block.
func (s *span) load(slice string, r int) reg.VecVirtual {
	v := s.f.YMM()
	if s.mask == nil {
		s.f.VMOVUPS(s.at(slice, r), v)
	} else {
		s.f.VMASKMOVPS(s.at(slice, r), s.mask[r], v)
	}
	return v
}

// store writes register r of the block.
func (s *span) store(v reg.VecVirtual, slice string, r int) {
	if s.mask == nil {
		s.f.VMOVUPS(v, s.at(slice, r))
	} else {
		s.f.VMASKMOVPS(v, s.mask[r], s.at(slice, r))
	}
}
