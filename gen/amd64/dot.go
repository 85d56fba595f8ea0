package amd64

// Dot writes Dot and SquaredDistance. The 32 lanes are four registers of AVX2, whose FMA latencies
// overlap just enough to keep both load ports busy. They are two registers of AVX-512: a register of
// x and one of y take two cycles to load, so two of each take the latency of an FMA.
func Dot(f *File) {
	regs := 32 / f.Lanes
	for _, name := range []string{"Dot", "SquaredDistance"} {
		f.Begin(name)
		s := f.span("x", "y")
		sum := f.Zeros(regs)
		block := func() {
			for r := range sum {
				x, y := s.load("x", r), s.load("y", r)
				if name == "SquaredDistance" {
					f.VSUBPS(y, x, x)
					y = x
				}
				s.accumulate(f.VFMADD231PS, r, sum[r], y, x)
			}
		}
		s.loop(regs, block)
		s.tail(32, regs, block)
		f.fold(sum, f.VADDPS)
		f.End(sum[0])
	}
}
