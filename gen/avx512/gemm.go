package avx512

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
	"github.com/contrast-go/contrast/gen/spec"
)

func gemm(f *file) { f.gemm("Gemm", 2, f.VFMADD231PS) }

// gemm writes a kernel of products: a tile of 12×32 sums in 24 registers, two more for a row of
// b and four in turn for the elements of a. Per k 14 loads feed 24 instructions that
// multiply their first two operands and add to the third. unroll is 1 or 2.
func (f *file) gemm(name string, unroll int, multiplyAdd func(...operand.Op)) {
	rows := spec.AVX512.GemmRows
	f.Begin(name)
	c, ldc := f.Arg(f.Param("c").Base()), f.Arg(f.Param("ldc"))
	a, ars, acs := f.Arg(f.Param("a").Base()), f.Arg(f.Param("ars")), f.Arg(f.Param("acs"))
	left := f.Arg(f.Param("rows"))
	f.SHLQ(operand.U8(2), acs) // in bytes
	f.TESTQ(left, left)
	f.JLE(operand.LabelRef("done"))

	f.Label("tile")
	f.Comment("Twelve rows are addressed from every third, times 0, 1 and 2 strides.")
	pa, pc := f.thirds(a, ars), f.thirds(c, ldc)

	f.Comment("Begin at 0, or go on from c.")
	sum := f.zeros(2 * rows)
	f.CMPB(f.Addr(f.Param("add")), operand.U8(0))
	f.JE(operand.LabelRef("begin"))
	for i, s := range sum {
		f.VMOVUPS(row(pc, ldc, i/2, 64*(i%2)), s)
	}
	f.Label("begin")
	f.fetch(pc[3], ldc)
	b, k := f.Arg(f.Param("b").Base()), f.Arg(f.Param("k"))

	step := func(p int) {
		f.Commentf("Row %d of b times column %d of a.", p, p)
		b0, b1 := f.ZMM(), f.ZMM()
		f.VMOVUPS(operand.Mem{Base: b, Disp: 128 * p}, b0)
		f.VMOVUPS(operand.Mem{Base: b, Disp: 128*p + 64}, b1)
		t := []reg.VecVirtual{f.ZMM(), f.ZMM(), f.ZMM(), f.ZMM()}
		for r := range rows {
			x := t[r%len(t)]
			f.VBROADCASTSS(row(pa, ars, r, 0), x)
			multiplyAdd(b0, x, sum[2*r])
			multiplyAdd(b1, x, sum[2*r+1])
		}
		f.PREFETCHT0(operand.Mem{Base: pa[0], Disp: 4 * (2*rows - 1)}) // where a is column-major, for the next tile
		for _, p := range pa {
			f.ADDQ(acs, p)
		}
	}
	f.Commentf("Steps of k, %d at a time.", unroll)
	f.SUBQ(operand.I8(unroll), k)
	f.JL(operand.LabelRef("rest"))
	f.Label("steps")
	for p := range unroll {
		step(p)
	}
	f.ADDQ(operand.I32(128*unroll), b)
	f.SUBQ(operand.I8(unroll), k)
	f.JGE(operand.LabelRef("steps"))

	f.Label("rest")
	if unroll == 2 {
		f.ADDQ(operand.I8(unroll), k)
		f.JZ(operand.LabelRef("store"))
		step(0)
		f.Label("store")
	}
	pc = f.thirds(c, ldc)
	alpha := f.broadcast("alpha")
	for i, s := range sum {
		f.VMULPS(s, alpha, s)
		f.VMOVUPS(s, row(pc, ldc, i/2, 64*(i%2)))
	}

	f.Comment("The next twelve rows.")
	t := f.GP64()
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), t)
	f.LEAQ(amd64.Indexed(pc[3], t, 4), c)
	f.LEAQ(amd64.Indexed(ars, ars, 2), t)
	f.LEAQ(amd64.Indexed(a, t, 8), a)
	f.LEAQ(amd64.Indexed(a, t, 8), a)
	f.SUBQ(operand.I8(rows), left)
	f.JG(operand.LabelRef("tile"))
	f.Label("done")
	f.End()
}

// fetch brings the tile of c that follows the one with the given row 9 to the caches.
// The caches do not foresee it, since its rows may lie anywhere.
func (f *file) fetch(row9, ldc reg.GPVirtual) {
	f.Comment("Fetch the next tile of c.")
	p, i := f.GP64(), f.GP64()
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), p)
	f.LEAQ(amd64.Indexed(row9, p, 4), p)
	f.MOVQ(operand.I32(spec.AVX512.GemmRows), i)
	f.Label("fetch")
	f.PREFETCHT0(operand.Mem{Base: p})
	f.PREFETCHT0(operand.Mem{Base: p, Disp: 64})
	f.LEAQ(amd64.Indexed(p, ldc, 4), p)
	f.DECQ(i)
	f.JNZ(operand.LabelRef("fetch"))
}

// thirds returns the addresses of rows 0, 3, 6 and 9.
func (f *file) thirds(base, stride reg.GPVirtual) []reg.GPVirtual {
	three := f.GP64()
	f.LEAQ(amd64.Indexed(stride, stride, 2), three)
	p := []reg.GPVirtual{f.GP64(), f.GP64(), f.GP64(), f.GP64()}
	f.MOVQ(base, p[0])
	for i := 1; i < len(p); i++ {
		f.LEAQ(amd64.Indexed(p[i-1], three, 4), p[i])
	}
	return p
}

// row is the address of row r.
func row(thirds []reg.GPVirtual, stride reg.GPVirtual, r, disp int) operand.Mem {
	m := operand.Mem{Base: thirds[r/3], Disp: disp}
	if r %= 3; r > 0 {
		m.Index, m.Scale = stride, uint8(4*r)
	}
	return m
}
