package simd_test

import (
	"math"
	"testing"
	"unsafe"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// On an emulator the tests of this file can fail although the kernels are right: qemu 7.2 reads
// the elements that VMASKMOVPS masks off, which a CPU does not.

// No function of vectors touches memory outside its operands, wherever they lie between two pages
// that fault.
func TestVectorFence(t *testing.T) {
	const maxLen = 1100
	step := 1
	if testing.Short() {
		step = 7
	}
	dst, x, y := check.NewFence(t, maxLen), check.NewFence(t, maxLen), check.NewFence(t, maxLen)
	check.EachLevel(t, func(t *testing.T) {
		for _, f := range vectorFuncs {
			for n := 0; n <= maxLen; n += step {
				for places := range 1 << len(f.operands) {
					at := func(i int) bool { return places>>i&1 == 1 }
					d, xs, ys := dst.Slice(n, at(0)), x.Slice(n, at(1)), y.Slice(n, at(2))
					if f.operands[0] == 'x' {
						xs, ys = x.Slice(n, at(0)), y.Slice(n, at(1))
					}
					if check.Faults(func() { f.call(d, xs, ys, 1) }) {
						t.Fatalf("%s n=%d: access outside, operands at ends %b", f.name, n, places)
					}
				}
			}
		}
	})
}

// Nor do they change what lies around their destination.
func TestVectorCanaries(t *testing.T) {
	const maxLen = 1100
	r := check.NewRand(1)
	x, y := r.Normals32(maxLen), r.Normals32(maxLen)
	step := 1
	if testing.Short() {
		step = 7
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, f := range vectorFuncs {
			if f.operands[0] != 'd' {
				continue
			}
			for n := 0; n <= maxLen; n += step {
				off := n % 16
				buf := repeat(math.Float32frombits(canary), off+n+2*moat)
				dst := buf[off+moat:][:n]
				clear(dst)
				f.call(dst, x[:n], y[:n], 1)
				for i, v := range buf {
					if (i < off+moat || i >= off+moat+n) && math.Float32bits(v) != canary {
						t.Fatalf("%s n=%d: element %d became %v", f.name, n, i-off-moat, v)
					}
				}
			}
		}
	})
}

// fencedMatrix returns a matrix whose first element follows a page that faults, or whose last
// precedes one.
func fencedMatrix(f *check.Fence, rows, cols, gap int, atEnd bool) simd.Matrix {
	n := 0
	if rows > 0 {
		n = (rows-1)*(cols+gap) + cols
	}
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols + gap, Data: f.Slice(n, atEnd)}
}

// No product touches memory outside its operands, with whole tiles, edges and more than one block.
func TestProductFence(t *testing.T) {
	extents := []int{1, 2, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 20, 25, 28, 32, 33}
	if testing.Short() {
		extents = []int{1, 6, 7, 16, 17, 33}
	}
	type size struct{ n, k, m int }
	sizes := []size{{193, 257, 17}, {97, 3, 50}, {7, 769, 9}, {200, 256, 16}, {0, 3, 3}, {3, 0, 3}, {3, 3, 0}}
	for _, n := range extents {
		for _, k := range []int{1, 3, 8, 33} {
			for _, m := range extents {
				sizes = append(sizes, size{n, k, m})
			}
		}
	}
	const most = 200 * 260
	dst, a, b := check.NewFence(t, most), check.NewFence(t, most), check.NewFence(t, most)
	check.EachLevel(t, func(t *testing.T) {
		for _, p := range products {
			for _, s := range sizes {
				as, bs := p.shapes(s.n, s.k, s.m)
				for places := range 8 {
					if large := s.n*s.k*s.m > 1e5; large && places != 0 && places != 7 {
						continue // all at the beginning, or all at the end
					}
					gap := places % 3
					md := fencedMatrix(dst, s.n, s.m, gap, places&1 == 1)
					ma := fencedMatrix(a, as[0], as[1], gap, places&2 == 2)
					mb := fencedMatrix(b, bs[0], bs[1], gap, places&4 == 4)
					if check.Faults(func() { p.call(md, 1, ma, mb) }) {
						t.Fatalf("%s %+v: access outside, operands at ends %b", p.name, s, places)
					}
				}
			}
		}
	})
}

