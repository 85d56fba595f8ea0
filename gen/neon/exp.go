package neon

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

func sumExp(a *asm) {
	acc := a.vecs(4)
	a.comment("16 lanes from +0")
	for _, v := range acc {
		a.zero(v)
	}
	exponentials(a, acc, false)
	a.tree(acc)
}

func expLanes(a *asm) {
	lane, acc := a.arg("lane"), a.vecs(4)
	a.comment("the 16 lanes that are given")
	a.ld1(acc, lane)
	exponentials(a, acc, true)
	a.label("tree")
	a.comment("after an odd number of blocks the halves stand exchanged, 32 bytes apart")
	n, low, high := a.arg("x_len"), a.reg(), a.reg()
	a.subi(lane, lane, 64)
	a.andi(n, n, 8)
	a.addlsl(low, lane, n, 2)
	a.eori(n, n, 8)
	a.addlsl(high, lane, n, 2)
	a.st1(acc[:2], low)
	a.st1(acc[2:], high)
	a.ret()
}

// exponentials writes code that adds exponentials to the 16 lanes acc, and stores them or does not, 8
// elements at a time, and that ends with a jump to "tree". The lanes change halves after each block:
// acc[0] and acc[1] are always the next to be added to. Because the tree begins with acc[0]+acc[2]
// and acc[1]+acc[3], it does not matter which half is which in the end. The last 1 to 7 elements go
// through the code of whole blocks: a quad, if there is one, in e.x[0], and the 1 to 3 elements after
// it in e.x[1].
func exponentials(a *asm, acc []vec, stores bool) {
	x, n := a.arg("x_base"), a.arg("x_len")
	var dst reg
	if stores {
		dst = a.arg("dst_base")
	}
	shift := a.floatArg("shift")
	e := a.newExp()
	rest := a.reg()

	a.subsi(n, n, 8)
	a.blt("tail")

	a.label("loop")
	a.ld1(e.x, x)
	a.label("block")
	a.comment("x - shift")
	for _, v := range e.x {
		a.fsub(v, v, shift)
	}
	a.exp(e)
	a.tbnz(n, 63, "last")
	a.comment("all 8 count; the lanes change halves")
	for q, p := range e.p {
		a.fadd(e.t[q], acc[q], p)
	}
	for q := range e.p {
		a.mov(acc[q], acc[q+2])
		a.mov(acc[q+2], e.t[q])
	}
	if stores {
		a.st1(e.p, dst)
	}
	a.subsi(n, n, 8)
	a.bge("loop")

	a.label("tail")
	a.comment("n is negative now; its low bits are the elements left")
	a.andi(rest, n, 7)
	a.cbz(rest, "tree")
	a.tbz(rest, 2, "part")
	a.ld1(e.x[:1], x)
	a.label("part")
	a.loadParts(rest, part{e.x[1], x})
	a.b("block")

	a.label("last")
	a.comment("clear what stands beside the last 1 to 3 elements: it must not count")
	at, mask := a.reg(), e.t[0]
	a.movi(at, 3)
	a.bic(at, at, rest)
	a.addlsl(at, e.masks, at, 2)
	a.ld1at(mask, at)
	a.and(e.p[1], e.p[1], mask)
	store := "tree"
	if stores {
		store = "store"
	}
	a.tbz(rest, 2, "last0")
	a.fadd(acc[0], acc[0], e.p[0])
	a.fadd(acc[1], acc[1], e.p[1])
	if stores {
		a.st1(e.p[:1], dst)
	}
	a.b(store)
	a.label("last0")
	a.fadd(acc[0], acc[0], e.p[1])
	if stores {
		a.label("store")
		a.storePart(rest, part{e.p[1], dst})
	}
}

// An exp holds the registers that the exponential of two quads needs.
type exp struct {
	min, max, round, one vec
	mul                  vec // lanes Log2E, Ln2Hi, Ln2Lo
	coef                 []vec
	masks                reg // the 4 words from word 3−c are all ones in the first c, for c ≤ 3

	x, z, p, t []vec // x is the argument, p the result
}

// newExp loads the constants.
func (a *asm) newExp() exp {
	c := scalar.ExpCoef
	if c[5] != 1 || c[6] != 1 {
		panic("neon: the polynomial of exp does not end in 1, 1")
	}
	const ones = uint32(math.MaxUint32)
	null := uint32(0)

	a.comment("constants")
	e := exp{masks: a.table("exp",
		float32(scalar.Log2E), float32(scalar.Ln2Hi), float32(scalar.Ln2Lo), null,
		float32(scalar.ExpMin), float32(scalar.ExpMax), float32(scalar.ExpRound),
		c[0], c[1], c[2], c[3], c[4], c[5],
		ones, ones, ones, null, null, null, null)}
	e.mul = a.vec()
	a.ld1([]vec{e.mul}, e.masks)
	load := func() vec {
		v := a.vec()
		a.ld1r(v, e.masks)
		return v
	}
	e.min, e.max, e.round = load(), load(), load()
	e.coef = make([]vec, 7)
	for i := range 6 {
		e.coef[i] = load()
	}
	e.coef[6], e.one = e.coef[5], e.coef[5]
	e.x, e.z, e.p, e.t = a.vecs(2), a.vecs(2), a.vecs(2), a.vecs(2)
	return e
}

// exp writes p = exp(x), as scalar.Exp, for two quads.
func (a *asm) exp(e exp) {
	x, z, p, t := e.x, e.z, e.p, e.t
	each := func(f func(q int)) {
		for q := range x {
			f(q)
		}
	}
	a.comment("clamp; FMAX and FMIN keep a NaN")
	each(func(q int) { a.fmax(x[q], x[q], e.min) })
	each(func(q int) { a.fmin(x[q], x[q], e.max) })
	a.comment("z = x*Log2E + ExpRound, in its low bits k = round(x/ln2)")
	each(func(q int) { a.mov(z[q], e.round) })
	each(func(q int) { a.fmlaLane(z[q], x[q], e.mul, 0) })
	a.comment("r = x - k*ln2, in two steps")
	each(func(q int) { a.fsub(p[q], z[q], e.round) })
	each(func(q int) { a.fmlsLane(x[q], p[q], e.mul, 1) })
	each(func(q int) { a.fmlsLane(x[q], p[q], e.mul, 2) })
	a.comment("k as an integer")
	each(func(q int) { a.isub(z[q], z[q], e.round) })

	a.comment("Horner's rule, p = p*r + c: FMLA overwrites c, so that p moves between two registers")
	each(func(q int) { a.mov(t[q], e.coef[1]) })
	each(func(q int) { a.fmla(t[q], e.coef[0], x[q]) })
	from, to := t, p
	for _, c := range e.coef[2:] {
		each(func(q int) { a.mov(to[q], c) })
		each(func(q int) { a.fmla(to[q], from[q], x[q]) })
		from, to = to, from
	}
	p, t = from, to

	a.comment("p * 2^(k>>1) * 2^(k - (k>>1)): one power alone can not reach the subnormals")
	each(func(q int) { a.sshr(t[q], z[q], 1) })
	each(func(q int) { a.isub(z[q], z[q], t[q]) })
	each(func(q int) { a.shl(t[q], t[q], 23) })
	each(func(q int) { a.shl(z[q], z[q], 23) })
	each(func(q int) { a.iadd(t[q], t[q], e.one) })
	each(func(q int) { a.iadd(z[q], z[q], e.one) })
	each(func(q int) { a.fmul(t[q], t[q], p[q]) })
	each(func(q int) { a.fmul(e.p[q], t[q], z[q]) })
}
