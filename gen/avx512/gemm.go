package avx512

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
)

func gemm(f *amd64.File) { product(f, "Gemm", f.VFMADD231PS) }

// The heights of a tile: many rows for speed, few for the last ones.
const (
	tall = 12
	low  = gemmRows
)

// The tile of Gemm.
const gemmRows, gemmCols = 4, 32

// product writes a kernel of products. A tile of 12×32 sums takes 24 registers; two more hold a row
// of b, and four take turns for the elements of a. For each k 14 loads feed 24 instructions that
// multiply their first two operands and add to the third. Unrolling k makes it no faster. The last
// rows make tiles of 4×32.
func product(f *amd64.File, name string, multiplyAdd func(...operand.Op)) {
	f.Begin(name)
	c, ldc := f.Arg(f.Param("c").Base()), f.Arg(f.Param("ldc"))
	a, ars, acs := f.Arg(f.Param("a").Base()), f.Arg(f.Param("ars")), f.Arg(f.Param("acs"))
	left := f.Arg(f.Param("rows"))
	f.SHLQ(operand.U8(2), acs) // in bytes
	f.TESTQ(left, left)
	f.JLE(operand.LabelRef("done"))
	// whenLow jumps if the tile is a low one.
	whenLow := func(label string) {
		f.CMPQ(left, operand.I8(tall))
		f.JL(operand.LabelRef(label))
	}

	f.Label("tile")
	f.Comment("Twelve rows are addressed from every third, times 0, 1 and 2 strides.")
	pa, pc := thirds(f, a, ars), thirds(f, c, ldc)

	f.Comment("Begin at 0, or go on from c.")
	sum := f.Zeros(2 * tall)
	f.CMPB(f.Addr(f.Param("add")), operand.U8(0))
	f.JE(operand.LabelRef("begin"))
	for i, s := range sum {
		if i == 2*low {
			whenLow("begin")
		}
		f.VMOVUPS(row(pc, ldc, i/2, 64*(i%2)), s)
	}
	f.Label("begin")
	b, k := f.Arg(f.Param("b").Base()), f.Arg(f.Param("k"))
	f.TESTQ(k, k)
	f.JLE(operand.LabelRef("store"))

	steps := func(rows, thirds int, label string) {
		f.Label(label)
		f.Comment("A row of b times a column of a.")
		b0, b1 := f.ZMM(), f.ZMM()
		f.VMOVUPS(operand.Mem{Base: b}, b0)
		f.VMOVUPS(operand.Mem{Base: b, Disp: 64}, b1)
		t := []reg.VecVirtual{f.ZMM(), f.ZMM(), f.ZMM(), f.ZMM()}
		for r := range rows {
			x := t[r%len(t)]
			f.VBROADCASTSS(row(pa, ars, r, 0), x)
			multiplyAdd(b0, x, sum[2*r])
			multiplyAdd(b1, x, sum[2*r+1])
		}
		if rows == tall {
			f.PREFETCHT0(operand.Mem{Base: pa[0], Disp: 4 * (2*tall - 1)}) // the next tile of a column-major a
		}
		for _, p := range pa[:thirds] {
			f.ADDQ(acs, p)
		}
		f.SUBQ(operand.I8(-128), b)
		f.DECQ(k)
		f.JNZ(operand.LabelRef(label))
	}
	whenLow("low")
	fetch(f, pc[3], ldc)
	steps(tall, 4, "tall")
	f.JMP(operand.LabelRef("store"))
	steps(low, 2, "low")

	f.Label("store")
	pc = thirds(f, c, ldc)
	alpha := f.Broadcast("alpha")
	for i, s := range sum {
		if i == 2*low {
			f.Comment("The next rows after the first four, or all twelve.")
			f.LEAQ(amd64.Indexed(a, ars, 8), a)
			f.LEAQ(amd64.Indexed(a, ars, 8), a)
			f.LEAQ(amd64.Indexed(pc[1], ldc, 4), c)
			whenLow("next")
		}
		f.VMULPS(s, alpha, s)
		f.VMOVUPS(s, row(pc, ldc, i/2, 64*(i%2)))
	}
	t := f.GP64()
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), t)
	f.LEAQ(amd64.Indexed(pc[3], t, 4), c)
	f.MOVQ(ars, t)
	f.SHLQ(operand.U8(5), t)
	f.ADDQ(t, a)
	f.SUBQ(operand.I8(tall-low), left)
	f.Label("next")
	f.SUBQ(operand.I8(low), left)
	f.JG(operand.LabelRef("tile"))
	f.Label("done")
	f.End()
}

// fetch prefetches the tile of c that follows the one with the given row 9. The hardware cannot
// foresee it, because its rows may lie anywhere.
func fetch(f *amd64.File, row9, ldc reg.GPVirtual) {
	f.Comment("Fetch the next tile of c.")
	p, i := f.GP64(), f.GP64()
	f.LEAQ(amd64.Indexed(ldc, ldc, 2), p)
	f.LEAQ(amd64.Indexed(row9, p, 4), p)
	f.MOVQ(operand.I32(tall), i)
	f.Label("fetch")
	f.PREFETCHT0(operand.Mem{Base: p})
	f.PREFETCHT0(operand.Mem{Base: p, Disp: 64})
	f.LEAQ(amd64.Indexed(p, ldc, 4), p)
	f.DECQ(i)
	f.JNZ(operand.LabelRef("fetch"))
}

// thirds returns the addresses of rows 0, 3, 6 and 9.
func thirds(f *amd64.File, base, stride reg.GPVirtual) []reg.GPVirtual {
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
