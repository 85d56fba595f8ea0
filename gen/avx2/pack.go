package avx2

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/amd64"
)

// pack writes the kernels that lay out matrices.
func pack(f *amd64.File) {
	copyBlock(f)
	transpose(f)
}

func copyBlock(f *amd64.File) {
	f.Begin("Copy")
	dst, ldd := f.Arg(f.Param("dst").Base()), f.Arg(f.Param("ldd"))
	src, lds := f.Arg(f.Param("src").Base()), f.Arg(f.Param("lds"))
	rows, cols := f.Arg(f.Param("rows")), f.Arg(f.Param("cols"))
	f.TESTQ(rows, rows)
	f.JLE(operand.LabelRef("done"))

	f.Label("row")
	j, end := f.GP64(), f.GP64()
	f.XORQ(j, j)
	f.Comment("Blocks of 16.")
	f.MOVQ(cols, end)
	f.SUBQ(operand.I8(16), end)
	f.JL(operand.LabelRef("rest"))
	f.Label("blocks")
	x, y := f.YMM(), f.YMM()
	s, d := amd64.Indexed(src, j, 4), amd64.Indexed(dst, j, 4)
	f.VMOVUPS(s, x)
	f.VMOVUPS(s.Offset(32), y)
	f.VMOVUPS(x, d)
	f.VMOVUPS(y, d.Offset(32))
	f.ADDQ(operand.I8(16), j)
	f.CMPQ(j, end)
	f.JLE(operand.LabelRef("blocks"))
	f.Label("rest")
	f.CMPQ(j, cols)
	f.JGE(operand.LabelRef("next"))
	f.Comment("Fours.")
	f.Label("fours")
	four := f.XMM()
	f.VMOVUPS(s, four)
	f.VMOVUPS(four, d)
	f.ADDQ(operand.I8(4), j)
	f.CMPQ(j, cols)
	f.JLT(operand.LabelRef("fours"))

	f.Label("next")
	f.LEAQ(amd64.Indexed(src, lds, 4), src)
	f.LEAQ(amd64.Indexed(dst, ldd, 4), dst)
	f.DECQ(rows)
	f.JNZ(operand.LabelRef("row"))
	f.Label("done")
	f.End()
}

// transpose writes Transpose on blocks of 8×8: along the columns of eight rows of src, then of the
// next eight.
func transpose(f *amd64.File) {
	f.Begin("Transpose")
	dst, ldd := f.Arg(f.Param("dst").Base()), f.Arg(f.Param("ldd"))
	src, lds := f.Arg(f.Param("src").Base()), f.Arg(f.Param("lds"))
	rows, cols := f.Arg(f.Param("rows")), f.Arg(f.Param("cols"))
	f.TESTQ(rows, rows)
	f.JLE(operand.LabelRef("done"))
	f.TESTQ(cols, cols)
	f.JLE(operand.LabelRef("done"))
	f.Comment("Strides and thrice the strides, in bytes.")
	f.SHLQ(operand.U8(2), ldd)
	f.SHLQ(operand.U8(2), lds)
	ldd3, lds3 := f.GP64(), f.GP64()
	f.LEAQ(amd64.Indexed(ldd, ldd, 2), ldd3)
	f.LEAQ(amd64.Indexed(lds, lds, 2), lds3)

	f.Label("rows")
	from, to, left := f.GP64(), f.GP64(), f.GP64()
	f.MOVQ(src, from)
	f.MOVQ(dst, to)
	f.MOVQ(cols, left)
	f.Label("block")
	from4, to4 := f.GP64(), f.GP64()
	f.LEAQ(amd64.Indexed(from, lds, 4), from4)
	f.LEAQ(amd64.Indexed(to, ldd, 4), to4)
	row := func(p, stride, stride3 reg.GPVirtual, r int) operand.Mem {
		rows := []operand.Mem{
			{Base: p}, amd64.Indexed(p, stride, 1), amd64.Indexed(p, stride, 2), amd64.Indexed(p, stride3, 1),
		}
		return rows[r]
	}
	for half := range 2 {
		f.Commentf("Columns %d to %d. Rows r and r+4 share a register, whose halves are transposed alike.",
			4*half, 4*half+3)
		x, y := make([]reg.VecVirtual, 4), make([]reg.VecVirtual, 4)
		for r := range x {
			x[r], y[r] = f.YMM(), f.YMM()
			f.VMOVUPS(row(from, lds, lds3, r).Offset(16*half), x[r].AsX())
			f.VINSERTF128(operand.U8(1), row(from4, lds, lds3, r).Offset(16*half), x[r], x[r])
		}
		f.VUNPCKLPS(x[1], x[0], y[0])
		f.VUNPCKHPS(x[1], x[0], y[1])
		f.VUNPCKLPS(x[3], x[2], y[2])
		f.VUNPCKHPS(x[3], x[2], y[3])
		f.VUNPCKLPD(y[2], y[0], x[0])
		f.VUNPCKHPD(y[2], y[0], x[1])
		f.VUNPCKLPD(y[3], y[1], x[2])
		f.VUNPCKHPD(y[3], y[1], x[3])
		for r := range x {
			f.VMOVUPS(x[r], row([]reg.GPVirtual{to, to4}[half], ldd, ldd3, r))
		}
	}
	f.ADDQ(operand.I8(32), from)
	f.LEAQ(amd64.Indexed(to, ldd, 8), to)
	f.SUBQ(operand.I8(8), left)
	f.JG(operand.LabelRef("block"))

	f.Comment("The next eight rows of src are eight columns of dst.")
	f.LEAQ(amd64.Indexed(src, lds, 8), src)
	f.ADDQ(operand.I8(32), dst)
	f.SUBQ(operand.I8(8), rows)
	f.JG(operand.LabelRef("rows"))
	f.Label("done")
	f.End()
}
