package simd_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// Goroutines that share what they read, a Packed matrix too, get the same bits as one alone.
func TestConcurrentUse(t *testing.T) {
	const goroutines, rounds, n, d = 16, 4, 70, 40
	r := check.NewRand(1)
	x, y := r.Normals32(2000), r.Normals32(2000)
	a, b := fill(simd.NewMatrix(n, d), r.Normals32(n*d)), fill(simd.NewMatrix(n, d), r.Normals32(n*d))
	check.EachLevel(t, func(t *testing.T) {
		var shared simd.Packed
		shared.PackTrans(b)
		run := func() (all []float32) {
			for _, f := range vectorFuncs {
				dst := slices.Clone(y)
				s := f.call(dst, x, y, 0.5)
				all = append(append(all, dst...), s)
			}
			s, p, u, g := simd.NewMatrix(n, n), simd.NewMatrix(n, n), simd.NewMatrix(n, d), simd.NewMatrix(n, d)
			lse, norms := make([]float32, n), make([]float32, n)
			simd.NormalizeRows(u, a, norms)
			simd.MatMulTransB(s, 10, u, b)
			shared.AddMul(s, u)
			simd.SoftmaxRows(p, s, lse)
			simd.MatMul(g, 1, p, b)
			simd.AddMatMulTransA(g, p, u)
			simd.AddNormalizeRowsGrad(u, 1, g, b, norms)
			return slices.Concat(all, s.Data, p.Data, u.Data, g.Data, lse, norms)
		}
		want := run()
		got := make([][]float32, goroutines*rounds)
		var all sync.WaitGroup
		for i := range goroutines {
			all.Go(func() {
				for j := range rounds {
					got[i*rounds+j] = run()
				}
			})
		}
		all.Wait()
		for _, g := range got {
			check.SameBits(t, "results", g, want)
		}
	})
}
