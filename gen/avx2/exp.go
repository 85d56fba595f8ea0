package avx2

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/internal/scalar"
)

// exp writes ExpSum and SumExp: 16 lanes in two registers. The blocks overlap,
// because nothing but the last addition waits for the block before.
func exp(f *file) {
	f.Begin("ExpSum")
	f.expSum(f.span("x", "dst"), true)
	f.Begin("SumExp")
	f.expSum(f.span("x"), false)
}

func (f *file) expSum(s *span, store bool) {
	shift := f.broadcast("shift")
	c := f.expConstants()
	sum := f.zeros(2)
	block := func(regs int) {
		x := make([]reg.VecVirtual, regs)
		for r := range x {
			x[r] = s.load("x", r)
			f.VSUBPS(shift, x[r], x[r])
		}
		e := f.exp(x, c)
		f.Comment("The sum.")
		for r, e := range e {
			if store {
				s.store(e, "dst", r)
			}
			if s.mask != nil {
				f.VANDPS(s.mask[r], e, e)
			}
			f.VADDPS(e, sum[r], sum[r])
		}
	}
	s.loop(2, func() { block(2) })
	s.tail(16, 1, func() {
		block(1)
		f.Comment("The next register belongs to the other lanes.")
		t := f.YMM()
		f.VMOVAPS(sum[0], t)
		f.VMOVAPS(sum[1], sum[0])
		f.VMOVAPS(t, sum[1])
	})
	f.fold(sum, f.VADDPS)
	f.End(sum[0])
}

// expConstants are the operands of exp: registers as far as they go.
type expConstants struct {
	min, max, round, ln2Hi, c0, one reg.VecVirtual
	log2E, ln2Lo                    operand.Mem
	coef                            []operand.Mem // the middle of the polynomial
}

// expBias makes the low bits of the rounding number twice the bias of an
// exponent. It is even, so that ties still round as with scalar.ExpRound alone.
const expBias = 2 * 127

func (f *file) expConstants() expConstants {
	f32 := func(name string, v float32) reg.VecVirtual { return f.constant(name, operand.F32(v)) }
	n := len(scalar.ExpCoef)
	c := expConstants{
		min:   f32("expMin", scalar.ExpMin),
		max:   f32("expMax", scalar.ExpMax),
		round: f32("expRound", scalar.ExpRound+expBias),
		ln2Hi: f32("ln2Hi", scalar.Ln2Hi),
		c0:    f32("coef0", scalar.ExpCoef[0]),
		one:   f32("one", scalar.ExpCoef[n-1]),
		log2E: f.float8("log2E", scalar.Log2E),
		ln2Lo: f.float8("ln2Lo", scalar.Ln2Lo),
	}
	for i, v := range scalar.ExpCoef[1 : n-2] {
		c.coef = append(c.coef, f.float8(fmt.Sprint("coef", i+1), v))
	}
	return c
}

// exp returns the exponentials of x, whose registers it overwrites.
func (f *file) exp(x []reg.VecVirtual, c expConstants) (p []reg.VecVirtual) {
	z := make([]reg.VecVirtual, len(x))
	p = make([]reg.VecVirtual, len(x))
	for i := range x {
		z[i], p[i] = f.YMM(), f.YMM()
	}
	f.Comment("Clamp. NaN stays, because x is the first operand.")
	for i := range x {
		f.VMAXPS(x[i], c.min, x[i])
		f.VMINPS(x[i], c.max, x[i])
	}
	f.Comment("The low bits of z hold n + 254 for the integer n next to x/ln2.")
	for i := range x {
		f.VMOVAPS(c.round, z[i])
		f.VFMADD231PS(c.log2E, x[i], z[i])
	}
	f.Comment("r = x − n·ln2, in two steps.")
	for i := range x {
		f.VSUBPS(c.round, z[i], p[i])
		f.VFNMADD231PS(c.ln2Hi, p[i], x[i])
		f.VFNMADD231PS(c.ln2Lo, p[i], x[i])
	}
	f.Comment("The polynomial in r, by Horner.")
	for i := range x {
		f.VMOVAPS(c.c0, p[i])
	}
	for _, coef := range c.coef {
		for i := range x {
			f.VFMADD213PS(coef, x[i], p[i])
		}
	}
	for range 2 {
		for i := range x {
			f.VFMADD213PS(c.one, x[i], p[i])
		}
	}
	f.Comment("Times 2^h, h = ⌊n/2⌋: shifted to the exponent, ⌊(n+254)/2⌋ = h + 127 is 2^h.")
	f.Comment("Times 2^(n−h) likewise; the shift drops the bits of z above.")
	for i := range x {
		f.VPSRLD(operand.U8(1), z[i], x[i])
		f.VPSUBD(x[i], z[i], z[i])
		f.VPSLLD(operand.U8(23), x[i], x[i])
		f.VMULPS(x[i], p[i], p[i])
		f.VPSLLD(operand.U8(23), z[i], z[i])
		f.VMULPS(z[i], p[i], p[i])
	}
	return p
}
