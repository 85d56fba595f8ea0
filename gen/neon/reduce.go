package neon

import "math"

func sum(a *asm) {
	in, n := []reg{a.arg("x_base")}, a.arg("x_len")
	acc := a.vecs(4)
	a.chains(n, in, acc, func(acc []vec, x [][]vec) {
		for q := range acc {
			a.fadd(acc[q], acc[q], x[0][q])
		}
	})
	a.tree(acc)
}

// maximum writes Max. FMAXNM ignores a quiet NaN, but turns a signalling one into a quiet one and
// returns that. So a first FMAXNM of the element with itself makes all NaNs quiet, and a second one
// ignores them. The chain through a lane is one instruction long; with a comparison and a selection
// it would be two.
func maximum(a *asm) {
	x, n := a.arg("x_base"), a.arg("x_len")
	acc, v := a.vecs(4), a.vecs(4)
	step := func(acc, v []vec) {
		for q := range v {
			a.fmaxnm(v[q], v[q], v[q])
		}
		for q := range v {
			a.fmaxnm(acc[q], acc[q], v[q])
		}
	}

	a.comment("16 lanes from -Inf")
	inf := a.reg()
	a.movi(inf, int(math.Float32bits(float32(math.Inf(-1)))))
	for _, m := range acc {
		a.dup(m, inf)
	}
	a.subsi(n, n, 16)
	a.blt("quads")

	a.label("loop16")
	a.comment("16 elements: a NaN is made quiet, then ignored")
	a.ld1(v, x)
	step(acc, v)
	a.subsi(n, n, 16)
	a.bge("loop16")

	a.label("quads")
	a.addsi(n, n, 16-4)
	a.blt("ones")
	a.label("loop4")
	a.comment("a quad")
	a.ld1(v[:1], x)
	step(acc, v[:1])
	a.subsi(n, n, 4)
	a.bge("loop4")

	a.label("ones")
	a.addsi(n, n, 4)
	a.beq("lanes")
	a.label("loop1")
	a.comment("one element in all lanes")
	a.ld1r(v[0], x)
	step(acc, v[:1])
	a.subsi(n, n, 1)
	a.bne("loop1")

	a.label("lanes")
	a.comment("the largest lane; +0 turns -0 into +0")
	a.fmaxnm(acc[0], acc[0], acc[1])
	a.fmaxnm(acc[2], acc[2], acc[3])
	a.fmaxnm(acc[0], acc[0], acc[2])
	a.fmaxnmv(acc[0], acc[0])
	a.zero(v[0])
	a.fadds(acc[0], acc[0], v[0])
	a.result(acc[0])
}

// indexAtLeast looks at 16 elements at a time. If one of them is large enough it looks at them one by
// one, and so it does at the last ones.
func indexAtLeast(a *asm) {
	x, n, size := a.arg("x_base"), a.arg("x_len"), a.arg("x_len")
	least, v, hits := a.floatArg("least"), a.vecs(4), a.reg()
	a.subsi(n, n, 16)
	a.blt("ones")
	a.label("loop16")
	a.comment("16 elements")
	a.ld1(v, x)
	for q := range v {
		a.fcmge(v[q], v[q], least)
	}
	a.orr(v[0], v[0], v[1])
	a.orr(v[2], v[2], v[3])
	a.orr(v[0], v[0], v[2])
	a.ext8(v[1], v[0], v[0])
	a.orr(v[0], v[0], v[1])
	a.pair(hits, v[0])
	a.cbnz(hits, "hit")
	a.subsi(n, n, 16)
	a.bge("loop16")
	a.b("ones")

	a.label("hit")
	a.comment("back to the first of the 16")
	a.subi(x, x, 64)
	a.label("ones")
	a.addsi(n, n, 16)
	a.beq("done")
	a.label("loop1")
	a.comment("one element")
	a.ldrs(v[0], x)
	a.fcmps(v[0], least)
	a.bge("done")
	a.subsi(n, n, 1)
	a.bne("loop1")
	a.label("done")
	a.comment("n elements are left, with that found")
	a.sub(size, size, n)
	a.intResult(size)
}
