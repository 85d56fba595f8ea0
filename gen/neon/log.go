package neon

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

// log writes Log, a quad at a time: it is called with one element for each row of a matrix.
func log(a *asm) {
	dst, x, n := a.arg("dst_base"), a.arg("x_base"), a.arg("dst_len")

	a.comment("constants")
	null := uint32(0)
	table := a.table("log",
		float32(scalar.Lg4), float32(scalar.Lg3), float32(0.5), float32(scalar.LogScale),
		float32(scalar.LogLn2Hi), float32(scalar.LogLn2Lo), null, null,
		float32(scalar.Lg2), float32(scalar.Lg1), float32(1), float32(2),
		float32(scalar.MinNormal), uint32(23), uint32(127),
		uint32(0x3f800000-scalar.SqrtHalf), uint32(0x007fffff), uint32(scalar.SqrtHalf),
		float32(math.Inf(1)), float32(math.Inf(-1)), uint32(0x7fc00000)) // the last is a NaN
	const lg4, lg3, half, lift = 0, 1, 2, 3 // lanes of mul
	const hi, lo = 0, 1                     // lanes of ln2
	mul, ln2 := a.vec(), a.vec()
	a.ld1([]vec{mul}, table)
	a.ld1([]vec{ln2}, table)
	load := func() vec {
		v := a.vec()
		a.ld1r(v, table)
		return v
	}
	lg2, lg1, one, two := load(), load(), load(), load()
	minNormal, k23, bias, offset, mantissa, sqrtHalf := load(), load(), load(), load(), load(), load()
	inf, negInf, nan := load(), load(), load()
	zero := a.vec()
	a.zero(zero)

	v := a.vec() // x, kept to the end
	y, k, f, s, z, w, r, h := a.vec(), a.vec(), a.vec(), a.vec(), a.vec(), a.vec(), a.vec(), a.vec()

	a.subsi(n, n, 4)
	a.blt("tail")
	a.label("loop")
	a.ld1([]vec{v}, x)
	a.label("quad")
	a.comment("y = x, a subnormal times 2^23; the bias of its exponent is 127, and 23 more if so")
	a.fcmgt(k, minNormal, v)
	a.fmulLane(w, v, mul, lift)
	a.mov(y, v)
	a.bit(y, w, k)
	a.and(k, k, k23)
	a.iadd(k, k, bias)
	a.comment("y = 2^n * (1+f), sqrt(1/2) <= 1+f < sqrt(2)")
	a.iadd(y, y, offset)
	a.ushr(w, y, 23)
	a.isub(k, w, k)
	a.and(f, y, mantissa)
	a.iadd(f, f, sqrtHalf)
	a.fsub(f, f, one)
	a.scvtf(k, k)
	a.comment("s = f/(2+f), z = s*s, w = z*z")
	a.fadd(s, f, two)
	a.fdiv(s, f, s)
	a.fmul(z, s, s)
	a.fmul(w, z, z)
	a.comment("r = w*(w*Lg4 + Lg2) + z*(w*Lg3 + Lg1)")
	a.mov(r, lg2)
	a.fmlaLane(r, w, mul, lg4)
	a.fmul(r, r, w)
	a.mov(h, lg1)
	a.fmlaLane(h, w, mul, lg3)
	a.fmul(h, h, z)
	a.fadd(r, r, h)
	a.comment("h = f*f/2, t = s*(h+r) + n*Ln2Lo - h")
	a.fmulLane(h, f, mul, half)
	a.fmul(h, h, f)
	a.fadd(r, r, h)
	a.fmulLane(w, k, ln2, lo)
	a.fmla(w, s, r)
	a.fsub(w, w, h)
	a.comment("log = n*Ln2Hi + (t+f)")
	a.fadd(y, w, f)
	a.fmlaLane(y, k, ln2, hi)
	a.comment("zeros, +Inf, and what is not >= 0")
	a.fcmeq(z, v, zero)
	a.fcmeq(w, v, inf)
	a.fcmge(s, v, zero)
	a.bit(y, negInf, z)
	a.bit(y, inf, w)
	a.bif(y, nan, s)
	a.tbnz(n, 63, "last")
	a.st1([]vec{y}, dst)
	a.subsi(n, n, 4)
	a.bge("loop")

	a.label("tail")
	a.comment("n is negative now; its low bits are the elements left")
	rest := a.reg()
	a.andi(rest, n, 3)
	a.cbz(rest, "stored")
	a.loadParts(rest, part{v, x})
	a.b("quad")
	a.label("last")
	a.storePart(rest, part{y, dst})
	a.ret()
}
