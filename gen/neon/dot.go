package neon

func dot(a *asm) {
	in, n := []reg{a.arg("x_base"), a.arg("y_base")}, a.arg("x_len")
	acc := a.vecs(8)
	a.chains(n, in, acc, func(acc []vec, x [][]vec) {
		for q := range acc {
			a.fmla(acc[q], x[0][q], x[1][q])
		}
	})
	a.tree(acc)
}

func squaredDistance(a *asm) {
	in, n := []reg{a.arg("x_base"), a.arg("y_base")}, a.arg("x_len")
	acc := a.vecs(8)
	a.chains(n, in, acc, func(acc []vec, x [][]vec) {
		for q := range acc {
			a.fsub(x[0][q], x[0][q], x[1][q])
		}
		for q := range acc {
			a.fmla(acc[q], x[0][q], x[0][q])
		}
	})
	a.tree(acc)
}
