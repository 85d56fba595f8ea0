package avx2

// dot writes Dot and SquaredDistance: 32 lanes in four registers, whose FMA
// latencies overlap just enough to keep both load ports busy.
func dot(f *file) {
	for _, name := range []string{"Dot", "SquaredDistance"} {
		f.Begin(name)
		s := f.span("x", "y")
		sum := f.zeros(4)
		block := func() {
			for r := range sum {
				x, y := s.load("x", r), s.load("y", r)
				if name == "Dot" {
					f.VFMADD231PS(y, x, sum[r])
				} else {
					f.VSUBPS(y, x, x)
					f.VFMADD231PS(x, x, sum[r])
				}
			}
		}
		s.loop(4, block)
		s.tail(32, 4, block)
		f.fold(sum, f.VADDPS)
		f.End(sum[0])
	}
}
