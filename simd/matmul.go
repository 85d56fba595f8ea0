package simd

import "sync"

// MatMul stores alpha·a·b in dst: a is n×k, b is k×m, dst is n×m.
//
// An element of a product is one chain of fused multiply-adds in ascending order of the inner
// index. It starts from +0, or in the functions that add from the element of dst, and is multiplied
// by alpha at the end. Its bits depend on nothing else, neither on the shapes nor on how a caller
// cuts the matrices. 0·Inf is NaN, as in IEEE arithmetic. dst is read only by the functions that
// add to it, and must be apart from a and b.
func MatMul(dst Matrix, alpha float32, a, b Matrix) {
	const op = "simd.MatMul"
	dst.Check(op, "dst", -1, -1)
	b.Check(op, "b", a.Cols, dst.Cols)
	apart(op, "b", dst, b)
	p := packs.Get().(*Packed)
	p.Pack(b)
	p.product(op, dst, alpha, a, false, false)
	packs.Put(p)
}

// MatMulTransB stores alpha·a·bᵀ in dst, the matrix of similarities of the rows of a and b: a is
// n×k, b is m×k, dst is n×m. See [MatMul].
func MatMulTransB(dst Matrix, alpha float32, a, b Matrix) {
	const op = "simd.MatMulTransB"
	dst.Check(op, "dst", -1, -1)
	b.Check(op, "b", dst.Cols, a.Cols)
	apart(op, "b", dst, b)
	p := packs.Get().(*Packed)
	p.PackTrans(b)
	p.product(op, dst, alpha, a, false, false)
	packs.Put(p)
}

// MatMulTransA stores alpha·aᵀ·b in dst: a is k×n, b is k×m, dst is n×m. See [MatMul].
func MatMulTransA(dst Matrix, alpha float32, a, b Matrix) {
	const op = "simd.MatMulTransA"
	dst.Check(op, "dst", -1, -1)
	b.Check(op, "b", a.Rows, dst.Cols)
	apart(op, "b", dst, b)
	p := packs.Get().(*Packed)
	p.Pack(b)
	p.product(op, dst, alpha, a, true, false)
	packs.Put(p)
}

// AddMatMul adds a·b to dst: a is n×k, b is k×m, dst is n×m. See [MatMul].
func AddMatMul(dst, a, b Matrix) {
	const op = "simd.AddMatMul"
	dst.Check(op, "dst", -1, -1)
	b.Check(op, "b", a.Cols, dst.Cols)
	apart(op, "b", dst, b)
	p := packs.Get().(*Packed)
	p.Pack(b)
	p.product(op, dst, 1, a, false, true)
	packs.Put(p)
}

// AddMatMulTransA adds aᵀ·b to dst: a is k×n, b is k×m, dst is n×m. See [MatMul].
func AddMatMulTransA(dst, a, b Matrix) {
	const op = "simd.AddMatMulTransA"
	dst.Check(op, "dst", -1, -1)
	b.Check(op, "b", a.Rows, dst.Cols)
	apart(op, "b", dst, b)
	p := packs.Get().(*Packed)
	p.Pack(b)
	p.product(op, dst, 1, a, true, true)
	packs.Put(p)
}

// Mul stores alpha·a·b in dst, where b is the matrix that p holds. See [MatMul].
func (p *Packed) Mul(dst Matrix, alpha float32, a Matrix) {
	p.product("simd.Packed.Mul", dst, alpha, a, false, false)
}

// AddMul adds a·b to dst, where b is the matrix that p holds. See [MatMul].
func (p *Packed) AddMul(dst, a Matrix) {
	p.product("simd.Packed.AddMul", dst, 1, a, false, true)
}

// MulTransA stores alpha·aᵀ·b in dst, where b is the matrix that p holds. See [MatMul].
func (p *Packed) MulTransA(dst Matrix, alpha float32, a Matrix) {
	p.product("simd.Packed.MulTransA", dst, alpha, a, true, false)
}

// AddMulTransA adds aᵀ·b to dst, where b is the matrix that p holds. See [MatMul].
func (p *Packed) AddMulTransA(dst, a Matrix) {
	p.product("simd.Packed.AddMulTransA", dst, 1, a, true, true)
}

var (
	packs      = sync.Pool{New: func() any { return new(Packed) }}
	workspaces = sync.Pool{New: func() any { return new(workspace) }}
)

// An operand is a block of a: element (i, k) is data[i*rs+k*cs].
type operand struct {
	data   []float32
	rs, cs int
}

func (a operand) at(i, k int) operand {
	return operand{a.data[i*a.rs+k*a.cs:], a.rs, a.cs}
}

// A workspace is the scratch memory of one product.
type workspace struct {
	a       []float32 // a copy of a block of a, if the kernel cannot or should not work on a itself
	edge    []float32 // the last rows of a block of a, padded with zeros to a tile
	c       []float32 // tiles that stick out of dst
	rounded []float32 // a block of a in the precision of the product
}

