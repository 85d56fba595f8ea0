package amd64

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An Exponential writes the exponentials of x, whose registers it overwrites, and returns theirs.
type Exponential func(x []reg.VecVirtual) []reg.VecVirtual

// SumExp returns the writer of SumExp. load loads the constants that exp keeps in registers.
func SumExp(load func(*File) Exponential) func(*File) {
	return func(f *File) {
		f.Begin("SumExp")
		sum := f.Zeros(16 / f.Lanes)
		f.span("x").exponentials(load, sum, false)
		f.fold(sum, f.VADDPS)
		f.End(sum[0])
	}
}

// ExpLanes returns the writer of ExpLanes.
func ExpLanes(load func(*File) Exponential) func(*File) {
	return func(f *File) {
		f.Begin("ExpLanes")
		lane, sum := f.Arg(f.Param("lane")), make([]reg.VecVirtual, 16/f.Lanes)
		for r := range sum {
			sum[r] = f.Vec()
			f.VMOVUPS(operand.Mem{Base: lane, Disp: 4 * f.Lanes * r}, sum[r])
		}
		f.span("x", "dst").exponentials(load, sum, true)
		if len(sum) == 1 {
			f.VMOVUPS(sum[0], operand.Mem{Base: lane})
			f.End()
			return
		}
		f.Comment("After an odd number of registers the lanes stand exchanged.")
		at := f.Arg(f.Param("x").Len())
		f.ADDQ(operand.I8(7), at)
		f.ANDQ(operand.I8(8), at)
		f.VMOVUPS(sum[0], operand.Mem{Base: lane, Index: at, Scale: 4})
		f.XORQ(operand.I8(8), at)
		f.VMOVUPS(sum[1], operand.Mem{Base: lane, Index: at, Scale: 4})
		f.End()
	}
}

// exponentials adds to sum, the 16 lanes: one register of AVX-512 or two of AVX2, which change places
// after each register of x in the tail. The work on different registers and blocks overlaps, because
// only the last addition waits for the one before.
func (s *span) exponentials(load func(*File) Exponential, sum []reg.VecVirtual, store bool) {
	f := s.f
	var shift reg.VecVirtual
	if f.wide() {
		shift = f.Broadcast("shift")
	}
	exp := load(f)
	block := func(regs int) func() {
		return func() {
			shift := shift
			if !f.wide() {
				shift = f.Broadcast("shift") // exp needs all registers
			}
			x := make([]reg.VecVirtual, regs)
			for r := range x {
				x[r] = s.load("x", r)
				f.VSUBPS(shift, x[r], x[r])
			}
			e := exp(x)
			f.Comment("The sum.")
			for r, e := range e {
				if store {
					s.store(e, "dst", r)
				}
				if !f.wide() {
					s.zeroRest(e, r)
				}
				lanes := sum[r%len(sum)]
				s.accumulate(f.VADDPS, r, lanes, e, lanes)
			}
		}
	}
	s.loop(4, block(4))
	s.tail(4*f.Lanes, 1, func() {
		block(1)()
		if len(sum) == 2 {
			f.Comment("The next register belongs to the other lanes.")
			t := f.Vec()
			f.VMOVAPS(sum[0], t)
			f.VMOVAPS(sum[1], sum[0])
			f.VMOVAPS(t, sum[1])
		}
	})
}
