package amd64

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Reduce writes Sum, Max and IndexAtLeast.
func Reduce(f *File) {
	f.Begin("Sum")
	s := f.span("x")
	sum := f.Zeros(16 / f.Lanes)
	add := func() {
		for r := range sum {
			s.accumulate(f.VADDPS, r, sum[r], s.load("x", r), sum[r])
		}
	}
	s.loop(len(sum), add)
	s.tail(16, len(sum), add)
	f.fold(sum, f.VADDPS)
	f.End(sum[0])

	f.Begin("Max")
	s = f.span("x")
	negInf := func() reg.VecVirtual { return f.Constant("negInf", operand.U32(0xff800000)) }
	m := []reg.VecVirtual{negInf(), negInf(), negInf(), negInf()}
	larger := func(regs int) func() {
		return func() {
			beyond := func(x reg.VecVirtual, r int) {}
			if s.mask != nil && !f.wide() {
				low := negInf()
				beyond = func(x reg.VecVirtual, r int) { f.VBLENDVPS(s.mask[r], x, low, x) }
			}
			for r := range regs {
				x := s.load("x", r)
				beyond(x, r)
				s.accumulate(f.VMAXPS, r, m[r], m[r], x) // if one is NaN, VMAXPS gives its first operand here
			}
		}
	}
	s.loop(4, larger(4))
	tail := 4
	if f.wide() {
		tail = 1 // opmasks can only be made one after the other
	}
	s.tail(4*f.Lanes, tail, larger(tail))
	f.fold(m, f.VMAXPS)
	f.End(m[0])

	f.Begin("IndexAtLeast")
	s = f.span("x")
	least := f.Broadcast("least")
	s.loop(4, func() {
		s.anyAtLeast(least)
		f.JNZ(operand.LabelRef(fmt.Sprint("end", 4*f.Lanes)))
	})
	f.Commentf("It is in the next %d, in the rest or nowhere.", 4*f.Lanes)
	hits := f.GP32()
	test := func() {
		s.whereAtLeast(least, hits)
		f.TESTL(hits, hits)
		f.JNZ(operand.LabelRef("found"))
	}
	s.loop(1, test)
	s.tail(f.Lanes, 1, test)
	f.MOVQ(f.Addr(f.Param("x").Len()), s.i)
	f.JMP(operand.LabelRef("return"))
	f.Label("found")
	f.BSFL(hits, hits)
	f.ADDQ(hits.As64(), s.i)
	f.Label("return")
	f.MOVQ(s.i, f.Addr(f.ReturnIndex(0)))
	f.End()
}

// cmpLessEqual is the predicate of VCMPPS that is false for NaN.
const cmpLessEqual = operand.U8(0x12)

// anyAtLeast clears the zero flag if any element of a block of four registers of x is at least least.
func (s *span) anyAtLeast(least reg.VecVirtual) {
	f := s.f
	if f.wide() {
		hit := f.K()
		f.VCMPPS(cmpLessEqual, s.at("x", 0), least, hit)
		for r := 1; r < 4; r++ {
			k := f.K()
			f.VCMPPS(cmpLessEqual, s.at("x", r), least, k)
			f.KORW(k, hit, hit)
		}
		f.KORTESTW(hit, hit)
		return
	}
	m := make([]reg.VecVirtual, 4)
	for r := range m {
		m[r] = f.Vec()
		f.VCMPPS(cmpLessEqual, s.at("x", r), least, m[r])
	}
	f.VORPS(m[0], m[1], m[0])
	f.VORPS(m[2], m[3], m[2])
	f.VORPS(m[0], m[2], m[0])
	f.VPTEST(m[0], m[0])
}

// whereAtLeast sets the bits of hits that stand for elements of a register of x that are at least
// least.
func (s *span) whereAtLeast(least reg.VecVirtual, hits reg.GPVirtual) {
	f := s.f
	if f.wide() {
		hit := f.K()
		if s.mask == nil {
			f.VCMPPS(cmpLessEqual, s.at("x", 0), least, hit)
		} else {
			f.VCMPPS(cmpLessEqual, s.load("x", 0), least, s.mask[0], hit)
		}
		f.KMOVW(hit, hits)
		return
	}
	m := f.Vec()
	f.VCMPPS(cmpLessEqual, s.load("x", 0), least, m)
	s.zeroRest(m, 0)
	f.VMOVMSKPS(m, hits)
}
