package avx512

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduce writes Sum, Max and IndexAtLeast.
func reduce(f *file) {
	f.Begin("Sum")
	s := f.span("x")
	sum := f.zeros(1)
	add := func() { s.inPlace(f.VADDPS, 0, sum[0], s.load("x", 0), sum[0]) }
	s.loop(1, add)
	s.tail(16, 1, add)
	f.fold(sum, f.VADDPS)
	f.End(sum[0])

	f.Begin("Max")
	s = f.span("x")
	m := make([]reg.VecVirtual, 4)
	for r := range m {
		m[r] = f.constant("negInf", operand.U32(0xff800000))
	}
	block := func(regs int) func() {
		return func() {
			for r := range regs {
				// Where one is NaN, VMAXPS gives its first operand here.
				s.inPlace(f.VMAXPS, r, m[r], m[r], s.load("x", r))
			}
		}
	}
	s.loop(4, block(4))
	s.tail(64, 1, block(1))
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
	hit, hits := f.K(), f.GP32()
	s.loop(4, func() {
		for r := range 4 {
			if r == 0 {
				f.VCMPPS(cmpLessEqual, s.at("x", r), least, hit)
				continue
			}
			k := f.K()
			f.VCMPPS(cmpLessEqual, s.at("x", r), least, k)
			f.KORW(k, hit, hit)
		}
		f.KORTESTW(hit, hit)
		f.JNZ(operand.LabelRef("end64"))
	})
	f.Comment("It is in the next 64, in the rest or nowhere.")
	s.loop(1, func() {
		f.VCMPPS(cmpLessEqual, s.at("x", 0), least, hit)
		f.KMOVW(hit, hits)
		f.TESTL(hits, hits)
		f.JNZ(operand.LabelRef("found"))
	})
	s.tail(16, 1, func() {
		f.VCMPPS(cmpLessEqual, s.load("x", 0), least, s.mask[0], hit)
		f.KMOVW(hit, hits)
		f.TESTL(hits, hits)
		f.JNZ(operand.LabelRef("found"))
	})
	f.MOVQ(s.n, s.i)
	f.JMP(operand.LabelRef("return"))
	f.Label("found")
	f.BSFL(hits, hits)
	f.ADDQ(hits.As64(), s.i)
	f.Label("return")
	f.MOVQ(s.i, f.Addr(f.ReturnIndex(0)))
	f.End()
}
