package amd64

import "github.com/mmcloughlin/avo/reg"

// Elementwise writes the kernels that work on each element alone.
func Elementwise(f *File) {
	f.Begin("Axpy")
	s := f.span("y", "x")
	alpha := f.Broadcast("alpha")
	s.elements("y", func(r int) reg.VecVirtual {
		y, x := s.load("y", r), s.load("x", r)
		f.VFMADD231PS(x, alpha, y)
		return y
	})

	f.Begin("Scale")
	s = f.span("dst", "x")
	alpha = f.Broadcast("alpha")
	s.elements("dst", func(r int) reg.VecVirtual {
		x := s.load("x", r)
		f.VMULPS(x, alpha, x)
		return x
	})

	f.Begin("Add")
	s = f.span("dst", "x", "y")
	s.elements("dst", func(r int) reg.VecVirtual {
		x, y := s.load("x", r), s.load("y", r)
		f.VADDPS(y, x, x)
		return x
	})

	f.Begin("MulShifted")
	s = f.span("dst", "x", "w")
	alpha = f.Broadcast("alpha")
	s.elements("dst", func(r int) reg.VecVirtual {
		x, w := s.load("x", r), s.load("w", r)
		f.VADDPS(alpha, w, w)
		f.VMULPS(w, x, x)
		return x
	})

	f.Begin("MaxAffine")
	s = f.span("dst", "x")
	alpha, c := f.Broadcast("alpha"), f.Broadcast("c")
	s.elements("dst", func(r int) reg.VecVirtual {
		x, d := s.load("x", r), s.load("dst", r)
		f.VFMADD213PS(c, alpha, x)
		f.VMAXPS(d, x, x) // if one is NaN or both are 0, VMAXPS gives its first operand here
		return x
	})
}

// elements stores what value returns for each register and ends the function. Masked stores of AVX2
// are slow on some CPUs, so there a loop of single registers leaves less than one to the tail.
func (s *span) elements(dst string, value func(r int) reg.VecVirtual) {
	block := func(regs int) func() {
		return func() {
			for r := range regs {
				s.store(value(r), dst, r)
			}
		}
	}
	rest := 4 * s.f.Lanes
	s.loop(4, block(4))
	if !s.f.wide() {
		s.loop(1, block(1))
		rest = s.f.Lanes
	}
	s.tail(rest, 1, block(1))
	s.f.End()
}
