package simd_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/generic"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// inBFloat16 runs f with packed in that precision.
func inBFloat16(f func()) {
	packed.Precision = simd.BFloat16
	defer func() { packed.Precision = simd.Float32 }()
	f()
}

// packedProducts are the products that have a precision.
func packedProducts() []product {
	var have []product
	for _, p := range products {
		if strings.HasPrefix(p.name, "Packed.") {
			have = append(have, p)
		}
	}
	return have
}

// roundedTo returns m in bfloat16.
func roundedTo(m simd.Matrix) simd.Matrix {
	r := simd.NewMatrix(m.Rows, m.Cols)
	for i := range m.Rows {
		generic.RoundBFloat16(r.Row(i), m.Row(i))
	}
	return r
}

// kindsBFloat16 are ways to fill operands.
var kindsBFloat16 = []struct {
	name string
	fill func(r *check.Rand, n int) []float32
}{
	{"ordinary", func(r *check.Rand, n int) []float32 { return r.Float32s(n, -1, 1) }},
	{"tiny", func(r *check.Rand, n int) []float32 { // rounded to 2^-56 and a little more, or to zeros
		x := r.Float32s(n, -1, 1)
		for i := range x {
			x[i] *= float32(math.Ldexp(1, -53-r.IntN(6)))
		}
		return x
	}},
	{"huge", func(r *check.Rand, n int) []float32 { // sums overflow, and the largest numbers themselves
		x := r.Float32s(n, -1, 1)
		for i := range x {
			x[i] *= float32(math.Ldexp(1, 62+r.IntN(66)))
		}
		return x
	}},
	{"specials", func(r *check.Rand, n int) []float32 {
		specials := []float32{nan, inf, -inf, 0, math.MaxFloat32, 0x1p-149, 0x1p-56, -0x1.fffffep-57, 0x1.ffp0, 0x1.01p0, 0x1.03p0}
		x := r.Normals32(n)
		for i := range x {
			if r.IntN(20) == 0 {
				x[i] = specials[r.IntN(len(specials))]
			}
		}
		return x
	}},
}

// tryBFloat16 computes an n×m product of inner dimension k by p, and reports an error where it
// differs from the chain of the rounded operands or an element outside dst has changed.
func tryBFloat16(t *testing.T, p product, n, k, m, gap int, alpha float32, next func(count int) []float32) {
	t.Helper()
	name := fmt.Sprintf("%s %d×%d×%d gap=%d alpha=%v", p.name, n, k, m, gap, alpha)
	as, bs := p.shapes(n, k, m)
	dst, a, b := newGuarded(n, m, gap), newGuarded(as[0], as[1], 2*gap), newGuarded(bs[0], bs[1], gap+gap/2)
	fill(a.Matrix, next(n*k))
	fill(b.Matrix, next(k*m))
	want := simd.NewMatrix(n, m)
	if p.add { // to products, of which some are −0
		x, y := next(n*m), next(n*m)
		for i := range x {
			x[i] = generic.BFloat16(x[i]) * generic.BFloat16(y[i])
			if i%5 == 0 {
				x[i] = float32(math.Copysign(0, -1))
			}
		}
		fill(want, x)
		fill(dst.Matrix, x)
	}
	p.call(dst.Matrix, alpha, a.Matrix, b.Matrix)
	chain(p, want, alpha, roundedTo(a.Matrix), roundedTo(b.Matrix))
	check.SameBits(t, name, dense(dst.Matrix), want.Data)
	dst.intact(t, name)
}

