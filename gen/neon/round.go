package neon

// roundBFloat16 works in integers but for its comparisons.
func roundBFloat16(a *asm) {
	dst, in, n := a.arg("dst_base"), []reg{a.arg("x_base")}, a.arg("dst_len")
	words := a.table("bf16",
		uint32(1), uint32(1<<15-1), uint32(1<<31-1), uint32((127-56)<<23), uint32(0x7fc00000), uint32(0xffff0000))
	one, half, rest, least, nan, upper := a.vec(), a.vec(), a.vec(), a.vec(), a.vec(), a.vec()
	for _, v := range []vec{one, half, rest, least, nan, upper} {
		a.ld1r(v, words)
	}
	magnitude, mask, y := a.vec(), a.vec(), a.vec()
	a.elements(n, dst, in, func(x [][]vec) {
		for _, v := range x[0] {
			a.ushr(y, v, 16)
			a.and(y, y, one)
			a.iadd(y, y, half)
			a.iadd(y, y, v)
			a.fcmeq(mask, v, v)
			a.bif(y, nan, mask)
			a.and(magnitude, v, rest)
			a.fcmgt(mask, least, magnitude)
			a.isub(v, v, magnitude) // the sign
			a.bif(v, y, mask)
			a.and(v, v, upper)
		}
	})
}
