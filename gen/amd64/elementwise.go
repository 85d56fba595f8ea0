package amd64

import "github.com/mmcloughlin/avo/reg"

// Elementwise writes the kernels that work on each element alone.
func Elementwise(f *File) {
	f.Begin("Axpy")
	s := f.Span("y", "x")
	alpha := f.Broadcast("alpha")
	s.elements("y", func(r int) reg.VecVirtual {
		y, x := s.Load("y", r), s.Load("x", r)
		f.VFMADD231PS(x, alpha, y)
		return y
	})

	f.Begin("Scale")
	s = f.Span("dst", "x")
	alpha = f.Broadcast("alpha")
	s.elements("dst", func(r int) reg.VecVirtual {
		x := s.Load("x", r)
		f.VMULPS(x, alpha, x)
		return x
	})

	f.Begin("Add")
	s = f.Span("dst", "x", "y")
	s.elements("dst", func(r int) reg.VecVirtual {
		x, y := s.Load("x", r), s.Load("y", r)
		f.VADDPS(y, x, x)
		return x
	})

	f.Begin("MulShifted")
	s = f.Span("dst", "x", "w")
	alpha = f.Broadcast("alpha")
	s.elements("dst", func(r int) reg.VecVirtual {
		x, w := s.Load("x", r), s.Load("w", r)
		f.VADDPS(alpha, w, w)
		f.VMULPS(w, x, x)
		return x
	})

	f.Begin("MaxAffine")
	s = f.Span("dst", "x")
	alpha, c := f.Broadcast("alpha"), f.Broadcast("c")
	s.elements("dst", func(r int) reg.VecVirtual {
		x, d := s.Load("x", r), s.Load("dst", r)
		f.VFMADD213PS(c, alpha, x)
		f.VMAXPS(d, x, x) // if one is NaN or both are 0, VMAXPS gives its first operand here
		return x
	})
}

// elements stores what value returns for each register and ends the function. Masked stores of AVX2
// are slow on some CPUs, so there a loop of single registers leaves less than one to the tail.
func (s *Span) elements(dst string, value func(r int) reg.VecVirtual) {
	block := func(regs int) func() {
		return func() {
			for r := range regs {
				s.Store(value(r), dst, r)
			}
		}
	}
	rest := 4 * s.f.Lanes
	s.Loop(4, block(4))
	if !s.f.wide() {
		s.Loop(1, block(1))
		rest = s.f.Lanes
	}
	s.Tail(rest, 1, block(1))
	s.f.End()
}
