package avx2

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/internal/scalar"
)

// expBias makes the low bits of the rounding number twice the bias of an
// exponent. It is even, so that ties still round as with scalar.ExpRound alone.
const expBias = 2 * 127

func newExp(f *amd64.File) amd64.Exponential {
	return func(x []reg.VecVirtual) []reg.VecVirtual { return exp(f, x) }
}

// exp returns the exponentials of x, whose registers it overwrites. The twelve registers that four of
// x take leave none to hold the constants: each is loaded when it is needed.
func exp(f *amd64.File, x []reg.VecVirtual) (p []reg.VecVirtual) {
	constant := func(name string, v float32) reg.VecVirtual { return f.Constant(name, operand.F32(v)) }
	z := make([]reg.VecVirtual, len(x))
	p = make([]reg.VecVirtual, len(x))
	for i := range x {
		z[i], p[i] = f.YMM(), f.YMM()
	}
	f.Comment("Clamp. NaN stays, because x is the first operand.")
	least := constant("expMin", scalar.ExpMin)
	for i := range x {
		f.VMAXPS(x[i], least, x[i])
	}
	most := constant("expMax", scalar.ExpMax)
	for i := range x {
		f.VMINPS(x[i], most, x[i])
	}
	f.Comment("The low bits of z hold n + 254 for the integer n next to x/ln2.")
	round, log2E := constant("expRound", scalar.ExpRound+expBias), constant("log2E", scalar.Log2E)
	for i := range x {
		f.VMOVAPS(round, z[i])
		f.VFMADD231PS(log2E, x[i], z[i])
	}
	for i := range x {
		f.VSUBPS(round, z[i], p[i])
	}
	f.Comment("r = x − n·ln2, in two steps.")
	ln2Hi := constant("ln2Hi", scalar.Ln2Hi)
	for i := range x {
		f.VFNMADD231PS(ln2Hi, p[i], x[i])
	}
	ln2Lo := constant("ln2Lo", scalar.Ln2Lo)
	for i := range x {
		f.VFNMADD231PS(ln2Lo, p[i], x[i])
	}
	f.Comment("The polynomial in r, by Horner.")
	for i := range x {
		f.VBROADCASTSS(f.Rodata("coef0", operand.F32(scalar.ExpCoef[0])), p[i])
	}
	coef, last := scalar.ExpCoef, len(scalar.ExpCoef)-1
	if coef[last-1] != coef[last] {
		panic("avx2: the last coefficients of exp differ")
	}
	for j := 1; j < last-1; j++ {
		c := constant(fmt.Sprint("coef", j), coef[j])
		for i := range x {
			f.VFMADD213PS(c, x[i], p[i])
		}
	}
	c := constant("one", coef[last])
	for range 2 {
		for i := range x {
			f.VFMADD213PS(c, x[i], p[i])
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
