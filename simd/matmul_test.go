package simd_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// chain is the definition of the products, for operands as p takes them: one chain of
// fused multiply-adds an element.
func chain(p product, dst simd.Matrix, alpha float32, a, b simd.Matrix) {
	ars, acs, k := a.Stride, 1, a.Cols
	if p.transA {
		ars, acs, k = 1, a.Stride, a.Rows
	}
	brs, bcs := b.Stride, 1
	if p.transB {
		brs, bcs = 1, b.Stride
	}
	for i := range dst.Rows {
		for j := range dst.Cols {
			var s float32
			if p.add {
				s, alpha = dst.Row(i)[j], 1
			}
			for q := range k {
				s = simd.FMA(a.Data[i*ars+q*acs], b.Data[q*brs+j*bcs], s)
			}
			dst.Row(i)[j] = alpha * s
		}
	}
}

// try computes an n×m product of inner dimension k by p, and reports an error where it differs from
// the definition or an element outside dst has changed. next returns the elements of the operands.
// dst is NaN before, unless p adds to it. try returns what the definition gives.
func try(t *testing.T, p product, n, k, m, gap int, alpha float32, next func(count int) []float32) (want []float32) {
	t.Helper()
	name := fmt.Sprintf("%s %d×%d×%d gap=%d alpha=%v", p.name, n, k, m, gap, alpha)
	as, bs := p.shapes(n, k, m)
	dst, a, b := newGuarded(n, m, gap), newGuarded(as[0], as[1], 2*gap), newGuarded(bs[0], bs[1], gap+gap/2)
	fill(a.Matrix, next(n*k))
	fill(b.Matrix, next(k*m))
	def := simd.NewMatrix(n, m)
	if p.add {
		fill(def, next(n*m))
		fill(dst.Matrix, def.Data)
	}
	p.call(dst.Matrix, alpha, a.Matrix, b.Matrix)
	chain(p, def, alpha, a.Matrix, b.Matrix)
	check.SameBits(t, name, dense(dst.Matrix), def.Data)
	dst.intact(t, name)
	return def.Data
}

// Products of small integers are exact, so that no tolerance hides a wrong index. All shapes up to
// some limit go through all products, and those up to 40×40×40, which is beyond all tiles,
// through one in turn.
func TestProductsOfIntegers(t *testing.T) {
	const limit = 40
	all, step := 13, 1
	if testing.Short() {
		all, step = 8, 11
	}
	ints := check.NewRand(1).SmallInts(3*limit*limit, 9)
	check.EachLevel(t, func(t *testing.T) {
		turn := 0
		for n := range limit + 1 {
			for k := range limit + 1 {
				for m := range limit + 1 {
					turn++
					switch i := turn / step % len(products); {
					case max(n, k, m) <= all:
						tryIntegers(t, products, n, k, m, ints)
					case turn%step == 0:
						tryIntegers(t, products[i:i+1], n, k, m, ints)
					}
				}
			}
		}
	})
}

// tryIntegers holds products of n×k and k×m elements of ints to the truth.
func tryIntegers(t *testing.T, products []product, n, k, m int, ints []float32) {
	third := len(ints) / 3
	a, b := fill(simd.NewMatrix(n, k), ints), fill(simd.NewMatrix(k, m), ints[third:])
	old := fill(simd.NewMatrix(n, m), ints[2*third:])
	truth := ref.MatMul(ref.FromFloat32(n, k, k, a.Data), ref.FromFloat32(k, m, m, b.Data))
	at, bt := transposed(a), transposed(b)
	for _, p := range products {
		x, y, want := a, b, slices.Clone(truth.Data)
		if p.transA {
			x = at
		}
		if p.transB {
			y = bt
		}
		dst := newGuarded(n, m, (n+k+m)%3)
		for i := range want {
			want[i] *= 3
		}
		if p.add {
			fill(dst.Matrix, old.Data)
			for i, v := range truth.Data {
				want[i] = v + float64(old.Data[i])
			}
		}
		p.call(dst.Matrix, 3, x, y)
		for i, got := range dense(dst.Matrix) {
			if float64(got) != want[i] {
				t.Fatalf("%s %d×%d×%d: element (%d, %d) is %v, want %v", p.name, n, k, m, i/m, i%m, got, want[i])
			}
		}
		dst.intact(t, fmt.Sprintf("%s %d×%d×%d", p.name, n, k, m))
	}
}

