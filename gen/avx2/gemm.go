package avx2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
)

// The tile of Gemm.
const gemmRows, gemmCols = 6, 16

// gemm writes Gemm. A tile of 6×16 sums takes 12 registers; two more hold a row of b, and two take
// turns for the elements of a. For each k 8 loads feed 12 FMAs.
func gemm(f *amd64.File) {
	const rows = gemmRows
	f.Begin("Gemm")
	c, ldc := f.Arg(f.Param("c").Base()), f.Arg(f.Param("ldc"))
	a, ars, acs := f.Arg(f.Param("a").Base()), f.Arg(f.Param("ars")), f.Arg(f.Param("acs"))
	left := f.Arg(f.Param("rows"))
	f.SHLQ(operand.U8(2), acs) // in bytes
	f.TESTQ(left, left)
	f.JLE(operand.LabelRef("done"))

	f.Label("tile")
	f.Comment("Six rows are addressed from the first and the fourth, times 0, 1 and 2 strides.")
	row := func(base, base3, stride reg.GPVirtual, r, disp int) operand.Mem {
		m := operand.Mem{Base: base, Disp: disp}
		if r >= 3 {
			m.Base, r = base3, r-3
		}
		if r > 0 {
			m.Index, m.Scale = stride, uint8(4*r)
		}
		return m
	}
	pa, pa3, c3 := f.GP64(), f.GP64(), f.GP64()
	f.MOVQ(a, pa)
	f.LEAQ(amd64.Indexed(ars, ars, 2), pa3)
	f.LEAQ(amd64.Indexed(a, pa3, 4), pa3)
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), c3)
	f.LEAQ(amd64.Indexed(c, c3, 4), c3)
	b, k := f.Arg(f.Param("b").Base()), f.Arg(f.Param("k"))

	f.Comment("Begin at 0, or go on from c.")
	sum := f.Zeros(2 * rows)
	f.CMPB(f.Addr(f.Param("add")), operand.U8(0))
	f.JE(operand.LabelRef("begin"))
	for i, s := range sum {
		f.VMOVUPS(row(c, c3, ldc, i/2, 32*(i%2)), s)
	}
	f.Label("begin")
	f.Comment("Fetch the next tile of c. The caches do not foresee it, since its rows may lie anywhere.")
	next, i := f.GP64(), f.GP64()
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), next)
	f.LEAQ(amd64.Indexed(c3, next, 4), next)
	f.MOVQ(operand.I32(rows), i)
	f.Label("fetch")
	f.PREFETCHT0(operand.Mem{Base: next})
	f.LEAQ(amd64.Indexed(next, ldc, 4), next)
	f.DECQ(i)
	f.JNZ(operand.LabelRef("fetch"))

	step := func(p int) {
		f.Commentf("Row %d of b times column %d of a.", p, p)
		b0, b1, t := f.YMM(), f.YMM(), []reg.VecVirtual{f.YMM(), f.YMM()}
		f.VMOVUPS(operand.Mem{Base: b, Disp: 64 * p}, b0)
		f.VMOVUPS(operand.Mem{Base: b, Disp: 64*p + 32}, b1)
		for r := range rows {
			f.VBROADCASTSS(row(pa, pa3, ars, r, 0), t[r%2])
			f.VFMADD231PS(b0, t[r%2], sum[2*r])
			f.VFMADD231PS(b1, t[r%2], sum[2*r+1])
		}
		f.ADDQ(acs, pa)
		f.ADDQ(acs, pa3)
	}
	const unroll = 4
	f.Commentf("%d steps of k at a time.", unroll)
	f.SUBQ(operand.I8(unroll), k)
	f.JL(operand.LabelRef("rest"))
	f.Label("steps")
	for p := range unroll {
		step(p)
	}
	f.ADDQ(operand.I32(64*unroll), b)
	f.SUBQ(operand.I8(unroll), k)
	f.JGE(operand.LabelRef("steps"))

	f.Label("rest")
	f.ADDQ(operand.I8(unroll), k)
	f.JZ(operand.LabelRef("store"))
	f.Label("step")
	step(0)
	f.ADDQ(operand.I8(64), b)
	f.DECQ(k)
	f.JNZ(operand.LabelRef("step"))

	f.Label("store")
	alpha := f.Broadcast("alpha")
	for i, s := range sum {
		f.VMULPS(s, alpha, s)
		f.VMOVUPS(s, row(c, c3, ldc, i/2, 32*(i%2)))
	}

	f.Comment("The next six rows.")
	f.LEAQ(amd64.Indexed(ars, ars, 2), pa3)
	f.LEAQ(amd64.Indexed(a, pa3, 8), a)
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), c3)
	f.LEAQ(amd64.Indexed(c, c3, 8), c)
	f.SUBQ(operand.I8(rows), left)
	f.JG(operand.LabelRef("tile"))
	f.Label("done")
	f.End()
}
