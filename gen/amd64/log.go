package amd64

import (
	"math"

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

// Log writes Log. One register a block is enough: blocks do not depend on each other.
func Log(f *File) {
	f.Begin("Log")
	s := f.span("dst", "x")
	l := newLogarithm(f)
	block := func() { s.store(l.of(s.load("x", 0)), "dst", 0) }
	s.loop(1, block)
	s.tail(f.Lanes, 1, block)
	f.End()
}

// A logarithm holds the constants of Log: AVX-512 has registers for all of them, AVX2 reads them
// from memory, eight copies of each.
type logarithm struct {
	*File
	registers map[string]reg.VecVirtual
	zero      reg.VecVirtual
}

var logConstants = []struct {
	name string
	c    operand.Constant
}{
	{"one", operand.F32(1)}, {"two", operand.F32(2)}, {"half", operand.F32(0.5)},
	{"minNormal", operand.F32(scalar.MinNormal)}, {"logScale", operand.F32(scalar.LogScale)},
	{"minus127", operand.U32(1<<32 - 127)}, {"minus23", operand.U32(1<<32 - 23)},
	{"carry", operand.U32(0x3f800000 - scalar.SqrtHalf)}, {"mantissa", operand.U32(0x007fffff)},
	{"sqrtHalf", operand.U32(scalar.SqrtHalf)},
	{"lg1", operand.F32(scalar.Lg1)}, {"lg2", operand.F32(scalar.Lg2)},
	{"lg3", operand.F32(scalar.Lg3)}, {"lg4", operand.F32(scalar.Lg4)},
	{"logLn2Lo", operand.F32(scalar.LogLn2Lo)}, {"logLn2Hi", operand.F32(scalar.LogLn2Hi)},
	{"inf", operand.U32(0x7f800000)}, {"negInf", operand.U32(0xff800000)},
	{"nan", operand.U32(0xffffffff)},
}

func newLogarithm(f *File) logarithm {
	l := logarithm{File: f, registers: make(map[string]reg.VecVirtual)}
	if f.wide() {
		for _, c := range logConstants {
			l.registers[c.name] = f.Constant(c.name, c.c)
		}
	}
	l.zero = f.Zeros(1)[0]
	return l
}

// c returns a constant as an operand.
func (l logarithm) c(name string) operand.Op {
	if r, ok := l.registers[name]; ok {
		return r
	}
	for _, c := range logConstants {
		if c.name == name {
			u, ok := c.c.(operand.U32)
			if !ok {
				u = operand.U32(math.Float32bits(float32(c.c.(operand.F32))))
			}
			two := operand.U64(u) | operand.U64(u)<<32
			return l.Rodata(name, two, two, two, two)
		}
	}
	panic("amd64: log has no constant " + name)
}

// copied returns a constant in a register that may be changed.
func (l logarithm) copied(name string) reg.VecVirtual {
	v := l.Vec()
	l.VMOVUPS(l.c(name), v)
	return v
}

// compared returns the mask of the lanes for which the predicate holds between x and c.
func (l logarithm) compared(x reg.VecVirtual, predicate, c operand.Op) reg.Virtual {
	var m reg.Virtual = l.Vec()
	if l.wide() {
		m = l.K()
	}
	l.VCMPPS(predicate, c, x, m)
	return m
}

// replace stores v in those lanes of r that the mask selects.
func (l logarithm) replace(r reg.VecVirtual, m reg.Virtual, v operand.Op) {
	if l.wide() {
		l.VMOVAPS(v, m, r)
	} else {
		l.VBLENDVPS(m, v, r, r)
	}
}

// of returns the logarithms of x.
func (l logarithm) of(x reg.VecVirtual) reg.VecVirtual {
	l.Comment("Lift subnormals, and take the exponent that they gain from k = −127.")
	u, k := l.Vec(), l.Vec()
	m := l.compared(x, cmpLess, l.c("minNormal"))
	if l.wide() {
		l.VMOVAPS(x, u)
		l.VMULPS(l.c("logScale"), x, m, u)
		l.VMOVAPS(l.c("minus127"), k)
		l.VPADDD(l.c("minus23"), k, m, k)
	} else {
		l.VMULPS(l.c("logScale"), x, u)
		l.VBLENDVPS(m, u, x, u)
		l.VPAND(l.c("minus23"), m, k)
		l.VPADDD(l.c("minus127"), k, k)
	}

	l.Comment("x = 2^k·(1 + f) with √½ ≤ 1 + f < √2.")
	e, f, n := l.Vec(), l.Vec(), l.Vec()
	l.VPADDD(l.c("carry"), u, u)
	l.VPSRLD(operand.U8(23), u, e)
	l.VPADDD(e, k, k)
	if l.wide() {
		l.VPANDD(l.c("mantissa"), u, f)
	} else {
		l.VPAND(l.c("mantissa"), u, f)
	}
	l.VPADDD(l.c("sqrtHalf"), f, f)
	l.VSUBPS(l.c("one"), f, f)
	l.VCVTDQ2PS(k, n)

	l.Comment("s = f/(2+f), z = s², w = z².")
	s, z, w := l.Vec(), l.Vec(), l.Vec()
	l.VADDPS(l.c("two"), f, s)
	l.VDIVPS(s, f, s)
	l.VMULPS(s, s, z)
	l.VMULPS(z, z, w)

	l.Comment("r = w·(lg2 + w·lg4) + z·(lg1 + w·lg3).")
	r := l.copied("lg4")
	l.VFMADD213PS(l.c("lg2"), w, r)
	l.VMULPS(w, r, r)
	t := l.copied("lg3")
	l.VFMADD213PS(l.c("lg1"), w, t)
	l.VMULPS(z, t, t)
	l.VADDPS(t, r, r)

	l.Comment("h = f²/2; log = k·ln2Hi + ((s·(h+r) + k·ln2Lo − h) + f).")
	h := l.Vec()
	l.VMULPS(l.c("half"), f, h)
	l.VMULPS(f, h, h)
	l.VADDPS(h, r, r)
	l.VMULPS(l.c("logLn2Lo"), n, t)
	l.VFMADD213PS(t, s, r)
	l.VSUBPS(h, r, r)
	l.VADDPS(f, r, r)
	l.VFMADD231PS(l.c("logLn2Hi"), n, r)

	l.Comment("+Inf and NaN stay, ±0 gives −Inf, x < 0 gives NaN.")
	l.replace(r, l.compared(x, cmpNotLess, l.c("inf")), x)
	l.replace(r, l.compared(x, cmpEq, l.zero), l.c("negInf"))
	l.replace(r, l.compared(x, cmpLess, l.zero), l.c("nan"))
	return r
}
