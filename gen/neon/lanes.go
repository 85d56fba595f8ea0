package neon

import "fmt"

// A part is a register for 1 to 3 elements and their address.
type part struct {
	v vec
	p reg
}

// loadParts loads n mod 4 elements from each address, fills up the registers with 0, and advances
// the addresses.
func (a *asm) loadParts(n reg, parts ...part) {
	for _, x := range parts {
		a.zero(x.v)
	}
	a.tbz(n, 1, "load1")
	for _, x := range parts {
		a.ldrd(x.v, x.p)
	}
	a.tbz(n, 0, "loaded")
	for _, x := range parts {
		a.ld1s2(x.v, x.p)
	}
	a.b("loaded")
	a.label("load1")
	a.tbz(n, 0, "loaded")
	for _, x := range parts {
		a.ldrs(x.v, x.p)
	}
	a.label("loaded")
}

// storePart stores n mod 4 elements.
func (a *asm) storePart(n reg, x part) {
	a.tbz(n, 1, "store1")
	a.strd(x.v, x.p)
	a.tbz(n, 0, "stored")
	a.st1s2(x.v, x.p)
	a.b("stored")
	a.label("store1")
	a.tbz(n, 0, "stored")
	a.strs(x.v, x.p)
	a.label("stored")
}

// chains writes a sum over n elements in 4·len(acc) lanes, element i in lane i mod (4·len(acc)).
// step adds the elements x[operand][quad] to acc[quad]. If all operands are 0, as in the lanes after
// the last 1 to 3 elements, it must not change a lane, except for the sign of a zero.
func (a *asm) chains(n reg, in []reg, acc []vec, step func(acc []vec, x [][]vec)) {
	block := 4 * len(acc)
	x := make([][]vec, len(in))
	for i := range in {
		x[i] = a.vecs(len(acc))
	}
	parts := make([]part, len(in))
	rest := make([][]vec, len(in))
	for i := range in {
		parts[i] = part{a.vec(), a.reg()}
		rest[i] = []vec{parts[i].v}
	}
	quads := a.reg()

	a.comment("%d lanes from +0", block)
	for _, v := range acc {
		a.zero(v)
	}
	a.subsi(n, n, block)
	a.blt("tail")

	a.label("loop")
	a.comment("%d elements, one a lane", block)
	for i := range in {
		for q := 0; q < len(acc); q += 4 {
			a.ld1(x[i][q:q+4], in[i])
		}
	}
	step(acc, x)
	a.subsi(n, n, block)
	a.bge("loop")

	a.label("tail")
	a.comment("the low bits of n are the elements left; n mod 4 of them stand after the last quad")
	a.andi(n, n, block-1)
	a.cbz(n, "tree")
	a.andi(quads, n, block-4)
	for i := range in {
		a.addlsl(parts[i].p, in[i], quads, 2)
	}
	a.loadParts(n, parts...)
	a.comment("quads, then those that stand after")
	for q := range len(acc) - 1 {
		a.subsi(n, n, 4)
		a.blt(fmt.Sprintf("last%d", q))
		one := make([][]vec, len(in))
		for i := range in {
			one[i] = x[i][:1]
			a.ld1(one[i], in[i])
		}
		step(acc[q:q+1], one)
	}
	for q := len(acc) - 1; q >= 0; q-- {
		if q < len(acc)-1 {
			a.label(fmt.Sprintf("last%d", q))
		}
		step(acc[q:q+1], rest)
		if q > 0 {
			a.b("tree")
		}
	}
}

// tree adds the lanes in halves, then +0, and returns the sum.
func (a *asm) tree(acc []vec) {
	a.label("tree")
	a.comment("lanes in halves, then +0")
	for n := len(acc) / 2; n > 0; n /= 2 {
		for q := range n {
			a.fadd(acc[q], acc[q], acc[q+n])
		}
	}
	s, t := acc[0], acc[1]
	a.ext8(t, s, s)
	a.fadd(s, s, t)
	a.faddp(s, s)
	a.zero(t)
	a.fadds(s, s, t)
	a.result(s)
}
