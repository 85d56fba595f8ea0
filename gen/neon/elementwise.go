package neon

func axpy(a *asm) {
	// y has two pointers: one reads, one writes.
	y, in, n := a.arg("y_base"), []reg{a.arg("y_base"), a.arg("x_base")}, a.arg("y_len")
	alpha := a.floatArg("alpha")
	a.elements(n, y, in, func(x [][]vec) {
		for q := range x[0] {
			a.fmla(x[0][q], x[1][q], alpha)
		}
	})
}

func scale(a *asm) {
	dst, in, n := a.arg("dst_base"), []reg{a.arg("x_base")}, a.arg("dst_len")
	alpha := a.floatArg("alpha")
	a.elements(n, dst, in, func(x [][]vec) {
		for q := range x[0] {
			a.fmul(x[0][q], x[0][q], alpha)
		}
	})
}

func add(a *asm) {
	dst, in, n := a.arg("dst_base"), []reg{a.arg("x_base"), a.arg("y_base")}, a.arg("dst_len")
	a.elements(n, dst, in, func(x [][]vec) {
		for q := range x[0] {
			a.fadd(x[0][q], x[0][q], x[1][q])
		}
	})
}

func mulShifted(a *asm) {
	dst, in, n := a.arg("dst_base"), []reg{a.arg("w_base"), a.arg("x_base")}, a.arg("dst_len")
	alpha := a.floatArg("alpha")
	a.elements(n, dst, in, func(x [][]vec) {
		for q := range x[0] {
			a.fadd(x[0][q], x[0][q], alpha)
		}
		for q := range x[0] {
			a.fmul(x[0][q], x[0][q], x[1][q])
		}
	})
}

func maxAffine(a *asm) {
	// dst has two pointers: one reads, one writes.
	dst, in, n := a.arg("dst_base"), []reg{a.arg("dst_base"), a.arg("x_base")}, a.arg("dst_len")
	alpha, c, m := a.floatArg("alpha"), a.floatArg("c"), a.vecs(4)
	a.elements(n, dst, in, func(x [][]vec) {
		for q := range x[0] {
			a.mov(m[q], c)
			a.fmla(m[q], x[1][q], alpha)
		}
		for q := range x[0] {
			a.fcmgt(x[1][q], m[q], x[0][q])
			a.bit(x[0][q], m[q], x[1][q])
		}
	})
}

// elements writes a function of n elements, 16, 4 and then 1 at a time. step
// replaces x[0][quad] by the result, from x[operand][quad].
func (a *asm) elements(n, dst reg, in []reg, step func(x [][]vec)) {
	x := make([][]vec, len(in))
	first := make([][]vec, len(in))
	for i := range in {
		x[i] = a.vecs(4)
		first[i] = x[i][:1]
	}
	block := func(x [][]vec) {
		for i := range in {
			a.ld1(x[i], in[i])
		}
		step(x)
		a.st1(x[0], dst)
	}

	a.subsi(n, n, 16)
	a.blt("quads")
	a.label("loop16")
	a.comment("16 elements")
	block(x)
	a.subsi(n, n, 16)
	a.bge("loop16")

	a.label("quads")
	a.addsi(n, n, 16-4)
	a.blt("ones")
	a.label("loop4")
	a.comment("a quad")
	block(first)
	a.subsi(n, n, 4)
	a.bge("loop4")

	a.label("ones")
	a.addsi(n, n, 4)
	a.beq("done")
	a.label("loop1")
	a.comment("one element in lane 0, zeros beside it")
	for i := range in {
		a.ldrs(x[i][0], in[i])
	}
	step(first)
	a.strs(x[0][0], dst)
	a.subsi(n, n, 1)
	a.bne("loop1")
	a.label("done")
	a.ret()
}
