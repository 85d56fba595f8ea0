package neon

// copyBlock writes Copy, a quad at a time.
func copyBlock(a *asm) {
	dst, ldd := a.arg("dst_base"), a.arg("ldd")
	src, lds := a.arg("src_base"), a.arg("lds")
	rows, cols := a.arg("rows"), a.arg("cols")
	from, to, left := a.reg(), a.reg(), a.reg()
	x := a.vecs(1)
	a.cbz(rows, "done")
	a.cbz(cols, "done")

	a.label("row")
	a.movx(from, src)
	a.movx(to, dst)
	a.movx(left, cols)
	a.label("quad")
	a.ld1(x, from)
	a.st1(x, to)
	a.subsi(left, left, 4)
	a.bgt("quad")
	a.comment("the next row")
	a.addlsl(src, src, lds, 2)
	a.addlsl(dst, dst, ldd, 2)
	a.subsi(rows, rows, 1)
	a.bgt("row")
	a.label("done")
	a.ret()
}

// transpose writes Transpose on blocks of 4×4: along the columns of four rows of src, then of the
// next four.
func transpose(a *asm) {
	dst, ldd := a.arg("dst_base"), a.arg("ldd")
	src, lds := a.arg("src_base"), a.arg("lds")
	rows, cols := a.arg("rows"), a.arg("cols")
	from, to, left, next := a.reg(), a.reg(), a.reg(), a.reg()
	x, y := a.vecs(4), a.vecs(4)
	a.cbz(rows, "done")
	a.cbz(cols, "done")
	a.comment("strides in bytes")
	a.lsl(ldd, ldd, 2)
	a.lsl(lds, lds, 2)

	a.label("rows")
	a.movx(from, src)
	a.movx(to, dst)
	a.movx(left, cols)
	a.label("block")
	a.comment("a quad of four rows")
	a.movx(next, from)
	for i := range x {
		a.ld1by(x[i:i+1], next, lds)
	}
	a.comment("pairs of rows, then both pairs")
	a.trn1(y[0], x[0], x[1])
	a.trn2(y[1], x[0], x[1])
	a.trn1(y[2], x[2], x[3])
	a.trn2(y[3], x[2], x[3])
	a.low(x[0], y[0], y[2])
	a.low(x[1], y[1], y[3])
	a.high(x[2], y[0], y[2])
	a.high(x[3], y[1], y[3])
	for i := range x {
		a.st1by(x[i:i+1], to, ldd)
	}
	a.addi(from, from, 16)
	a.subsi(left, left, 4)
	a.bgt("block")
	a.comment("the next four rows are four columns of dst")
	a.addlsl(src, src, lds, 2)
	a.addi(dst, dst, 16)
	a.subsi(rows, rows, 4)
	a.bgt("rows")
	a.label("done")
	a.ret()
}