func (p *Packed) product(op string, dst Matrix, alpha float32, a Matrix, transA, add bool) {
	n, k := a.Rows, a.Cols
	x := operand{a.Data, a.Stride, 1}
	if transA {
		n, k = k, n
		x = operand{a.Data, 1, a.Stride}
		a.Check(op, "a", p.rows, dst.Rows)
	} else {
		a.Check(op, "a", dst.Rows, p.rows)
	}
	dst.Check(op, "dst", n, p.cols)
	apart(op, "a", dst, a)
	if n == 0 || p.cols == 0 {
		return
	}
	if k == 0 {
		if !add {
			for i := range n {
				row := dst.Row(i)
				for j := range row {
					row[j] = alpha * 0 // an empty chain
				}
			}
		}
		return
	}
	w := workspaces.Get().(*workspace)
	for i := 0; i < n; i += blockRows {
		rows := min(blockRows, n-i)
		cols := roundUp(blockRows*blockCols/rows, PackAlign) // fewer rows leave room for more columns
		if p.inner(0) == k {
			cols = p.cols // no block of dst is visited twice
		}
		for j := 0; j < p.cols; j += cols {
			c := Matrix{Rows: rows, Cols: min(cols, p.cols-j), Stride: dst.Stride}
			c.Data = dst.Data[i*dst.Stride+j:]
			for k0, kc := 0, 0; k0 < k; k0 += kc {
				kc = p.inner(k0)
				scale := float32(1)
				if k0+kc == k {
					scale = alpha
				}
				w.block(c, x.at(i, k0), p, k0, j, kc, scale, add || k0 > 0)
			}
		}
	}
	workspaces.Put(w)
}

// block updates c, which has at most blockRows rows, with the product of a block of a and the rows
// k0 to k0+kc−1 of b. Column 0 of c is column j0 of b.
func (w *workspace) block(c Matrix, a operand, p *Packed, k0, j0, kc int, alpha float32, add bool) {
	mr := p.tile.rows
	full := c.Rows / mr * mr
	depth := p.tile.depth(kc)
	if p.tile.format != plain {
		a = w.round(a, c.Rows, kc, p.tile)
	}
	if a.rs == 1 && a.cs%aliasing == 0 {
		a = w.compact(a, c.Rows, depth)
	}
	edge := a // the rows after the full tiles
	switch {
	case p.tile.columnMajor && a.rs != 1:
		mp := roundUp(c.Rows, mr)
		w.a = grow(w.a, mp*depth)
		turn(w.a, mp, a.data, a.rs, c.Rows, depth)
		a = operand{w.a, 1, mp}
		edge = operand{w.a[full:], 1, mp}
	case full < c.Rows:
		edge = w.padEdge(a.at(full, 0), c.Rows-full, mr, depth)
	}
	for j := 0; j < c.Cols; j += p.tile.cols {
		w.panel(c, j, a, edge, full, p.panel(k0, kc, j0+j), p.tile, depth, alpha, add)
	}
}

// aliasing is a distance, 4 KiB, at which numbers compete for the same lines of the first-level
// cache.
const aliasing = 1 << 10

// compact copies a block whose columns lie a multiple of aliasing apart, so that they are adjacent.
// The copy takes about 3 % of the time of a product that would otherwise run at three quarters of
// its speed.
func (w *workspace) compact(a operand, rows, kc int) operand {
	w.a = grow(w.a, rows*kc)
	for k := range kc {
		copy(w.a[k*rows:][:rows], a.data[k*a.cs:])
	}
	return operand{w.a, 1, rows}
}

// padEdge copies the given number of rows of a, fewer than a tile has, and pads them with zeros.
func (w *workspace) padEdge(a operand, rows, mr, kc int) operand {
	w.edge = grow(w.edge, mr*kc)
	clear(w.edge)
	for i := range rows {
		for k := range kc {
			w.edge[k*mr+i] = a.data[i*a.rs+k*a.cs]
		}
	}
	return operand{w.edge, 1, mr}
}

// callSize bounds rows × inner dimension of one call of the gemm kernel, to about 10 µs. A call
// updates a multiple of callRows rows, which are whole tiles at every level.
const (
	callSize = 1 << 15
	callRows = 24
)

// panel updates those columns of c, the first of them j, that one panel of b covers. It is never
// inlined, because the scheduler and the garbage collector get a turn between calls of assembly
// only where a function that calls others is entered.
//
//go:noinline
func (w *workspace) panel(
	c Matrix, j int, a, edge operand, full int, b []float32, t tile, kc int, alpha float32, add bool,
) {
	step := max(callSize/kc/callRows, 1) * callRows
	whole := j+t.cols <= c.Cols
	for i := 0; i < full; i += step {
		rows := min(step, full-i)
		if whole {
			t.gemm(c.Data[i*c.Stride+j:], c.Stride, a.at(i, 0), b, kc, rows, alpha, add)
		} else {
			w.partial(c, i, j, rows, rows, a.at(i, 0), b, t, kc, alpha, add)
		}
	}
	if full < c.Rows {
		w.partial(c, full, j, c.Rows-full, t.rows, edge, b, t, kc, alpha, add)
	}
}

// partial is a kernel call for rows × t.cols elements, not all of which lie inside c, by way of a
// copy. inside is how many rows do.
func (w *workspace) partial(
	c Matrix, i, j, inside, rows int, a operand, b []float32, t tile, kc int, alpha float32, add bool,
) {
	w.c = grow(w.c, rows*t.cols)
	cols := min(t.cols, c.Cols-j)
	if add {
		for r := range inside {
			copy(w.c[r*t.cols:], c.Row(i + r)[j:j+cols])
		}
	}
	t.gemm(w.c, t.cols, a, b, kc, rows, alpha, add)
	for r := range inside {
		copy(c.Row(i + r)[j:j+cols], w.c[r*t.cols:])
	}
}
