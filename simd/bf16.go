package simd

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/internal/generic"
)

// A Precision says to what a product rounds its operands. Sums are float32 in any case.
type Precision uint8

const (
	// Float32 is the precision of the operands themselves.
	Float32 Precision = iota

	// BFloat16 rounds both operands to the nearest bfloat16, of two the even one: to 8 significant
	// bits, a relative error of at most 2^-8. Numbers below 2^-56 become 0, numbers
	// that round to 2^128 become infinite. The product is then that of the rounded operands
	// in Float32, bit for bit, on every CPU. AVX512_BF16 computes it at twice the speed;
	// elsewhere it costs a little more than Float32.
	//
	// A product may be added to an element of dst that is 0, a sum of such products with
	// alpha = 1, or at least 2^-103 in magnitude. With others the result may be off by 2^-126,
	// and differ between CPUs by that, for AVX512_BF16 takes subnormal numbers for 0.
	BFloat16
)

// String returns the name of the constant.
func (x Precision) String() string {
	switch x {
	case Float32:
		return "Float32"
	case BFloat16:
		return "BFloat16"
	}
	return fmt.Sprintf("Precision(%d)", uint8(x))
}

// A format is how a gemm kernel takes its operands.
type format uint8

const (
	plain   format = iota
	rounded        // float32 that are bfloat16
	paired         // pairs of bfloat16, neighbours along the inner dimension
)

// tile returns the tile of the kernel for products of precision x.
func (x Precision) tile() tile {
	switch x {
	case Float32:
		return gemmTile()
	case BFloat16:
		return bfloat16Tile()
	}
	panic("simd: unknown " + x.String())
}

// depth returns how many elements the kernel finds in the place of k along the inner dimension.
func (t tile) depth(k int) int {
	if t.format == paired {
		return (k + 1) / 2
	}
	return k
}

// gemm calls the kernel.
func (t tile) gemm(c []float32, ldc int, a operand, b []float32, depth, rows int, alpha float32, add bool) {
	if t.format == paired {
		gemmPairs(c, ldc, a.data, a.rs, a.cs, b, depth, rows, alpha, add)
	} else {
		gemm(c, ldc, a.data, a.rs, a.cs, b, depth, rows, alpha, add)
	}
}

// zeros stand beside a row that makes pairs but has no partner.
var zeros [blockRows]float32

// alone gives pairs of a number and 0 a −0. The product with the +0 that stands there in a
// is a −0, which leaves any sum as it is.
func alone(pairs []float32) {
	for i, v := range pairs {
		pairs[i] = math.Float32frombits(math.Float32bits(v) | 1<<15)
	}
}

// packPairs is packStrip for pairs. row is even.
//
//go:noinline
func (p *Packed) packPairs(row int, b Matrix) {
	nr := p.tile.cols
	at, panel := p.at(row, 0)
	for j := 0; j < b.Cols; j += nr {
		cols := min(nr, b.Cols-j)
		for i := 0; i < b.Rows; i += 2 {
			dst, x := p.data[at+i/2*nr:][:cols], b.Data[i*b.Stride+j:]
			if i+1 < b.Rows {
				pairRows(dst, x, x[b.Stride:])
			} else {
				pairRows(dst, x, zeros[:])
				alone(dst)
			}
			if cols < nr {
				clear(p.data[at+i/2*nr:][cols:nr])
			}
		}
		at += panel
	}
}

// pairColumns stores the rows × cols block src, transposed, in dst, as pairs of its columns. dst
// is width wide, with zeros beyond rows. Like panel it is never inlined.
//
//go:noinline
func (w *workspace) pairColumns(dst []float32, width int, src []float32, stride, rows, cols int) {
	depth := (cols + 1) / 2
	w.a = grow(w.a, rows*depth)
	for i := range rows {
		pairRow(w.a[i*depth:][:depth], src[i*stride:][:cols])
	}
	turn(dst, width, w.a, depth, rows, depth)
	if cols%2 == 1 {
		alone(dst[(depth-1)*width:][:rows])
	}
}

// round returns a block of a in the format of the kernel. It is rounded once for all panels of b.
//
//go:noinline
func (w *workspace) round(a operand, rows, kc int, t tile) operand {
	depth := t.depth(kc)
	w.rounded = grow(w.rounded, rows*depth)
	dst := w.rounded
	switch {
	case t.format == rounded && a.cs == 1:
		for i := range rows {
			generic.RoundBFloat16(dst[i*kc:][:kc], a.data[i*a.rs:])
		}
	case t.format == rounded:
		for k := range kc {
			generic.RoundBFloat16(dst[k*rows:][:rows], a.data[k*a.cs:])
		}
	case a.cs == 1:
		for i := range rows {
			pairRow(dst[i*depth:][:depth], a.data[i*a.rs:][:kc])
		}
	default:
		for k := 0; k < kc; k += 2 {
			x, y := a.data[k*a.cs:][:rows], zeros[:rows]
			if k+1 < kc {
				y = a.data[(k+1)*a.cs:][:rows]
			}
			pairRows(dst[k/2*rows:][:rows], x, y)
		}
	}
	if a.cs == 1 {
		return operand{dst, depth, 1}
	}
	return operand{dst, 1, rows}
}

// even panics if rows in [i, j) of b do not fill pairs, though they may end where b does.
func (p *Packed) even(op string, i, j int) {
	if p.tile.format == plain || i%2 == 0 && (j%2 == 0 || p.row+j == p.total) {
		return
	}
	panic(&ShapeError{op, "the range of rows", fmt.Sprintf("[%d, %d)", i, j), "even bounds in BFloat16"})
}
