package avx512

// dot writes Dot and SquaredDistance: 32 lanes in two registers. A register of x
// and one of y take two cycles to load, two of each the latency of an FMA.
func dot(f *file) {
	for _, name := range []string{"Dot", "SquaredDistance"} {
		f.Begin(name)
		s := f.span("x", "y")
		sum := f.zeros(2)
		block := func() {
			for r := range sum {
				x, y := s.load("x", r), s.load("y", r)
				if name == "SquaredDistance" {
					f.VSUBPS(y, x, x)
					y = x
				}
				s.inPlace(f.VFMADD231PS, r, sum[r], y, x)
			}
		}
		s.loop(2, block)
		s.tail(32, 2, block)
		f.fold(sum, f.VADDPS)
		f.End(sum[0])
	}
}
