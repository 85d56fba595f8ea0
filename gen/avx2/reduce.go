package avx2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduce writes Sum and Max.
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
}
