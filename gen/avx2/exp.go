package avx2

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/internal/scalar"
)

// The exponential sums have 16 lanes in two registers. The work on different registers and blocks
// overlaps, because only the last addition waits for the one before.

func sumExp(f *amd64.File) {
	f.Begin("SumExp")
	sum := f.Zeros(2)
	exponentials(f, f.Span("x"), sum, false)
	f.Fold(sum, f.VADDPS)
	f.End(sum[0])
}

func expLanes(f *amd64.File) {
	f.Begin("ExpLanes")
	lane, sum := f.Arg(f.Param("lane")), []reg.VecVirtual{f.YMM(), f.YMM()}
	f.VMOVUPS(operand.Mem{Base: lane}, sum[0])
	f.VMOVUPS(operand.Mem{Base: lane, Disp: 32}, sum[1])
	exponentials(f, f.Span("x", "dst"), sum, true)
	f.Comment("After an odd number of registers the lanes stand exchanged.")
	at := f.Arg(f.Param("x").Len())
	f.ADDQ(operand.I8(7), at)
	f.ANDQ(operand.I8(8), at)
	f.VMOVUPS(sum[0], operand.Mem{Base: lane, Index: at, Scale: 4})
	f.XORQ(operand.I8(8), at)
	f.VMOVUPS(sum[1], operand.Mem{Base: lane, Index: at, Scale: 4})
	f.End()
}

// exponentials adds to sum. In the tail its two registers change places after each register of x.
func exponentials(f *amd64.File, s *amd64.Span, sum []reg.VecVirtual, store bool) {
	block := func(regs int) func() {
		return func() {
			x, shift := make([]reg.VecVirtual, regs), f.Broadcast("shift")
			for r := range x {
				x[r] = s.Load("x", r)
				f.VSUBPS(shift, x[r], x[r])
			}
			e := exp(f, x)
			f.Comment("The sum.")
			for r, e := range e {
				if store {
					s.Store(e, "dst", r)
				}
				s.ZeroRest(e, r)
				f.VADDPS(e, sum[r%2], sum[r%2])
			}
		}
	}
	s.Loop(4, block(4))
	s.Tail(32, 1, func() {
		block(1)()
		f.Comment("The next register belongs to the other lanes.")
		t := f.YMM()
		f.VMOVAPS(sum[0], t)
		f.VMOVAPS(sum[1], sum[0])
		f.VMOVAPS(t, sum[1])
	})
}

// expBias makes the low bits of the rounding number twice the bias of an
// exponent. It is even, so that ties still round as with scalar.ExpRound alone.
const expBias = 2 * 127

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