func transposed(m simd.Matrix) simd.Matrix {
	t := simd.NewMatrix(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}

// extents are lengths around the blocks of rows (192), of the inner dimension (768) and of
// columns (384 where there are 192 rows), around the tiles, and in between.
func extents(r *check.Rand) (n, k, m int) {
	around := func(block int) int { return max(block-1+r.IntN(3), 0) }
	switch r.IntN(7) {
	case 0:
		return around(192), 1 + r.IntN(20), 1 + r.IntN(20)
	case 1:
		return 1 + r.IntN(20), around(768 * (1 + r.IntN(2))), 1 + r.IntN(20)
	case 2:
		return around(192 * 2), r.IntN(4), 1 + r.IntN(9)
	case 3:
		return around(6 * (1 + r.IntN(8))), r.IntN(60), around(16 * (1 + r.IntN(4)))
	case 4:
		return around(192), 1 + r.IntN(9), around(384)
	case 5:
		return 1 + r.IntN(7), 200 + r.IntN(200), around(8 * (1 + r.IntN(3)))
	}
	return r.IntN(70), r.IntN(70), r.IntN(70)
}

// Every element has the bits of its chain, for all shapes, strides and factors.
func TestProductBits(t *testing.T) {
	trials := 60
	if testing.Short() {
		trials = 15
	}
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(2)
		next := func(count int) []float32 { return r.Float32s(count, -1, 1) }
		alphas := []float32{1, -0.3, 14, 0, inf}
		for _, p := range products {
			for _, alpha := range alphas { // an empty chain is +0 before alpha
				for _, c := range [][3]int{{3, 0, 4}, {3, 1, 17}, {0, 2, 2}, {2, 2, 0}} {
					try(t, p, c[0], c[1], c[2], 1, alpha, next)
				}
			}
		}
		// Strides at which blocks of aᵀ are copied.
		for _, p := range products {
			if p.transA {
				try(t, p, 1024, 5, 3, 0, 1, next)
				try(t, p, 1021, 3, 17, 3, 0.5, next) // twice the gap in a: 1027
				try(t, p, 1018, 2, 17, 3, 0.5, next) // 1024
			}
		}
		for range trials {
			n, k, m := extents(r)
			for _, p := range products {
				try(t, p, n, k, m, r.IntN(4), alphas[r.IntN(len(alphas))], next)
			}
			if t.Failed() {
				return
			}
		}
	})
}

// The residual test of BLIS: C·t against C0·t + alpha·A·(B·t), for t uniform in [−1, 1]/m and
// alpha 1.2, passes where the norm of the difference is at most 1e-5.
func TestProductResidual(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(7)
		worst := 0.0
		trials := 10
		if testing.Short() {
			trials = 3
		}
		for range trials {
			n, k, m := 100+r.IntN(200), 100+r.IntN(200), 100+r.IntN(200)
			for _, p := range products {
				as, bs := p.shapes(n, k, m)
				matrix := func(rows, cols int) simd.Matrix {
					return fill(simd.NewMatrix(rows, cols), r.Float32s(rows*cols, -1, 1))
				}
				a, b, dst := matrix(as[0], as[1]), matrix(bs[0], bs[1]), matrix(n, m)
				v := ref.NewMat(m, 1)
				for i := range v.Data {
					v.Data[i] = float64(2*r.Float64()-1) / float64(m)
				}
				times := func(x simd.Matrix, trans bool, v ref.Mat) ref.Mat {
					if trans {
						x = transposed(x)
					}
					return ref.MatMul(ref.FromFloat32(x.Rows, x.Cols, x.Stride, x.Data), v)
				}
				alpha, old := float32(1.2), ref.NewMat(n, 1)
				if p.add {
					alpha, old = 1, times(dst, false, v)
				}
				right := times(a, p.transA, times(b, p.transB, v))
				p.call(dst, alpha, a, b)
				left := times(dst, false, v)
				sum := 0.0
				for i := range n {
					d := left.Data[i] - old.Data[i] - float64(float64(alpha)*right.Data[i])
					sum += float64(d * d)
				}
				if e := math.Sqrt(sum); !(e <= 1e-5) {
					t.Errorf("%s %d×%d×%d: residual %v, want at most 1e-5", p.name, n, k, m, e)
				} else {
					worst = max(worst, e)
				}
			}
		}
		t.Logf("worst residual %.2g", worst)
	})
}

