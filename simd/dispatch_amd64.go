//go:build !purego

package simd

import (
	"github.com/contrast-go/contrast/asm/avx2"
	"github.com/contrast-go/contrast/asm/avx512"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
)

// Each kernel goes to the best body that the level in use has. A branch costs less
// than a call through a variable, which would also move the caller's stack memory to the heap.

func dot(x, y []float32) float32 {
	if len(x) != len(y) || len(x) > chunk {
		return dotChunks(x, y)
	}
	if cpu.Active() >= cpu.AVX512 {
		return avx512.Dot(x, y)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.Dot(x, y)
	}
	return generic.Dot(x, y)
}

func squaredDistance(x, y []float32) float32 {
	if cpu.Active() >= cpu.AVX512 {
		return avx512.SquaredDistance(x, y)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.SquaredDistance(x, y)
	}
	return generic.SquaredDistance(x, y)
}

func sum(x []float32) float32 {
	if cpu.Active() >= cpu.AVX512 {
		return avx512.Sum(x)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.Sum(x)
	}
	return generic.Sum(x)
}

func maximum(x []float32) float32 {
	if cpu.Active() >= cpu.AVX512 {
		return avx512.Max(x)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.Max(x)
	}
	return generic.Max(x)
}

func find(x []float32, least float32) int {
	if cpu.Active() >= cpu.AVX512 {
		return avx512.Find(x, least)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.Find(x, least)
	}
	return generic.Find(x, least)
}

func axpy(y []float32, alpha float32, x []float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Axpy(y, alpha, x)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Axpy(y, alpha, x)
		return
	}
	generic.Axpy(y, alpha, x)
}

func scale(dst []float32, alpha float32, x []float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Scale(dst, alpha, x)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Scale(dst, alpha, x)
		return
	}
	generic.Scale(dst, alpha, x)
}

func add(dst, x, y []float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Add(dst, x, y)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Add(dst, x, y)
		return
	}
	generic.Add(dst, x, y)
}

func weigh(dst, x, w []float32, alpha float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Weigh(dst, x, w, alpha)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Weigh(dst, x, w, alpha)
		return
	}
	generic.Weigh(dst, x, w, alpha)
}

func raise(dst, x []float32, alpha, c float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Raise(dst, x, alpha, c)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Raise(dst, x, alpha, c)
		return
	}
	generic.Raise(dst, x, alpha, c)
}

func sumExp(x []float32, shift float32) float32 {
	if cpu.Active() >= cpu.AVX512 {
		return avx512.SumExp(x, shift)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.SumExp(x, shift)
	}
	return generic.SumExp(x, shift)
}

func expLanes(dst, x []float32, shift float32, lane *[16]float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.ExpLanes(dst, x, shift, lane)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.ExpLanes(dst, x, shift, lane)
		return
	}
	generic.ExpLanes(dst, x, shift, lane)
}

func log(dst, x []float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Log(dst, x)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Log(dst, x)
		return
	}
	generic.Log(dst, x)
}

func copyBlock(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cpu.Active() >= cpu.AVX2 {
		avx2.Copy(dst, ldd, src, lds, rows, cols)
		return
	}
	generic.Copy(dst, ldd, src, lds, rows, cols)
}

func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if cpu.Active() >= cpu.AVX2 {
		avx2.Transpose(dst, ldd, src, lds, rows, cols)
		return
	}
	generic.Transpose(dst, ldd, src, lds, rows, cols)
}

func gemm(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.Gemm(c, ldc, a, ars, acs, b, k, rows, alpha, add)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.Gemm(c, ldc, a, ars, acs, b, k, rows, alpha, add)
		return
	}
	generic.Gemm(c, ldc, a, ars, acs, b, k, rows, alpha, add)
}

func gemmTile() tile {
	if cpu.Active() >= cpu.AVX512 {
		return tile{avx512.GemmRows, avx512.GemmCols, false}
	}
	if cpu.Active() >= cpu.AVX2 {
		return tile{avx2.GemmRows, avx2.GemmCols, false}
	}
	return tile{generic.GemmRows, generic.GemmCols, false}
}
