package golden

import (
	"github.com/contrast-go/contrast/internal/bits"
	"github.com/contrast-go/contrast/simd"
)

// lengths are those at which the kernels are hashed: all tails, and one above a chunk.
func lengths(f func(n int)) {
	for n := range 100 {
		f(n)
	}
	f(1000)
	f(1<<14 + 77)
}

func simdEntries() []Entry {
	entry := func(name string, add func(h *bits.Hash)) Entry { return Entry{"simd", name, add} }
	// Each kernel sees ordinary numbers and all bit patterns.
	reduction := func(name string, f func(x, y []float32) float32) Entry {
		return entry(name, func(h *bits.Hash) {
			s := newSource(1)
			lengths(func(n int) {
				h.Float32s([]float32{f(s.uniform(n), s.uniform(n)), f(s.bits(n), s.bits(n))})
			})
		})
	}
	vector := func(name string, f func(dst, x, y []float32)) Entry {
		return entry(name, func(h *bits.Hash) {
			s := newSource(2)
			lengths(func(n int) {
				for _, in := range []func(int) []float32{s.uniform, s.bits} {
					dst := in(n)
					f(dst, in(n), in(n))
					h.Float32s(dst)
				}
			})
		})
	}
	product := func(name string, f func(h *bits.Hash, s source, n, k, m int)) Entry {
		return entry(name, func(h *bits.Hash) {
			s := newSource(3)
			for _, c := range [][3]int{{1, 1, 1}, {5, 3, 7}, {6, 16, 16}, {13, 40, 29}, {49, 300, 17}, {200, 33, 50}, {3, 0, 4}} {
				f(h, s, c[0], c[1], c[2])
			}
		})
	}
	return []Entry{
		reduction("Dot", simd.Dot),
		reduction("SquaredDistance", simd.SquaredDistance),
		reduction("Sum", func(x, _ []float32) float32 { return simd.Sum(x) }),
		reduction("Max", func(x, _ []float32) float32 { return simd.Max(x) }),
		reduction("LogSumExp", func(x, _ []float32) float32 { return simd.LogSumExp(x) }),
		vector("Axpy", func(dst, x, _ []float32) { simd.Axpy(dst, -0.7, x) }),
		vector("Scale", func(dst, x, _ []float32) { simd.Scale(dst, 0.3, x) }),
		vector("Add", simd.Add),
		vector("MulShifted", func(dst, x, y []float32) { simd.MulShifted(dst, x, y, 0.25) }),
		vector("Exp", func(dst, x, _ []float32) {
			simd.Scale(x, 60, x)
			simd.Exp(dst, x)
		}),
		vector("MaxAffine", func(dst, x, _ []float32) { simd.MaxAffine(dst, x, 0.7, -0.1) }),
		vector("ExpLanes", func(dst, x, y []float32) {
			var lane [16]float32
			copy(lane[:], y)
			simd.Scale(x, 60, x)
			simd.ExpLanes(dst, x, 0.5, &lane)
			copy(dst, lane[:])
		}),
		reduction("IndexAtLeast", func(x, y []float32) float32 {
			if len(y) == 0 {
				return float32(simd.IndexAtLeast(x, 0))
			}
			return float32(simd.IndexAtLeast(x, y[0]))
		}),
		vector("Log", func(dst, x, _ []float32) { simd.Log(dst, x) }),
		vector("Softmax", func(dst, x, _ []float32) { simd.Softmax(dst, x) }),
		product("MatMul", func(h *bits.Hash, s source, n, k, m int) {
			dst := simd.NewMatrix(n, m)
			simd.MatMul(dst, 1.5, s.matrix(n, k), s.matrix(k, m))
			simd.AddMatMul(dst, s.matrix(n, k), s.matrix(k, m))
			h.Float32s(dst.Data)
		}),
		product("MatMulTransA", func(h *bits.Hash, s source, n, k, m int) {
			dst := simd.NewMatrix(n, m)
			simd.MatMulTransA(dst, 1.5, s.matrix(k, n), s.matrix(k, m))
			simd.AddMatMulTransA(dst, s.matrix(k, n), s.matrix(k, m))
			h.Float32s(dst.Data)
		}),
		product("MatMulTransB", func(h *bits.Hash, s source, n, k, m int) {
			dst := simd.NewMatrix(n, m)
			simd.MatMulTransB(dst, 1.5, s.matrix(n, k), s.matrix(m, k))
			h.Float32s(dst.Data)
		}),
		product("BFloat16", func(h *bits.Hash, s source, n, k, m int) {
			p := simd.Packed{Precision: simd.BFloat16}
			dst := simd.NewMatrix(n, m)
			p.PackTrans(s.matrix(m, k))
			p.Mul(dst, 1.5, s.matrix(n, k))
			p.AddMulTransA(dst, s.matrix(k, n))
			h.Float32s(dst.Data)
			p.Pack(s.matrix(k, m))
			p.MulTransA(dst, 1.5, s.matrix(k, n))
			p.AddMul(dst, s.matrix(n, k))
			h.Float32s(dst.Data)
		}),
		product("NormalizeRows", func(h *bits.Hash, s source, n, k, _ int) {
			x, u, g := s.matrix(n, k), simd.NewMatrix(n, k), s.matrix(n, k)
			simd.Scale(x.Row(0), 0x1p-100, x.Row(0)) // a norm whose square underflows
			norms, dst := make([]float32, n), simd.NewMatrix(n, k)
			simd.NormalizeRows(u, x, norms)
			simd.AddNormalizeRowsGrad(dst, 2, g, u, norms)
			h.Float32s(u.Data)
			h.Float32s(norms)
			h.Float32s(dst.Data)
		}),
	}
}

func (s source) matrix(rows, cols int) simd.Matrix {
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: s.uniform(rows * cols)}
}
