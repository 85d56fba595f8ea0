//go:build !purego

package simd

import (
	"github.com/contrast-go/contrast/asm/neon"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
)

// Each kernel goes to the best body that the level in use has. A branch costs less
// than a call through a variable, which would also move the caller's stack memory to the heap.

func dot(x, y []float32) float32 {
	if len(x) != len(y) || len(x) > chunk {
		return dotChunks(x, y)
	}
	if cpu.Active() >= cpu.NEON {
		return neon.Dot(x, y)
	}
	return generic.Dot(x, y)
}

func squaredDistance(x, y []float32) float32 {
	if cpu.Active() >= cpu.NEON {
		return neon.SquaredDistance(x, y)
	}
	return generic.SquaredDistance(x, y)
}

func sum(x []float32) float32 {
	if cpu.Active() >= cpu.NEON {
		return neon.Sum(x)
	}
	return generic.Sum(x)
}

func maximum(x []float32) float32 {
	if cpu.Active() >= cpu.NEON {
		return neon.Max(x)
	}
	return generic.Max(x)
}

func indexAtLeast(x []float32, least float32) int {
	if cpu.Active() >= cpu.NEON {
		return neon.IndexAtLeast(x, least)
	}
	return generic.IndexAtLeast(x, least)
}

func axpy(y []float32, alpha float32, x []float32) {
	if cpu.Active() >= cpu.NEON {
		neon.Axpy(y, alpha, x)
		return
	}
	generic.Axpy(y, alpha, x)
}

func scale(dst []float32, alpha float32, x []float32) {
	if cpu.Active() >= cpu.NEON {
		neon.Scale(dst, alpha, x)
		return
	}
	generic.Scale(dst, alpha, x)
}

func add(dst, x, y []float32) {
	if cpu.Active() >= cpu.NEON {
		neon.Add(dst, x, y)
		return
	}
	generic.Add(dst, x, y)
}

func mulShifted(dst, x, w []float32, alpha float32) {
	if cpu.Active() >= cpu.NEON {
		neon.MulShifted(dst, x, w, alpha)
		return
	}
	generic.MulShifted(dst, x, w, alpha)
}

func maxAffine(dst, x []float32, alpha, c float32) {
	if cpu.Active() >= cpu.NEON {
		neon.MaxAffine(dst, x, alpha, c)
		return
	}
	generic.MaxAffine(dst, x, alpha, c)
}

func sumExp(x []float32, shift float32) float32 {
	if cpu.Active() >= cpu.NEON {
		return neon.SumExp(x, shift)
	}
	return generic.SumExp(x, shift)
}

func expLanes(dst, x []float32, shift float32, lane *[16]float32) {
	if cpu.Active() >= cpu.NEON {
		neon.ExpLanes(dst, x, shift, lane)
		return
	}
	generic.ExpLanes(dst, x, shift, lane)
}

func log(dst, x []float32) {
	if cpu.Active() >= cpu.NEON {
		neon.Log(dst, x)
		return
	}
	generic.Log(dst, x)
}

func copyBlock(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cpu.Active() >= cpu.NEON {
		neon.Copy(dst, ldd, src, lds, rows, cols)
		return
	}
	generic.Copy(dst, ldd, src, lds, rows, cols)
}

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cpu.Active() >= cpu.NEON {
		neon.Transpose(dst, ldd, src, lds, rows, cols)
		return
	}
	generic.Transpose(dst, ldd, src, lds, rows, cols)
}

func gemm(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	if cpu.Active() >= cpu.NEON {
		neon.Gemm(c, ldc, a, ars, acs, b, k, rows, alpha, add)
		return
	}
	generic.Gemm(c, ldc, a, ars, acs, b, k, rows, alpha, add)
}

func gemmTile() tile {
	if cpu.Active() >= cpu.NEON {
		return tile{rows: neon.GemmRows, cols: neon.GemmCols, unit: true}
	}
	return tile{rows: generic.GemmRows, cols: generic.GemmCols}
}

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
