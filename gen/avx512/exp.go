package avx512

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/internal/scalar"
)

func newExp(f *amd64.File) amd64.Exponential {
	c := newExpConstants(f)
	return func(x []reg.VecVirtual) []reg.VecVirtual { return exp(f, x, c) }
}

// expConstants are the operands of exp.
type expConstants struct {
	log2E, round, ln2Hi, ln2Lo, half reg.VecVirtual
	coef                             []reg.VecVirtual
}

func newExpConstants(f *amd64.File) expConstants {
	f32 := func(name string, v float32) reg.VecVirtual { return f.Constant(name, operand.F32(v)) }
	c := expConstants{
		log2E: f32("log2E", scalar.Log2E),
		round: f32("expRound", scalar.ExpRound),
		ln2Hi: f32("ln2Hi", scalar.Ln2Hi),
		ln2Lo: f32("ln2Lo", scalar.Ln2Lo),
		half:  f32("half", 0.5),
	}
	last := len(scalar.ExpCoef) - 1
	for i, v := range scalar.ExpCoef[:last] {
		c.coef = append(c.coef, f32(fmt.Sprint("coef", i), v))
	}
	if scalar.ExpCoef[last-1] != scalar.ExpCoef[last] {
		panic("avx512: the last coefficients of exp differ")
	}
	c.coef = append(c.coef, c.coef[last-1])
	return c
}

// exp returns the exponentials of x, whose registers it overwrites.
//
// Unlike scalar.Exp, which clamps x, this clamps r, in one instruction that also turns NaN into a
// number. Then p is positive and finite for all x, and p·2^n is 0, +Inf or NaN if n is far below 0,
// far above 0 or NaN. VSCALEFPS rounds p·2^n once, as scalar.Exp does.
func exp(f *amd64.File, x []reg.VecVirtual, c expConstants) (p []reg.VecVirtual) {
	n := make([]reg.VecVirtual, len(x))
	p = make([]reg.VecVirtual, len(x))
	for i := range x {
		n[i], p[i] = f.ZMM(), f.ZMM()
	}
	f.Comment("n = the integer next to x/ln2.")
	for i := range x {
		f.VMOVAPS(c.round, n[i])
		f.VFMADD231PS(c.log2E, x[i], n[i])
	}
	for i := range x {
		f.VSUBPS(c.round, n[i], n[i])
	}
	f.Comment("r = x − n·ln2, in two steps; |r| < 0.35 unless n is out of range.")
	for i := range x {
		f.VFNMADD231PS(c.ln2Hi, n[i], x[i])
	}
	for i := range x {
		f.VFNMADD231PS(c.ln2Lo, n[i], x[i])
	}
	for i := range x {
		f.VRANGEPS(leastAbs, c.half, x[i], x[i])
	}
	f.Comment("The polynomial in r, by Horner.")
	for i := range x {
		f.VMOVAPS(c.coef[0], p[i])
	}
	for _, coef := range c.coef[1:] {
		for i := range x {
			f.VFMADD213PS(coef, x[i], p[i])
		}
	}
	f.Comment("p·2^n.")
	for i := range x {
		f.VSCALEFPS(n[i], p[i], p[i])
	}
	return p
}

// leastAbs makes VRANGEPS choose the smaller absolute value, with the sign of the second operand here.
const leastAbs = operand.U8(2)