// An element with k terms is rounded k times, and once more by alpha.
func TestProductTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		worst := 0.0
		for seed, kind := range kinds {
			for _, c := range [][3]int{{7, 1, 9}, {13, 40, 21}, {25, 300, 33}} {
				n, k, m := c[0], c[1], c[2]
				x, y := kind.data(check.NewRand(uint64(seed)), k*(n+m))
				a, b := fill(simd.NewMatrix(n, k), x), fill(simd.NewMatrix(m, k), y)
				dst := simd.NewMatrix(n, m)
				simd.MatMulTransB(dst, 0.7, a, b)
				for i := range n {
					for j := range m {
						x64, y64 := float64s(a.Row(i)), float64s(b.Row(j))
						want := float64(float32(0.7)) * ref.Dot(x64, y64)
						bound := gamma(float64(k)+1)*float64(float32(0.7))*ref.Dot(abs(x64), abs(y64))*(1+0x1p-20) + float64(k+1)*tiny
						if err := math.Abs(float64(dst.Row(i)[j]) - want); !(err <= bound) {
							t.Fatalf("%s %d×%d×%d: (%d, %d) is %v, want %v ± %v", kind.name, n, k, m, i, j, dst.Row(i)[j], want, bound)
						} else {
							worst = max(worst, err/bound)
						}
					}
				}
			}
		}
		t.Logf("worst error is %.3f of the bound", worst)
	})
}

// A long chain: more blocks than any matrix of embeddings has.
func TestProductLongInner(t *testing.T) {
	if testing.Short() {
		t.Skip("the chain by itself takes its time")
	}
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(3)
		for _, p := range products[:3] {
			try(t, p, 2, 1<<18+1, 3, 0, 1, func(count int) []float32 { return r.Float32s(count, -1, 1) })
		}
	})
}

// NaN appears where the definition has it and nowhere else, in whole tiles and at the edges:
// 0·Inf is NaN, no zero is skipped, and what pads a tile does not leak.
func TestProductNaN(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(4)
		specials := []float32{nan, inf, -inf, 0, math.MaxFloat32, 0x1p-149}
		sprinkled := func(count int) []float32 {
			x := r.Normals32(count)
			for range 1 + count/50 {
				if count > 0 {
					x[r.IntN(count)] = specials[r.IntN(len(specials))]
				}
			}
			return x
		}
		found := 0
		for _, n := range []int{1, 5, 6, 8, 12, 13, 16, 25} {
			for _, k := range []int{1, 2, 17, 768, 769} {
				for _, m := range []int{1, 8, 12, 15, 16, 17, 32, 33, 65} {
					p := products[r.IntN(len(products))]
					for _, v := range try(t, p, n, k, m, r.IntN(2), 1, sprinkled) {
						if v != v {
							found++
						}
					}
				}
			}
		}
		if found == 0 {
			t.Error("no result was NaN: the test shows nothing")
		}
		// All bits at once, small shapes: nearly all is NaN, the rest must be right too.
		for range 200 {
			p := products[r.IntN(len(products))]
			try(t, p, r.IntN(20), r.IntN(3), r.IntN(20), 1, 1, func(count int) []float32 { return r.Bits32(count) })
		}
	})
}

// One infinity in a reaches a whole row of the product, one in b a column, also where the
// other factor is 0.
func TestProductZeroTimesInf(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range [][3]int{{1, 1, 1}, {7, 5, 18}, {13, 33, 35}} {
			n, k, m := c[0], c[1], c[2]
			for at := range n {
				a, b, dst := simd.NewMatrix(n, k), simd.NewMatrix(k, m), simd.NewMatrix(n, m)
				a.Row(at)[at%k] = inf
				simd.MatMul(dst, 1, a, b)
				for i := range n {
					for j, got := range dst.Row(i) {
						if (got != got) != (i == at) {
							t.Fatalf("%v: Inf in row %d of a: (%d, %d) is %v", c, at, i, j, got)
						}
					}
				}
			}
		}
	})
}

