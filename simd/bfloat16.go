package simd

import (
	"fmt"
	"math"
	"sync"

	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
)

// multipliesPairs reports whether products of bfloat16 go to GemmPairs at the level in use. Other
// levels round to bfloat16 and go to Gemm.
func multipliesPairs() bool { return cpu.Active() >= cpu.AVX512BF16 && exactPairs() }

// exactPairs reports whether this CPU multiplies pairs as generic.GemmPairs does, which is what the
// manuals of AMD and Intel say. It has been seen on AMD's Zen 4 only, hence the trial: numbers of
// many magnitudes, so that most sums round and depend on their order.
var exactPairs = sync.OnceValue(func() bool {
	const k = 8
	t := gemmTile()
	a, b, c := make([]float32, t.rows*k), make([]float32, t.cols*k), make([]float32, t.rows*t.cols)
	u := uint32(1)
	for _, x := range [][]float32{a, b} {
		for i := range x {
			u ^= u << 13 // xorshift, Marsaglia 2003
			u ^= u >> 17
			u ^= u << 5
			x[i] = math.Float32frombits(0x3c003c00 + u&0x87ff87ff) // pairs of size 2^-7 to 2^9
		}
	}
	gemmPairs(c, t.cols, a, k, 1, b, k, t.rows, 1, false)
	for i, got := range c {
		var s float32
		for p := range k {
			x, y := math.Float32bits(a[i/t.cols*k+p]), math.Float32bits(b[p*t.cols+i%t.cols])
			s = FMA(math.Float32frombits(x>>16<<16), math.Float32frombits(y>>16<<16), s)
			s = FMA(math.Float32frombits(x<<16), math.Float32frombits(y<<16), s)
		}
		if s != got {
			return false
		}
	}
	return true
})

// zeros are the partner of a last row that has none.
var zeros [blockRows]float32

// alone turns the second number of pairs from +0 to −0. Its product with the +0 in the same place
// of a is −0, which leaves any sum unchanged.
func alone(pairs []float32) {
	for i, v := range pairs {
		pairs[i] = math.Float32frombits(math.Float32bits(v) | 1<<15)
	}
}

// packPairs is packStrip for pairs of rows. row is even.
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

// pairColumns is turn for pairs of columns of src. It is never inlined, see panel.
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

// round returns a block of a in the format of the kernel. One call serves all panels of b. It is
// never inlined, see panel.
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

// even panics if rows i to j−1 of b do not fill pairs, unless they end where b does.
func (p *Packed) even(op string, i, j int) {
	if p.tile.format == plain || i%2 == 0 && (j%2 == 0 || p.row+j == p.total) {
		return
	}
	panic(&ShapeError{op, "the range of rows", fmt.Sprintf("[%d, %d)", i, j), "even bounds in BFloat16"})
}
