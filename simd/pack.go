package simd

import (
	"fmt"
	"unsafe"

	"github.com/contrast-go/contrast/internal/generic"
)

// A Packed matrix is the right operand b of matrix products, laid out for the kernels: pack once,
// multiply often. The zero value is an empty matrix. Pack, PackTrans and Reset reuse its memory.
// Goroutines may share it as long as they only multiply.
type Packed struct {
	// Precision is that of the products with what is packed after it is set.
	Precision Precision

	rows, cols int // shape of b
	tile       tile
	block      int // rows of a block
	data       []float32

	// If b is a view, a part of a larger matrix:
	view         bool
	row, col     int // where it begins
	total, width int // rows of the larger matrix, and its columns rounded up to tiles
}

// The blocks that a product works on at a time, which do not change the bits. A block of
// blockRows × blockInner elements of a, one of blockRows × blockCols elements of the result and a
// panel of b stay in the second-level cache. The longer the inner dimension of a block, the less
// often the result is loaded and stored: up to 768 there is one block only.
const (
	blockInner = 768
	blockRows  = 192 // a multiple of all tile heights
	blockCols  = 4 * PackAlign
)

// The columns of a Packed matrix may be cut at multiples of PackAlign, which is a multiple of the
// widths of all tiles.
const PackAlign = 96

// Pack lays out b for the products a·b and aᵀ·b.
func (p *Packed) Pack(b Matrix) {
	const op = "simd.Packed.Pack"
	b.Check(op, "b", -1, -1)
	p.reset(op, b.Rows, b.Cols)
	p.pack(0, b)
}

// PackTrans lays out bᵀ, for the product a·bᵀ.
func (p *Packed) PackTrans(b Matrix) {
	const op = "simd.Packed.PackTrans"
	b.Check(op, "b", -1, -1)
	p.reset(op, b.Cols, b.Rows)
	p.packTrans(0, b)
}

// Reset makes room for a rows × cols right operand. Its elements are unspecified until PackAt or
// PackTransAt has laid out all parts. Like [NewMatrix] it panics if the shape is impossible.
func (p *Packed) Reset(rows, cols int) {
	p.reset("simd.Packed.Reset", rows, cols)
}

// PackAt lays out b as rows row to row + b.Rows − 1 of the right operand. b has as many columns as
// that. Goroutines may lay out different rows at the same time.
func (p *Packed) PackAt(row int, b Matrix) {
	const op = "simd.Packed.PackAt"
	p.whole(op)
	b.Check(op, "b", -1, p.cols)
	within(op, "the range of rows", row, row+b.Rows, p.rows)
	p.even(op, row, row+b.Rows)
	p.pack(row, b)
}

// PackTransAt lays out bᵀ as columns col to col + b.Rows − 1 of the right operand. bᵀ has as many
// rows as that. col is a multiple of [PackAlign], and so is b.Rows unless it reaches to the last
// column. Goroutines may lay out different columns at the same time.
func (p *Packed) PackTransAt(col int, b Matrix) {
	const op = "simd.Packed.PackTransAt"
	p.whole(op)
	b.Check(op, "b", -1, p.rows)
	within(op, "the range of columns", col, col+b.Rows, p.cols)
	aligned(op, "col", col)
	if col+b.Rows < p.cols {
		aligned(op, "b.Rows", b.Rows)
	}
	p.packTrans(col, b)
}

// Slice returns a view of rows r0 to r1−1 and columns c0 to c1−1 of the right operand, in the same
// memory. c0 is a multiple of [PackAlign]. A view only multiplies: packing it panics.
func (p *Packed) Slice(r0, r1, c0, c1 int) Packed {
	const op = "simd.Packed.Slice"
	within(op, "the range of rows", r0, r1, p.rows)
	within(op, "the range of columns", c0, c1, p.cols)
	aligned(op, "c0", c0)
	p.even(op, r0, r1)
	v := *p
	v.view = true
	v.rows, v.cols = r1-r0, c1-c0
	v.row, v.col = p.row+r0, p.col+c0
	return v
}

// whole panics if p is a view.
func (p *Packed) whole(op string) {
	if p.view {
		panic(&ShapeError{op, "the receiver", "a view", "what is not a view"})
	}
}

func within(op, arg string, i, j, n int) {
	if i < 0 || j < i || j > n {
		panic(&ShapeError{op, arg, fmt.Sprintf("[%d, %d)", i, j), fmt.Sprintf("within [0, %d)", n)})
	}
}

func aligned(op, arg string, i int) {
	if i%PackAlign != 0 {
		panic(&ShapeError{op, arg, fmt.Sprint(i), fmt.Sprintf("a multiple of %d", PackAlign)})
	}
}

