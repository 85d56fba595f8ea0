package avx2

import "github.com/mmcloughlin/avo/operand"

// round writes RoundBFloat16, in integers, 8 at a time: it is called on blocks that are multiplied often.
func round(f *file) {
	f.Begin("RoundBFloat16")
	s := f.span("dst", "x")
	block := func() {
		x := s.load("x", 0)
		odd, y, magnitude, nan, small := f.YMM(), f.YMM(), f.YMM(), f.YMM(), f.YMM()
		f.VPSRLD(operand.U8(16), x, odd)
		f.VPAND(f.int8("one", 1), odd, odd)
		f.VPADDD(f.int8("half", 1<<15-1), x, y)
		f.VPADDD(odd, y, y)
		f.VPAND(f.int8("magnitude", 1<<31-1), x, magnitude)
		f.VPCMPGTD(f.int8("inf", 0xff<<23), magnitude, nan)
		f.VPOR(f.int8("quiet", 1<<22), x, x)
		f.VPBLENDVB(nan, x, y, y)
		f.VMOVDQU(f.int8("least", (127-56)<<23), small)
		f.VPCMPGTD(magnitude, small, small)
		f.VPSRLD(operand.U8(1), small, small) // all bits but the sign
		f.VPANDN(y, small, y)
		f.VPAND(f.int8("upper", -1<<16), y, y)
		s.store(y, "dst", 0)
	}
	s.loop(1, block)
	s.tail(8, 1, block)
	f.End()
}