// The product in BFloat16 has the bits of the chain of its rounded operands, for all shapes.
func TestBFloat16Bits(t *testing.T) {
	limit, step := 24, 1
	if testing.Short() {
		step = 5
	}
	check.EachLevel(t, func(t *testing.T) {
		inBFloat16(func() {
			r := check.NewRand(1)
			trial := 0
			for n := 0; n <= limit; n += step {
				for k := 0; k <= limit; k++ {
					for m := 0; m <= limit; m += step {
						for _, p := range packedProducts() {
							trial++
							kind := kindsBFloat16[trial%len(kindsBFloat16)]
							next := func(count int) []float32 { return kind.fill(r, count) }
							alpha := []float32{1, -0.3, 0x1p-20}[trial/4%3]
							tryBFloat16(t, p, n, k, m, trial%3, alpha, next)
						}
						if t.Failed() {
							return
						}
					}
				}
			}
			for _, kind := range kindsBFloat16 {
				next := func(count int) []float32 { return kind.fill(r, count) }
				for range 6 {
					n, k, m := extents(r)
					for _, p := range packedProducts() {
						tryBFloat16(t, p, n, k, m, r.IntN(3), 1, next)
					}
				}
				for _, p := range packedProducts() {
					tryBFloat16(t, p, 5, 1027, 35, 1, 1, next)
				}
			}
		})
	})
}

// A large product in BFloat16 is the one of its rounded operands in Float32.
func TestBFloat16IsFloat32OfRounded(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(2)
		const n, k, m = 205, 1100, 50
		for _, p := range packedProducts() {
			as, bs := p.shapes(n, k, m)
			a, b := fill(simd.NewMatrix(as[0], as[1]), r.Normals32(n*k)), fill(simd.NewMatrix(bs[0], bs[1]), r.Normals32(k*m))
			got, want := simd.NewMatrix(n, m), simd.NewMatrix(n, m)
			inBFloat16(func() { p.call(got, 1, a, b) })
			p.call(want, 1, roundedTo(a), roundedTo(b))
			check.SameBits(t, p.name, got.Data, want.Data)
		}
	})
}

// Parts are laid out as the whole is, and a product may be cut into views.
func TestBFloat16Parts(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(3)
		const n, k, m = 13, 531, 200
		a, b := fill(simd.NewMatrix(n, k), r.Normals32(n*k)), fill(simd.NewMatrix(k, m), r.Normals32(k*m))
		bt := transposed(b)
		whole := simd.Packed{Precision: simd.BFloat16}
		want, got := simd.NewMatrix(n, m), simd.NewMatrix(n, m)
		whole.Pack(b)
		whole.Mul(want, 1, a)

		parts := simd.Packed{Precision: simd.BFloat16}
		parts.Reset(k, m)
		for i, j := 0, 0; i < k; i = j {
			j = min(i+2*(1+r.IntN(60)), k)
			parts.PackAt(i, b.Slice(i, j))
		}
		parts.Mul(got, 1, a)
		check.SameBits(t, "PackAt", got.Data, want.Data)

		parts.Reset(k, m)
		for j := 0; j < m; j += simd.PackAlign {
			parts.PackTransAt(j, bt.Slice(j, min(j+simd.PackAlign, m)))
		}
		clear(got.Data)
		for i, j := 0, 0; i < k; i = j {
			j = min(i+2*(1+r.IntN(200)), k)
			v := parts.Slice(i, j, 0, m)
			v.AddMul(got, simd.Matrix{Rows: n, Cols: j - i, Stride: k, Data: a.Data[i:]})
		}
		check.SameBits(t, "PackTransAt and views", got.Data, want.Data)
	})
}

// A new precision holds from the next matrix on.
func TestPrecisionOfWhatIsPacked(t *testing.T) {
	a, b := simd.NewMatrix(1, 1), simd.NewMatrix(1, 1)
	a.Data[0], b.Data[0] = 1+0x1p-20, 1
	dst := simd.NewMatrix(1, 1)
	var p simd.Packed
	for _, c := range []struct {
		precision simd.Precision
		pack      bool
		want      float32
	}{
		{simd.Float32, true, 1 + 0x1p-20},
		{simd.BFloat16, false, 1 + 0x1p-20},
		{simd.BFloat16, true, 1},
		{simd.Float32, false, 1},
	} {
		p.Precision = c.precision
		if c.pack {
			p.Pack(b)
		}
		p.Mul(dst, 1, a)
		if dst.Data[0] != c.want {
			t.Errorf("%v, packed %v: product is %v, want %v", c.precision, c.pack, dst.Data[0], c.want)
		}
	}
	if got := simd.Precision(7).String(); got != "Precision(7)" {
		t.Errorf("an unknown precision is called %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown precision was packed")
		}
	}()
	p.Precision = 7
	p.Pack(b)
}