// Nor do the functions of rows.
func TestRowsFence(t *testing.T) {
	const most = 20 * 200
	dst, x, g, s := check.NewFence(t, most), check.NewFence(t, most), check.NewFence(t, most), check.NewFence(t, 20)
	check.EachLevel(t, func(t *testing.T) {
		for rows := range 5 {
			for cols := range 150 {
				for places := range 16 {
					gap := places % 3
					md := fencedMatrix(dst, rows, cols, gap, places&1 == 1)
					mx := fencedMatrix(x, rows, cols, gap, places&2 == 2)
					mg := fencedMatrix(g, rows, cols, gap, places&4 == 4)
					ms := s.Slice(rows, places&8 == 8)
					for _, f := range []struct {
						name string
						call func()
					}{
						{"LogSumExpRows", func() { simd.LogSumExpRows(ms, mx) }},
						{"SoftmaxRows", func() { simd.SoftmaxRows(md, mx, ms) }},
						{"NormalizeRows", func() { simd.NormalizeRows(md, mx, ms) }},
						{"AddNormalizeRowsGrad", func() { simd.AddNormalizeRowsGrad(md, 1, mg, mx, ms) }},
						{"Pack", func() { packed.Pack(mx) }},
						{"PackTrans", func() { packed.PackTrans(mx) }},
					} {
						if check.Faults(f.call) {
							t.Fatalf("%s %d×%d: access outside, operands at ends %b", f.name, rows, cols, places)
						}
					}
				}
			}
		}
	})
}

// stretched returns x with one more element behind its end, or else before its beginning.
func stretched(x []float32, atEnd bool) []float32 {
	p := unsafe.Pointer(unsafe.SliceData(x))
	if !atEnd {
		p = unsafe.Add(p, -4)
	}
	return unsafe.Slice((*float32)(p), len(x)+1)
}

// The test of the tests: the fences see a kernel that goes too far. Each function is given each of
// its operands with one element that its memory does not have; so its kernel, at every level, is
// one that reads or writes an element too many.
func TestFenceCatchesVectorKernels(t *testing.T) {
	if !check.Guarded() {
		t.Skip("this system has no guard pages here; Linux has")
	}
	const maxLen = 200
	fence := check.NewFence(t, maxLen)
	check.EachLevel(t, func(t *testing.T) {
		for _, f := range vectorFuncs {
			for n := range maxLen {
				for _, operand := range []byte(f.operands) {
					for _, atEnd := range []bool{false, true} {
						dst, x, y := make([]float32, n+1), make([]float32, n+1), make([]float32, n+1)
						over := stretched(fence.Slice(n, atEnd), atEnd)
						switch operand {
						case 'd':
							dst = over
						case 'x':
							x = over
						case 'y':
							y = over
						}
						if !check.Faults(func() { f.call(dst, x, y, 1) }) {
							t.Fatalf("%s n=%d: access outside operand %c is not caught, atEnd=%v", f.name, n, operand, atEnd)
						}
					}
				}
			}
		}
	})
}

// The same for products: whole tiles only, where the kernel itself reads a and writes dst, and
// edges.
func TestFenceCatchesProducts(t *testing.T) {
	if !check.Guarded() {
		t.Skip("this system has no guard pages here; Linux has")
	}
	fence := check.NewFence(t, 100*100)
	check.EachLevel(t, func(t *testing.T) {
		for _, p := range products {
			for _, s := range []struct{ n, k, m int }{{24, 5, 48}, {24, 40, 48}, {48, 1, 96}, {7, 9, 17}, {1, 1, 1}, {5, 2, 15}} {
				as, bs := p.shapes(s.n, s.k, s.m)
				for _, operand := range []string{"dst", "a", "b"} {
					for _, atEnd := range []bool{false, true} {
						over := func(rows, cols int) simd.Matrix {
							return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: stretched(fence.Slice(rows*cols-1, atEnd), atEnd)}
						}
						dst, a, b := simd.NewMatrix(s.n, s.m), simd.NewMatrix(as[0], as[1]), simd.NewMatrix(bs[0], bs[1])
						switch operand {
						case "dst":
							dst = over(dst.Rows, dst.Cols)
						case "a":
							a = over(a.Rows, a.Cols)
						case "b":
							b = over(b.Rows, b.Cols)
						}
						if !check.Faults(func() { p.call(dst, 1, a, b) }) {
							t.Fatalf("%s %+v: access outside %s is not caught, atEnd=%v", p.name, s, operand, atEnd)
						}
					}
				}
			}
		}
	})
}
