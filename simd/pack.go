package simd

// A Packed matrix is the right operand b of matrix products, laid out for the
// kernels: pack once, multiply often. The zero value is ready for Pack, which
// reuses its memory. It may be shared by goroutines that only multiply.
type Packed struct {
	rows, cols int // shape of b
	tile       tile
	data       []float32
}

// The blocks of the inner dimension and of the rows that a product works on at a
// time, so that a panel of b stays in the first-level cache and a block of a in the
// second. They do not change the bits.
const (
	blockInner = 256
	blockRows  = 192 // a multiple of all tile heights
)

// Pack lays out b for the products a·b and aᵀ·b.
func (p *Packed) Pack(b Matrix) {
	b.Check("simd.Packed.Pack", "b", -1, -1)
	p.resize(b.Rows, b.Cols)
	dst, nr := p.data, p.tile.cols
	for k0 := 0; k0 < b.Rows; k0 += blockInner {
		kc := min(blockInner, b.Rows-k0)
		for k := range kc {
			row, at := b.Row(k0+k), k*nr
			for ; len(row) >= nr; row = row[nr:] {
				copy(dst[at:at+nr], row)
				at += kc * nr
			}
			if len(row) > 0 {
				last := dst[at : at+nr]
				clear(last[copy(last, row):])
			}
		}
		dst = dst[kc*roundUp(b.Cols, nr):]
	}
}

// PackTrans lays out bᵀ, for the product a·bᵀ.
func (p *Packed) PackTrans(b Matrix) {
	b.Check("simd.Packed.PackTrans", "b", -1, -1)
	p.resize(b.Cols, b.Rows)
	dst, nr := p.data, p.tile.cols
	for k0 := 0; k0 < b.Cols; k0 += blockInner {
		kc := min(blockInner, b.Cols-k0)
		for j := 0; j < b.Rows; j += nr {
			w := min(nr, b.Rows-j)
			transpose(dst[:kc*nr], nr, b.Data[j*b.Stride+k0:], b.Stride, w, kc)
			dst = dst[kc*nr:]
		}
	}
}

// transpose stores the rows × cols block src, transposed, in dst, whose rows are
// width long, and zeros beyond. rows is at most width.
func transpose(dst []float32, width int, src []float32, stride, rows, cols int) {
	i := 0
	for ; i+4 <= rows; i += 4 {
		r0, r1 := src[i*stride:][:cols], src[(i+1)*stride:][:cols]
		r2, r3 := src[(i+2)*stride:][:cols], src[(i+3)*stride:][:cols]
		for k := range r0 {
			d := (*[4]float32)(dst[k*width+i:])
			d[0], d[1], d[2], d[3] = r0[k], r1[k], r2[k], r3[k]
		}
	}
	for ; i < rows; i++ {
		for k, v := range src[i*stride:][:cols] {
			dst[k*width+i] = v
		}
	}
	for ; i < width; i++ {
		for k := range cols {
			dst[k*width+i] = 0
		}
	}
}

func (p *Packed) resize(rows, cols int) {
	p.rows, p.cols, p.tile = rows, cols, gemmTile()
	n := rows * roundUp(cols, p.tile.cols)
	if cap(p.data) < n {
		p.data = make([]float32, n)
	}
	p.data = p.data[:n]
}

// panel returns the kc × tile.cols panel at row k0, column j of b.
func (p *Packed) panel(k0, kc, j int) []float32 {
	at := k0*roundUp(p.cols, p.tile.cols) + kc*j
	return p.data[at : at+kc*p.tile.cols]
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
