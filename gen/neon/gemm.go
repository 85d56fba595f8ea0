package neon

// The tile of Gemm.
const gemmRows, gemmCols = 8, 12

// gemm writes Gemm on tiles of 8 rows and 12 columns. acc[row] holds a row of the tile, and each step
// along k loads 8 elements of a and 12 of b for 24 multiply-adds by lane. The tile takes 24
// registers, a takes 2, b 3 and alpha 1: 30 in all.
func gemm(a *asm) {
	const rows, cols = gemmRows, gemmCols
	c, ldc := a.arg("c_base"), a.arg("ldc")
	col, acs := a.arg("a_base"), a.arg("acs")
	panel, k := a.arg("b_base"), a.arg("k")
	left, goesOn := a.arg("rows"), a.boolArg("add")
	cc, aa, bb, p := a.reg(), a.reg(), a.reg(), a.reg()
	acc := make([][]vec, rows)
	for i := range acc {
		acc[i] = a.vecs(3)
	}
	av, bv := a.vecs(rows/4), a.vecs(3)
	alpha := a.floatArg("alpha")

	a.comment("strides in bytes")
	a.lsl(ldc, ldc, 2)
	a.lsl(acs, acs, 2)
	a.cbz(left, "done")

	a.label("tile")
	a.movx(aa, col)
	a.movx(bb, panel)
	a.movx(p, k)
	a.cbz(goesOn, "zero")
	a.comment("the chains go on from c")
	a.movx(cc, c)
	for i := range acc {
		a.ld1by(acc[i], cc, ldc)
	}
	a.b("start")
	a.label("zero")
	for i := range acc {
		for _, v := range acc[i] {
			a.zero(v)
		}
	}
	a.label("start")
	a.cbz(p, "store")

	a.label("loop")
	a.comment("a column of a, a row of b, %d chains", rows*cols)
	a.ld1by(av, aa, acs)
	a.ld1(bv, bb)
	for i := range acc {
		for j := range bv {
			a.fmlaLane(acc[i][j], bv[j], av[i/4], i%4)
		}
	}
	a.subsi(p, p, 1)
	a.bne("loop")

	a.label("store")
	a.comment("c = alpha * chain")
	for i := range acc {
		for _, v := range acc[i] {
			a.fmul(v, v, alpha)
		}
		a.st1by(acc[i], c, ldc)
	}
	a.addi(col, col, 4*rows)
	a.subsi(left, left, rows)
	a.bgt("tile")
	a.label("done")
	a.ret()
}
