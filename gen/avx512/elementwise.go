package avx512

import "github.com/mmcloughlin/avo/reg"

// elementwise writes the kernels that work on each element alone.
func elementwise(f *file) {
	f.Begin("Axpy")
	s := f.span("y", "x")
	alpha := f.broadcast("alpha")
	f.elements(s, "y", func(r int) reg.VecVirtual {
		y, x := s.load("y", r), s.load("x", r)
		f.VFMADD231PS(x, alpha, y)
		return y
	})

	f.Begin("Scale")
	s = f.span("dst", "x")
	alpha = f.broadcast("alpha")
	f.elements(s, "dst", func(r int) reg.VecVirtual {
		x := s.load("x", r)
		f.VMULPS(x, alpha, x)
		return x
	})

	f.Begin("Add")
	s = f.span("dst", "x", "y")
	f.elements(s, "dst", func(r int) reg.VecVirtual {
		x, y := s.load("x", r), s.load("y", r)
		f.VADDPS(y, x, x)
		return x
	})

	f.Begin("MulShifted")
	s = f.span("dst", "x", "w")
	alpha = f.broadcast("alpha")
	f.elements(s, "dst", func(r int) reg.VecVirtual {
		x, w := s.load("x", r), s.load("w", r)
		f.VADDPS(alpha, w, w)
		f.VMULPS(w, x, x)
		return x
	})

	f.Begin("MaxAffine")
	s = f.span("dst", "x")
	alpha, c := f.broadcast("alpha"), f.broadcast("c")
	f.elements(s, "dst", func(r int) reg.VecVirtual {
		x, d := s.load("x", r), s.load("dst", r)
		f.VFMADD213PS(c, alpha, x)
		f.VMAXPS(d, x, x) // where one is NaN or both are 0, VMAXPS gives its first operand here
		return x
	})
}

// elements stores what value returns for each register and ends the function.
func (f *file) elements(s *span, dst string, value func(r int) reg.VecVirtual) {
	block := func(regs int) func() {
		return func() {
			for r := range regs {
				s.store(value(r), dst, r)
			}
		}
	}
	s.loop(4, block(4))
	s.tail(64, 1, block(1))
	f.End()
}
