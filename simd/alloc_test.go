//go:build !race

package simd_test

// The race detector empties the pools at random.

import (
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// No function allocates in steady state, nor moves the caller's memory to the heap: all
// operands of this test are arrays on its stack.
func TestNothingAllocates(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		var p simd.Packed
		for _, c := range []struct {
			name string
			f    func()
		}{
			{"Dot", func() { var x, y [100]float32; sink = simd.Dot(x[:], y[:]) }},
			{"SquaredDistance", func() { var x, y [100]float32; sink = simd.SquaredDistance(x[:], y[:]) }},
			{"Sum", func() { var x [100]float32; sink = simd.Sum(x[:]) }},
			{"Max", func() { var x [100]float32; sink = simd.Max(x[:]) }},
			{"Axpy", func() { var x, y [100]float32; simd.Axpy(y[:], 2, x[:]); sink = y[1] }},
			{"Scale", func() { var x, y [100]float32; simd.Scale(y[:], 2, x[:]); sink = y[1] }},
			{"Add", func() { var x, y [100]float32; simd.Add(y[:], x[:], x[:]); sink = y[1] }},
			{"MulShifted", func() { var x, y, w [100]float32; simd.MulShifted(y[:], x[:], w[:], 2); sink = y[1] }},
			{"Exp", func() { var x, y [100]float32; simd.Exp(y[:], x[:]); sink = y[1] }},
			{"ExpSum", func() { var x, y [100]float32; sink = simd.ExpSum(y[:], x[:], 1) }},
			{"ExpLanes", func() {
				var x, y [100]float32
				var l [16]float32
				simd.ExpLanes(y[:], x[:], 1, &l)
				sink = simd.SumLanes(&l)
			}},
			{"MaxAffine", func() { var x, y [100]float32; simd.MaxAffine(y[:], x[:], 2, 1); sink = y[1] }},
			{"IndexAtLeast", func() { var x [100]float32; sink = float32(simd.IndexAtLeast(x[:], 1)) }},
			{"SumExp", func() { var x [100]float32; sink = simd.SumExp(x[:], 1) }},
			{"Log", func() { var x, y [100]float32; simd.Log(y[:], x[:]); sink = y[1] }},
			{"LogSumExp", func() { var x [100]float32; sink = simd.LogSumExp(x[:]) }},
			{"Softmax", func() { var x, y [100]float32; sink = simd.Softmax(y[:], x[:]) }},
			{"LogSumExpRows", func() { var x [60]float32; var y [5]float32; simd.LogSumExpRows(y[:], on(x[:], 5, 12)); sink = y[1] }},
			{"SoftmaxRows", func() {
				var x, y [60]float32
				var s [5]float32
				simd.SoftmaxRows(on(y[:], 5, 12), on(x[:], 5, 12), s[:])
				sink = y[1]
			}},
			{"NormalizeRows", func() {
				var x, y [60]float32
				var s [5]float32
				x[7] = 0x1p-100 // both ways to normalise
				x[17] = 1
				sink = float32(simd.NormalizeRows(on(y[:], 5, 12), on(x[:], 5, 12), s[:]))
			}},
			{"AddNormalizeRowsGrad", func() {
				var x, y, z [60]float32
				var s [5]float32
				simd.AddNormalizeRowsGrad(on(y[:], 5, 12), 2, on(x[:], 5, 12), on(z[:], 5, 12), s[:])
				sink = y[1]
			}},
			{"Matrix", func() {
				var x [60]float32
				m := on(x[:], 5, 12)
				sink = m.Slice(1, 4).Row(2)[1] + m.Reshape(2, 30).Row(1)[2]
			}},
			{"MatMul", func() {
				var x, y, z [200]float32
				simd.MatMul(on(z[:], 7, 19), 1, on(x[:], 7, 9), on(y[:], 9, 19))
				sink = z[1]
			}},
			{"MatMulTransA", func() {
				var x, y, z [200]float32
				simd.MatMulTransA(on(z[:], 7, 19), 1, on(x[:], 9, 7), on(y[:], 9, 19))
				sink = z[1]
			}},
			{"MatMulTransB", func() {
				var x, y, z [200]float32
				simd.MatMulTransB(on(z[:], 7, 19), 1, on(x[:], 7, 9), on(y[:], 19, 9))
				sink = z[1]
			}},
			{"AddMatMul", func() {
				var x, y, z [200]float32
				simd.AddMatMul(on(z[:], 7, 19), on(x[:], 7, 9), on(y[:], 9, 19))
				sink = z[1]
			}},
			{"AddMatMulTransA", func() {
				var x, y, z [200]float32
				simd.AddMatMulTransA(on(z[:], 7, 19), on(x[:], 9, 7), on(y[:], 9, 19))
				sink = z[1]
			}},
			{"Packed", func() {
				var x, y, z [200]float32
				p.Pack(on(y[:], 9, 19))
				p.Mul(on(z[:], 7, 19), 1, on(x[:], 7, 9))
				p.AddMul(on(z[:], 7, 19), on(x[:], 7, 9))
				p.PackTrans(on(y[:], 19, 9))
				p.AddMulTransA(on(z[:], 7, 19), on(x[:], 9, 7))
				sink = z[1]
			}},
			{"Packed in parts", func() {
				var x, y, z [200]float32
				p.Reset(9, 19)
				p.PackTransAt(0, on(y[:], 19, 9))
				p.PackAt(3, on(y[:], 6, 19))
				v := p.Slice(2, 9, 0, 19)
				v.Mul(on(z[:], 7, 19), 1, on(x[:], 7, 7))
				v.MulTransA(on(z[:], 7, 19), 1, on(x[:], 7, 7))
				sink = z[1]
			}},
		} {
			if n := testing.AllocsPerRun(20, c.f); n != 0 {
				t.Errorf("%s: %v allocations, want 0", c.name, n)
			}
		}
		// More than a chunk, and more than a block in every direction.
		x, y := make([]float32, 2*chunk+5), make([]float32, 2*chunk+5)
		for _, f := range vectorFuncs {
			if n := testing.AllocsPerRun(2, func() { sink = f.call(y, x, x, 1) }); n != 0 {
				t.Errorf("%s of %d: %v allocations, want 0", f.name, len(x), n)
			}
		}
		for _, q := range packedProducts() {
			as, bs := q.shapes(195, 261, 33)
			dst, a, b := simd.NewMatrix(195, 33), simd.NewMatrix(as[0], as[1]), simd.NewMatrix(bs[0], bs[1])
			inBFloat16(func() {
				if n := testing.AllocsPerRun(2, func() { q.call(dst, 1, a, b) }); n != 0 {
					t.Errorf("%s in BFloat16: %v allocations, want 0", q.name, n)
				}
			})
		}
		for _, q := range products {
			as, bs := q.shapes(195, 780, 33)
			dst, a, b := simd.NewMatrix(195, 33), simd.NewMatrix(as[0], as[1]), simd.NewMatrix(bs[0], bs[1])
			if n := testing.AllocsPerRun(2, func() { q.call(dst, 1, a, b) }); n != 0 {
				t.Errorf("%s: %v allocations, want 0", q.name, n)
			}
		}
	})
}

var sink float32

// on returns a matrix in the memory of x.
func on(x []float32, rows, cols int) simd.Matrix {
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: x[:rows*cols]}
}
