//go:build purego || (!amd64 && !arm64)

package simd

import (
	"github.com/contrast-go/contrast/internal/generic"
)

// Without assembly every kernel is its definition.

func dot(x, y []float32) float32 {
	if len(x) != len(y) || len(x) > chunk {
		return dotChunks(x, y)
	}
	return generic.Dot(x, y)
}

func squaredDistance(x, y []float32) float32 { return generic.SquaredDistance(x, y) }

func sum(x []float32) float32 { return generic.Sum(x) }

func maximum(x []float32) float32 { return generic.Max(x) }

func indexAtLeast(x []float32, least float32) int { return generic.IndexAtLeast(x, least) }

func axpy(y []float32, alpha float32, x []float32) { generic.Axpy(y, alpha, x) }

func scale(dst []float32, alpha float32, x []float32) { generic.Scale(dst, alpha, x) }

func add(dst, x, y []float32) { generic.Add(dst, x, y) }

func mulShifted(dst, x, w []float32, alpha float32) { generic.MulShifted(dst, x, w, alpha) }

func maxAffine(dst, x []float32, alpha, c float32) { generic.MaxAffine(dst, x, alpha, c) }

func sumExp(x []float32, shift float32) float32 { return generic.SumExp(x, shift) }

func expLanes(dst, x []float32, shift float32, lane *[16]float32) {
	generic.ExpLanes(dst, x, shift, lane)
}

func log(dst, x []float32) { generic.Log(dst, x) }

func copyBlock(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	generic.Copy(dst, ldd, src, lds, rows, cols)
}

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	generic.Transpose(dst, ldd, src, lds, rows, cols)
}

func gemm(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	generic.Gemm(c, ldc, a, ars, acs, b, k, rows, alpha, add)
}

func gemmTile() tile { return tile{rows: generic.GemmRows, cols: generic.GemmCols} }

// No level here takes pairs.

func pairRows(dst, x, y []float32) { generic.PairRows(dst, x, y) }

func pairRow(dst, x []float32) { generic.PairRow(dst, x) }

func gemmPairs(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	generic.GemmPairs(c, ldc, a, ars, acs, b, k, rows, alpha, add)
}

func bfloat16Tile() tile {
	t := gemmTile()
	t.format = rounded
	return t
}