func (p *Packed) reset(op string, rows, cols int) {
	p.whole(op)
	elements(op, rows, cols)
	p.rows, p.cols, p.tile = rows, cols, p.Precision.tile()
	p.total, p.width = rows, roundUp(cols, p.tile.cols)
	blocks := max(1, (rows+blockInner-1)/blockInner)
	p.block = roundUp((rows+blocks-1)/blocks, 8) // of about equal length, so that none is short
	p.data = grow(p.data, elements(op, p.tile.depth(rows), p.width))
}

// The layout is blocks of p.block rows; a block is panels of tile.cols columns; a panel is its
// rows. Zeros fill up the last panel.

// inner returns how many rows, the first of them k, lie in one block.
func (p *Packed) inner(k int) int {
	return min(p.block-(p.row+k)%p.block, p.rows-k)
}

// at returns where row k of the panel at column j begins, and how far apart panels are.
func (p *Packed) at(k, j int) (at, panel int) {
	k += p.row
	first := k / p.block * p.block
	depth := p.tile.depth
	kc := depth(min(p.block, p.total-first))
	return depth(first)*p.width + kc*(p.col+j) + depth(k-first)*p.tile.cols, kc * p.tile.cols
}

// panel returns rows k to k+kc−1, which lie in one block, of the panel at column j.
func (p *Packed) panel(k, kc, j int) []float32 {
	at, _ := p.at(k, j)
	return p.data[at : at+p.tile.depth(kc)*p.tile.cols]
}

// packRows is how many rows are laid out at a time: few enough that each page of b is read once
// only, and enough that whole runs of a panel are written.
const packRows = 32

func (p *Packed) pack(row int, b Matrix) {
	for i, n := 0, 0; i < b.Rows; i += n {
		n = min(packRows, p.inner(row+i), b.Rows-i)
		if p.tile.format == paired {
			p.packPairs(row+i, b.Slice(i, i+n))
		} else {
			p.packStrip(row+i, b.Slice(i, i+n))
		}
	}
}

// packStrip lays out b, whose first row is the given one and whose rows lie in one block. It is
// never inlined, see workspace.panel.
//
//go:noinline
func (p *Packed) packStrip(row int, b Matrix) {
	nr := p.tile.cols
	at, panel := p.at(row, 0)
	for j := 0; j < b.Cols; j += nr {
		dst := p.data[at:][:b.Rows*nr]
		if cols := b.Cols - j; cols < nr {
			for i := range b.Rows {
				last := dst[i*nr:][:nr]
				clear(last[copy(last, b.Row(i)[j:]):])
			}
		} else {
			copyBlock(dst, nr, b.Data[j:], b.Stride, b.Rows, nr)
		}
		if p.tile.format == rounded {
			generic.RoundBFloat16(dst, dst)
		}
		at += panel
	}
}

func (p *Packed) packTrans(col int, b Matrix) {
	nr := p.tile.cols
	w := workspaces.Get().(*workspace)
	for k, kc := 0, 0; k < p.rows; k += kc {
		kc = p.inner(k)
		for j := 0; j < b.Rows; j += nr {
			dst, src, rows := p.panel(k, kc, col+j), b.Data[j*b.Stride+k:], min(nr, b.Rows-j)
			switch p.tile.format {
			case plain:
				turn(dst, nr, src, b.Stride, rows, kc)
			case rounded:
				turn(dst, nr, src, b.Stride, rows, kc)
				generic.RoundBFloat16(dst, dst)
			case paired:
				w.pairColumns(dst, nr, src, b.Stride, rows, kc)
			}
		}
	}
	workspaces.Put(w)
}

// turn stores the transpose of the rows × cols block src in dst, whose rows are width long, with
// zeros after the first rows elements of each. It is never inlined, see workspace.panel.
//
//go:noinline
func turn(dst []float32, width int, src []float32, stride, rows, cols int) {
	r, c := rows&^7, cols&^7
	if r > 0 && c > 0 {
		transpose(dst, width, src, stride, r, c)
	}
	if c < cols {
		generic.Transpose(dst[c*width:], width, src[c:], stride, r, cols-c)
	}
	if r < rows {
		generic.Transpose(dst[r:], width, src[r*stride:], stride, rows-r, cols)
	}
	if rows < width {
		for k := range cols {
			clear(dst[k*width+rows : (k+1)*width])
		}
	}
}

// grow returns n elements, in the memory of x if that is large enough. They begin at a cache line,
// because a load across two lines costs twice as much.
func grow(x []float32, n int) []float32 {
	if cap(x) >= n {
		return x[:n]
	}
	const line = 64 / 4
	x = make([]float32, n+line-1)
	past := int(uintptr(unsafe.Pointer(unsafe.SliceData(x)))/4) % line
	return x[(line-past)%line:][:n]
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
