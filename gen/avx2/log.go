package avx2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/internal/scalar"
)

// The predicates of VCMPPS.
const (
	cmpEq      = operand.U8(0x00) // equal, false for NaN
	cmpLess    = operand.U8(0x11) // less, false for NaN
	cmpNotLess = operand.U8(0x15) // not less, true for NaN
)

// log writes Log. One register a block is enough: blocks do not depend on each other.
func log(f *file) {
	f.Begin("Log")
	s := f.span("dst", "x")
	block := func() { s.store(f.log(s.load("x", 0)), "dst", 0) }
	s.loop(1, block)
	s.tail(8, 1, block)
	f.End()
}

// log returns the logarithms of x.
func (f *file) log(x reg.VecVirtual) reg.VecVirtual {
	one := f.float8("one", 1)

	f.Comment("Lift subnormals, and take the exponent that they gain from k = −127.")
	m, u, k := f.YMM(), f.YMM(), f.YMM()
	f.VCMPPS(cmpLess, f.float8("minNormal", scalar.MinNormal), x, m)
	f.VMULPS(f.float8("logScale", scalar.LogScale), x, u)
	f.VBLENDVPS(m, u, x, u)
	f.VPAND(f.int8("minus23", -23), m, k)
	f.VPADDD(f.int8("minus127", -127), k, k)

	f.Comment("x = 2^k·(1 + f) with √½ ≤ 1 + f < √2.")
	e, g := f.YMM(), f.YMM()
	f.VPADDD(f.int8("carry", 0x3f800000-scalar.SqrtHalf), u, u)
	f.VPSRLD(operand.U8(23), u, e)
	f.VPADDD(e, k, k)
	f.VPAND(f.int8("mantissa", 0x007fffff), u, g)
	f.VPADDD(f.int8("sqrtHalf", scalar.SqrtHalf), g, g)
	f.VSUBPS(one, g, g)
	n := f.YMM()
	f.VCVTDQ2PS(k, n)

	f.Comment("s = f/(2+f), z = s², w = z².")
	s, z, w := f.YMM(), f.YMM(), f.YMM()
	f.VADDPS(f.float8("two", 2), g, s)
	f.VDIVPS(s, g, s)
	f.VMULPS(s, s, z)
	f.VMULPS(z, z, w)

	f.Comment("r = w·(lg2 + w·lg4) + z·(lg1 + w·lg3).")
	r := f.constant("lg4", operand.F32(scalar.Lg4))
	f.VFMADD213PS(f.float8("lg2", scalar.Lg2), w, r)
	f.VMULPS(w, r, r)
	t := f.constant("lg3", operand.F32(scalar.Lg3))
	f.VFMADD213PS(f.float8("lg1", scalar.Lg1), w, t)
	f.VMULPS(z, t, t)
	f.VADDPS(t, r, r)

	f.Comment("h = f²/2; log = k·ln2Hi + ((s·(h+r) + k·ln2Lo − h) + f).")
	h := f.YMM()
	f.VMULPS(f.float8("half", 0.5), g, h)
	f.VMULPS(g, h, h)
	f.VADDPS(h, r, r)
	f.VMULPS(f.float8("logLn2Lo", scalar.LogLn2Lo), n, t)
	f.VFMADD213PS(t, s, r)
	f.VSUBPS(h, r, r)
	f.VADDPS(g, r, r)
	f.VFMADD231PS(f.float8("logLn2Hi", scalar.LogLn2Hi), n, r)

	f.Comment("+Inf and NaN stay, ±0 gives −Inf, x < 0 gives NaN.")
	zero := f.zeros(1)[0]
	inf := f.int8("inf", 0x7f800000)
	f.VCMPPS(cmpNotLess, inf, x, m)
	f.VBLENDVPS(m, x, r, r)
	f.VCMPPS(cmpEq, zero, x, m)
	f.VBLENDVPS(m, f.int8("negInf", -0x00800000), r, r)
	f.VCMPPS(cmpLess, zero, x, m)
	f.VORPS(m, r, r)
	return r
}
