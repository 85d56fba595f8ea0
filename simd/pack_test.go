package simd_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// A matrix laid out in parts, by goroutines that run side by side and over the remains of
// another one, multiplies as one laid out at once.
func TestPackedParts(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(1)
		var p simd.Packed
		for range 30 {
			n, k, m := 1+r.IntN(20), r.IntN(1600), r.IntN(300)
			a, b := fill(simd.NewMatrix(n, k), r.Normals32(n*k)), fill(simd.NewMatrix(k, m), r.Normals32(k*m))
			want, got := simd.NewMatrix(n, m), simd.NewMatrix(n, m)
			simd.MatMul(want, 1, a, b)

			p.Pack(fill(simd.NewMatrix(k+1, m+50), repeat(nan, (k+1)*(m+50))))
			p.Reset(k, m)
			var all sync.WaitGroup
			for i, part := 0, 0; i < k; i += part {
				part = min(1+r.IntN(500), k-i)
				all.Go(func() { p.PackAt(i, b.Slice(i, i+part)) })
			}
			all.Wait()
			p.Mul(got, 1, a)
			check.SameBits(t, fmt.Sprintf("rows of %d×%d×%d", n, k, m), got.Data, want.Data)

			bt := transposed(b)
			p.Pack(fill(simd.NewMatrix(k+1, m+50), repeat(nan, (k+1)*(m+50))))
			p.Reset(k, m)
			for j, part := 0, 0; j < m; j += part {
				part = min(simd.PackAlign*(1+r.IntN(2)), m-j)
				all.Go(func() { p.PackTransAt(j, bt.Slice(j, j+part)) })
			}
			all.Wait()
			p.Mul(got, 1, a)
			check.SameBits(t, fmt.Sprintf("columns of %d×%d×%d", n, k, m), got.Data, want.Data)
		}
	})
}

// A product with a view has the bits of the product with that part of the matrix, wherever the
// view begins and ends, for views of views too.
func TestPackedViews(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(2)
		cut := func(n, to int) (i, j int) {
			i = r.IntN(n/to+1) * to
			return i, i + r.IntN(n-i+1)
		}
		for range 60 {
			rows, cols := r.IntN(1600), r.IntN(320)
			b := fill(simd.NewMatrix(rows, cols), r.Normals32(rows*cols))
			var p simd.Packed
			p.Pack(b)
			r0, r1 := cut(rows, 1)
			c0, c1 := cut(cols, simd.PackAlign)
			name := fmt.Sprintf("rows [%d, %d) of %d, columns [%d, %d) of %d", r0, r1, rows, c0, c1, cols)
			v, part := p.Slice(r0, r1, c0, c1), columns(b.Slice(r0, r1), c0, c1)
			if r.IntN(2) == 0 {
				s0, s1 := cut(r1-r0, 1)
				d0, d1 := cut(c1-c0, simd.PackAlign)
				v, part = v.Slice(s0, s1, d0, d1), columns(part.Slice(s0, s1), d0, d1)
				name += fmt.Sprintf(", of it [%d, %d) and [%d, %d)", s0, s1, d0, d1)
			}
			n, k, m := r.IntN(20), part.Rows, part.Cols
			a := fill(simd.NewMatrix(n, k), r.Normals32(n*k))
			at := transposed(a)
			want, got := simd.NewMatrix(n, m), simd.NewMatrix(n, m)
			simd.MatMul(want, 0.3, a, part)
			v.Mul(got, 0.3, a)
			check.SameBits(t, "Mul, "+name, got.Data, want.Data)
			v.MulTransA(got, 0.3, at)
			check.SameBits(t, "MulTransA, "+name, got.Data, want.Data)
			simd.AddMatMul(want, a, part)
			v.AddMul(got, a)
			check.SameBits(t, "AddMul, "+name, got.Data, want.Data)
			simd.AddMatMul(want, a, part)
			v.AddMulTransA(got, at)
			check.SameBits(t, "AddMulTransA, "+name, got.Data, want.Data)
			if t.Failed() {
				return
			}
		}
	})
}

// Products with consecutive rows of the right operand, in which a chain goes on from one view to
// the next, have the bits of one product.
func TestPackedViewsChain(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(3)
		for range 10 {
			n, k, m := 1+r.IntN(30), 1+r.IntN(1600), 1+r.IntN(120)
			a, b := fill(simd.NewMatrix(n, k), r.Normals32(n*k)), fill(simd.NewMatrix(k, m), r.Normals32(k*m))
			want, got := simd.NewMatrix(n, m), simd.NewMatrix(n, m)
			simd.MatMul(want, 1, a, b)
			var p simd.Packed
			p.Pack(b)
			for i, part := 0, 0; i < k; i += part {
				part = min(1+r.IntN(600), k-i)
				v := p.Slice(i, i+part, 0, m)
				if i == 0 {
					v.Mul(got, 1, columns(a, i, i+part))
				} else {
					v.AddMul(got, columns(a, i, i+part))
				}
			}
			check.SameBits(t, fmt.Sprintf("%d×%d×%d", n, k, m), got.Data, want.Data)
		}
	})
}