// Pairs are not cut, at any level.
func TestBFloat16ShapeErrors(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			ok   bool
			f    func(p *simd.Packed)
		}{
			{"Slice [1, 5)", false, func(p *simd.Packed) { p.Slice(1, 5, 0, 3) }},
			{"Slice [2, 3)", false, func(p *simd.Packed) { p.Slice(2, 3, 0, 3) }},
			{"Slice [2, 4)", true, func(p *simd.Packed) { p.Slice(2, 4, 0, 3) }},
			{"Slice [2, 5)", true, func(p *simd.Packed) { p.Slice(2, 5, 0, 3) }},
			{"Slice of Slice", false, func(p *simd.Packed) { v := p.Slice(0, 4, 0, 3); v.Slice(0, 3, 0, 3) }},
			{"PackAt 1", false, func(p *simd.Packed) { p.PackAt(1, simd.NewMatrix(4, 3)) }},
			{"PackAt 0", false, func(p *simd.Packed) { p.PackAt(0, simd.NewMatrix(3, 3)) }},
			{"PackAt 4", true, func(p *simd.Packed) { p.PackAt(4, simd.NewMatrix(1, 3)) }},
		} {
			func() {
				p := simd.Packed{Precision: simd.BFloat16}
				p.Reset(5, 3)
				defer func() {
					e, failed := recover().(*simd.ShapeError)
					if failed == c.ok || failed && e.Want != "even bounds in BFloat16" {
						t.Errorf("%s: panic %v", c.name, e)
					}
				}()
				c.f(&p)
			}()
		}
	})
}

// No product touches memory outside its operands.
func TestBFloat16Fence(t *testing.T) {
	const most = 200 * 260
	dst, a, b := check.NewFence(t, most), check.NewFence(t, most), check.NewFence(t, most)
	type size struct{ n, k, m int }
	sizes := []size{{193, 257, 17}, {7, 513, 33}, {200, 256, 16}}
	for _, n := range []int{1, 6, 12, 13} {
		for _, k := range []int{1, 2, 3, 16, 31, 33} {
			for _, m := range []int{1, 16, 31, 33} {
				sizes = append(sizes, size{n, k, m})
			}
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		inBFloat16(func() {
			for _, p := range packedProducts() {
				for _, s := range sizes {
					as, bs := p.shapes(s.n, s.k, s.m)
					for places := range 8 {
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
	})
}

// Each factor is rounded to 8 bits, an error of at most u = 2^-8 of its size, and the sum as in
// Float32. That bounds the error of an element by (2u + u²)·Σ|a·b|. For unit vectors, whose
// products spread over all elements, it is far less.
func TestBFloat16Truth(t *testing.T) {
	const n, u = 60, 0x1p-8
	for _, k := range []int{8, 128, 512, 768} {
		r := check.NewRand(4)
		x := fill(simd.NewMatrix(n, k), r.Normals32(n*k))
		z := simd.NewMatrix(n, k)
		simd.NormalizeRows(z, x, make([]float32, n))
		p := simd.Packed{Precision: simd.BFloat16}
		p.PackTrans(z)
		dst := simd.NewMatrix(n, n)
		p.Mul(dst, 1, z)
		worst, square := 0.0, 0.0
		for i := range n {
			for j, got := range dst.Row(i) {
				xi, xj := float64s(z.Row(i)), float64s(z.Row(j))
				bound := (2*u+u*u+gamma(float64(k))*(1+u)*(1+u))*ref.Dot(abs(xi), abs(xj)) + float64(k)*0x1p-56
				e := math.Abs(float64(got) - ref.Dot(xi, xj))
				if !(e <= bound) {
					t.Fatalf("k=%d: (%d, %d) is off by %v, want at most %v", k, i, j, e, bound)
				}
				worst, square = max(worst, e), square+float64(e*e)
			}
		}
		t.Logf("unit vectors of length %d: error at most %.2g, root mean square %.2g", k, worst, math.Sqrt(square/(n*n)))
	}
}