// A product may be cut along rows, columns and the inner dimension without changing a bit, into
// views of its operands that lie beside each other.
func TestProductCuts(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(5)
		for range 25 {
			n, k, m := 1+r.IntN(220), 1+r.IntN(300), 1+r.IntN(60)
			if r.IntN(4) == 0 {
				n, k = 1+r.IntN(30), 700+r.IntN(900)
			}
			a, b := fill(simd.NewMatrix(n, k), r.Normals32(n*k)), fill(simd.NewMatrix(k, m), r.Normals32(k*m))
			want := simd.NewMatrix(n, m)
			simd.MatMul(want, 1, a, b)
			i, q, j := r.IntN(n+1), r.IntN(k+1), r.IntN(m+1)
			name := fmt.Sprintf("%d×%d×%d cut at %d, %d, %d", n, k, m, i, q, j)

			got := fill(simd.NewMatrix(n, m), repeat(nan, n*m))
			simd.MatMul(got.Slice(0, i), 1, a.Slice(0, i), b)
			simd.MatMul(got.Slice(i, n), 1, a.Slice(i, n), b)
			check.SameBits(t, name+" rows", got.Data, want.Data)

			got = fill(simd.NewMatrix(n, m), repeat(nan, n*m))
			simd.MatMul(columns(got, 0, j), 1, a, columns(b, 0, j))
			simd.MatMul(columns(got, j, m), 1, a, columns(b, j, m))
			check.SameBits(t, name+" columns", got.Data, want.Data)

			got = fill(simd.NewMatrix(n, m), repeat(nan, n*m))
			simd.MatMul(got, 1, columns(a, 0, q), b.Slice(0, q))
			simd.AddMatMul(got, columns(a, q, k), b.Slice(q, k))
			check.SameBits(t, name+" inner", got.Data, want.Data)

			simd.MatMulTransA(got, 1, transposed(a), b)
			check.SameBits(t, name+" a transposed", got.Data, want.Data)
			simd.MatMulTransB(got, 1, a, transposed(b))
			check.SameBits(t, name+" b transposed", got.Data, want.Data)

			// dst, a and b as columns of one matrix.
			one := simd.NewMatrix(max(n, k), k+m+m)
			fill(columns(one, 0, k).Slice(0, n), a.Data)
			fill(columns(one, k, k+m).Slice(0, k), b.Data)
			dst := columns(one, k+m, k+2*m).Slice(0, n)
			simd.MatMul(dst, 1, columns(one, 0, k).Slice(0, n), columns(one, k, k+m).Slice(0, k))
			check.SameBits(t, name+" in one matrix", dense(dst), want.Data)
		}
	})
}

// columns returns columns i to j−1 of m, in the same memory.
func columns(m simd.Matrix, i, j int) simd.Matrix {
	if m.Rows == 0 || i == j {
		return simd.Matrix{Rows: m.Rows, Cols: j - i, Stride: m.Stride, Data: m.Data}
	}
	return simd.Matrix{Rows: m.Rows, Cols: j - i, Stride: m.Stride, Data: m.Data[i:]}
}

// A Packed matrix is reused for other shapes and multiplies more than once.
func TestPackedReuse(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(6)
		var p simd.Packed
		p.Mul(simd.Matrix{Rows: 3}, 1, simd.Matrix{Rows: 3}) // nothing is packed: a 0×0 matrix
		for _, c := range [][2]int{{40, 33}, {300, 5}, {2, 2}, {1, 70}, {0, 3}, {3, 0}, {780, 40}} {
			k, m := c[0], c[1]
			b := fill(simd.NewMatrix(k, m), r.Normals32(k*m))
			for _, trans := range []bool{false, true} {
				if trans {
					p.PackTrans(transposed(b))
				} else {
					p.Pack(b)
				}
				for _, n := range []int{1, 7, 30} {
					a := fill(simd.NewMatrix(n, k), r.Normals32(n*k))
					got, want := simd.NewMatrix(n, m), simd.NewMatrix(n, m)
					p.Mul(got, 2, a)
					simd.MatMul(want, 2, a, b)
					check.SameBits(t, fmt.Sprintf("Mul %d×%d×%d", n, k, m), got.Data, want.Data)
					p.AddMul(got, a)
					simd.AddMatMul(want, a, b)
					check.SameBits(t, fmt.Sprintf("AddMul %d×%d×%d", n, k, m), got.Data, want.Data)
					p.AddMulTransA(got, transposed(a))
					simd.AddMatMulTransA(want, transposed(a), b)
					check.SameBits(t, fmt.Sprintf("AddMulTransA %d×%d×%d", n, k, m), got.Data, want.Data)
				}
			}
		}
	})
}
