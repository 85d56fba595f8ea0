package ref

// MatMul returns a·b.
func MatMul(a, b Mat) Mat {
	c := NewMat(a.Rows, b.Cols)
	for i := range a.Rows {
		for p := range a.Cols {
			axpy(c.Row(i), a.At(i, p), b.Row(p))
		}
	}
	return c
}

// MatMulTransB returns a·bᵀ: the dot products of the rows of a with those of b.
func MatMulTransB(a, b Mat) Mat {
	c := NewMat(a.Rows, b.Rows)
	for i := range a.Rows {
		for j := range b.Rows {
			c.Row(i)[j] = Dot(a.Row(i), b.Row(j))
		}
	}
	return c
}

// MatMulTransA returns aᵀ·b.
func MatMulTransA(a, b Mat) Mat {
	c := NewMat(a.Cols, b.Cols)
	for p := range a.Rows {
		for i := range a.Cols {
			axpy(c.Row(i), a.At(p, i), b.Row(p))
		}
	}
	return c
}
