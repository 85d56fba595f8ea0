package avx512

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A span walks float32 slices side by side: loops over whole blocks first,
// then a tail whose loads give 0 and whose stores do nothing beyond the end.
type span struct {
	f    *file
	base map[string]reg.GPVirtual
	i, n reg.GPVirtual
	mask []reg.OpmaskVirtual // of the block's registers in the tail, nil in a loop
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

// loop repeats the body while a block of 16·regs elements is left.
func (s *span) loop(regs int, body func()) {
	f, end := s.f, s.f.GP64()
	top, after := fmt.Sprint("loop", 16*regs), fmt.Sprint("end", 16*regs)
	f.Commentf("Blocks of %d.", 16*regs)
	f.MOVQ(s.n, end)
	f.ANDQ(operand.I8(-16*regs), end)
	f.CMPQ(s.i, end)
	f.JGE(operand.LabelRef(after))
	f.Label(top)
	body()
	f.ADDQ(operand.I8(16*regs), s.i)
	f.CMPQ(s.i, end)
	f.JLT(operand.LabelRef(top))
	f.Label(after)
}

// tail repeats the body for the rest of fewer than limit elements, 16·regs at a time; limit is at most 64.
func (s *span) tail(limit, regs int, body func()) {
	f, ones := s.f, s.f.GP64()
	f.Comment("The rest, under masks of as many ones as elements are left.")
	f.MOVQ(s.n, reg.RCX)
	f.SUBQ(s.i, reg.RCX)
	f.JZ(operand.LabelRef("done"))
	f.MOVQ(operand.I32(-1), ones)
	f.SHLQ(reg.CL, ones)
	f.NOTQ(ones)
	if limit > 16*regs {
		f.Label("tail")
	}
	for r := range regs {
		if r > 0 {
			f.SHRQ(operand.U8(16), ones)
		}
		s.mask = append(s.mask, f.K())
		f.KMOVW(ones.As32(), s.mask[r])
	}
	body()
	if limit > 16*regs {
		f.ADDQ(operand.I8(16*regs), s.i)
		f.SHRQ(operand.U8(16), ones)
		f.JNZ(operand.LabelRef("tail"))
	}
	f.Label("done")
}

func (s *span) at(slice string, r int) operand.Mem {
	return operand.Mem{Base: s.base[slice], Index: s.i, Scale: 4, Disp: 64 * r}
}

// load returns register r of the block.
func (s *span) load(slice string, r int) reg.VecVirtual {
	v := s.f.ZMM()
	if s.mask == nil {
		s.f.VMOVUPS(s.at(slice, r), v)
	} else {
		s.f.VMOVUPS_Z(s.at(slice, r), s.mask[r], v)
	}
	return v
}

// store writes register r of the block.
func (s *span) store(v reg.VecVirtual, slice string, r int) {
	if s.mask == nil {
		s.f.VMOVUPS(v, s.at(slice, r))
	} else {
		s.f.VMOVUPS(v, s.mask[r], s.at(slice, r))
	}
}

// inPlace is d = op(src…, d) with Go's order of operands, which in the tail leaves
// the lanes of d beyond the end as they are.
func (s *span) inPlace(op func(...operand.Op), r int, d reg.VecVirtual, src ...operand.Op) {
	if s.mask != nil {
		src = append(src, s.mask[r])
	}
	op(append(src, d)...)
}
