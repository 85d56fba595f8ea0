package avx2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduce writes Sum, Max and IndexAtLeast.
func reduce(f *file) {
	f.Begin("Sum")
	s := f.span("x")
	sum := f.zeros(2)
	block := func() {
		for r := range sum {
			f.VADDPS(s.load("x", r), sum[r], sum[r])
		}
	}
	s.loop(2, block)
	s.tail(16, 2, block)
	f.fold(sum, f.VADDPS)
	f.End(sum[0])

	f.Begin("Max")
	s = f.span("x")
	low := f.constant("negInf", operand.U32(0xff800000))
	m := make([]reg.VecVirtual, 4)
	for r := range m {
		m[r] = f.YMM()
		f.VMOVAPS(low, m[r])
	}
	block = func() {
		for r := range m {
			x := s.load("x", r)
			if s.mask != nil {
				f.VBLENDVPS(s.mask[r], x, low, x)
			}
			f.VMAXPS(m[r], x, m[r]) // where one is NaN, VMAXPS gives its first operand here
		}
	}
	s.loop(4, block)
	s.tail(32, 4, block)
	f.fold(m, f.VMAXPS)
	f.End(m[0])

	f.indexAtLeast()
}

// cmpLessEqual is the predicate of VCMPPS that is false for NaN.
const cmpLessEqual = operand.U8(0x12)

func (f *file) indexAtLeast() {
	f.Begin("IndexAtLeast")
	s := f.span("x")
	least := f.broadcast("least")
	hits := f.GP32()
	s.loop(4, func() {
		m := make([]reg.VecVirtual, 4)
		for r := range m {
			m[r] = f.YMM()
			f.VCMPPS(cmpLessEqual, s.at("x", r), least, m[r])
		}
		f.VORPS(m[0], m[1], m[0])
		f.VORPS(m[2], m[3], m[2])
		f.VORPS(m[0], m[2], m[0])
		f.VPTEST(m[0], m[0])
		f.JNZ(operand.LabelRef("end32"))
	})
	f.Comment("It is in the next 32, in the rest or nowhere.")
	test := func() {
		m := f.YMM()
		f.VCMPPS(cmpLessEqual, s.load("x", 0), least, m)
		if s.mask != nil {
			f.VANDPS(s.mask[0], m, m)
		}
		f.VMOVMSKPS(m, hits)
		f.TESTL(hits, hits)
		f.JNZ(operand.LabelRef("found"))
	}
	s.loop(1, test)
	s.tail(8, 1, test)
	f.MOVQ(f.Addr(f.Param("x").Len()), s.i)
	f.JMP(operand.LabelRef("return"))
	f.Label("found")
	f.BSFL(hits, hits)
	f.ADDQ(hits.As64(), s.i)
	f.Label("return")
	f.MOVQ(s.i, f.Addr(f.ReturnIndex(0)))
	f.End()
}
