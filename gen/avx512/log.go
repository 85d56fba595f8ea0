package avx512

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
	c := f.logConstants()
	block := func() { s.store(f.log(s.load("x", 0), c), "dst", 0) }
	s.loop(1, block)
	s.tail(16, 1, block)
	f.End()
}

// logConstants are the operands of log.
type logConstants struct {
	one, two, half, minNormal, scale      reg.VecVirtual
	minus127, minus23, carry, mantissa    reg.VecVirtual
	sqrtHalf, lg1, lg2, lg3, lg4          reg.VecVirtual
	ln2Lo, ln2Hi, inf, negInf, zero, nans reg.VecVirtual
}

func (f *file) logConstants() logConstants {
	f32 := func(name string, v float32) reg.VecVirtual { return f.constant(name, operand.F32(v)) }
	i32 := func(name string, v int32) reg.VecVirtual { return f.constant(name, operand.U32(v)) }
	return logConstants{
		one: f32("one", 1), two: f32("two", 2), half: f32("half", 0.5),
		minNormal: f32("minNormal", scalar.MinNormal), scale: f32("logScale", scalar.LogScale),
		minus127: i32("minus127", -127), minus23: i32("minus23", -23),
		carry: i32("carry", 0x3f800000-scalar.SqrtHalf), mantissa: i32("mantissa", 0x007fffff),
		sqrtHalf: i32("sqrtHalf", scalar.SqrtHalf),
		lg1:      f32("lg1", scalar.Lg1), lg2: f32("lg2", scalar.Lg2), lg3: f32("lg3", scalar.Lg3), lg4: f32("lg4", scalar.Lg4),
		ln2Lo: f32("logLn2Lo", scalar.LogLn2Lo), ln2Hi: f32("logLn2Hi", scalar.LogLn2Hi),
		inf: i32("inf", 0x7f800000), negInf: i32("negInf", -0x00800000), zero: f.zeros(1)[0], nans: i32("nans", -1),
	}
}

// log returns the logarithms of x.
func (f *file) log(x reg.VecVirtual, c logConstants) reg.VecVirtual {
	f.Comment("Lift subnormals, and take the exponent that they gain from k = −127.")
	m, u, k := f.K(), f.ZMM(), f.ZMM()
	f.VCMPPS(cmpLess, c.minNormal, x, m)
	f.VMOVAPS(x, u)
	f.VMULPS(c.scale, x, m, u)
	f.VMOVAPS(c.minus127, k)
	f.VPADDD(c.minus23, k, m, k)

	f.Comment("x = 2^k·(1 + f) with √½ ≤ 1 + f < √2.")
	e, g := f.ZMM(), f.ZMM()
	f.VPADDD(c.carry, u, u)
	f.VPSRLD(operand.U8(23), u, e)
	f.VPADDD(e, k, k)
	f.VPANDD(c.mantissa, u, g)
	f.VPADDD(c.sqrtHalf, g, g)
	f.VSUBPS(c.one, g, g)
	n := f.ZMM()
	f.VCVTDQ2PS(k, n)

	f.Comment("s = f/(2+f), z = s², w = z².")
	s, z, w := f.ZMM(), f.ZMM(), f.ZMM()
	f.VADDPS(c.two, g, s)
	f.VDIVPS(s, g, s)
	f.VMULPS(s, s, z)
	f.VMULPS(z, z, w)

	f.Comment("r = w·(lg2 + w·lg4) + z·(lg1 + w·lg3).")
	r, t := f.ZMM(), f.ZMM()
	f.VMOVAPS(c.lg4, r)
	f.VFMADD213PS(c.lg2, w, r)
	f.VMULPS(w, r, r)
	f.VMOVAPS(c.lg3, t)
	f.VFMADD213PS(c.lg1, w, t)
	f.VMULPS(z, t, t)
	f.VADDPS(t, r, r)

	f.Comment("h = f²/2; log = k·ln2Hi + ((s·(h+r) + k·ln2Lo − h) + f).")
	h := f.ZMM()
	f.VMULPS(c.half, g, h)
	f.VMULPS(g, h, h)
	f.VADDPS(h, r, r)
	f.VMULPS(c.ln2Lo, n, t)
	f.VFMADD213PS(t, s, r)
	f.VSUBPS(h, r, r)
	f.VADDPS(g, r, r)
	f.VFMADD231PS(c.ln2Hi, n, r)

	f.Comment("+Inf and NaN stay, ±0 gives −Inf, x < 0 gives NaN.")
	f.VCMPPS(cmpNotLess, c.inf, x, m)
	f.VMOVAPS(x, m, r)
	f.VCMPPS(cmpEq, c.zero, x, m)
	f.VMOVAPS(c.negInf, m, r)
	f.VCMPPS(cmpLess, c.zero, x, m)
	f.VMOVAPS(c.nans, m, r)
	return r
}
