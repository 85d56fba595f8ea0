//go:build !purego

package simd

import (
	"math"
	"slices"

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

func indexAtLeast(x []float32, least float32) int {
	if cpu.Active() >= cpu.AVX512 {
		return avx512.IndexAtLeast(x, least)
	}
	if cpu.Active() >= cpu.AVX2 {
		return avx2.IndexAtLeast(x, least)
	}
	return generic.IndexAtLeast(x, least)
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

func mulShifted(dst, x, w []float32, alpha float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.MulShifted(dst, x, w, alpha)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.MulShifted(dst, x, w, alpha)
		return
	}
	generic.MulShifted(dst, x, w, alpha)
}

func maxAffine(dst, x []float32, alpha, c float32) {
	if cpu.Active() >= cpu.AVX512 {
		avx512.MaxAffine(dst, x, alpha, c)
		return
	}
	if cpu.Active() >= cpu.AVX2 {
		avx2.MaxAffine(dst, x, alpha, c)
		return
	}
	generic.MaxAffine(dst, x, alpha, c)
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
		return tile{rows: avx512.GemmRows, cols: avx512.GemmCols}
	}
	if cpu.Active() >= cpu.AVX2 {
		return tile{rows: avx2.GemmRows, cols: avx2.GemmCols}
	}
	return tile{rows: generic.GemmRows, cols: generic.GemmCols}
}

// No level but AVX512BF16 takes pairs.

func pairRows(dst, x, y []float32) { avx512.PairRows(dst, x, y) }

func pairRow(dst, x []float32) { avx512.PairRow(dst, x) }

func gemmPairs(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	avx512.GemmPairs(c, ldc, a, ars, acs, b, k, rows, alpha, add)
}

func bfloat16Tile() tile {
	if cpu.Active() >= cpu.AVX512BF16 && exactPairs {
		return tile{rows: avx512.GemmRows, cols: avx512.GemmCols, format: paired}
	}
	t := gemmTile()
	t.format = rounded
	return t
}

// exactPairs is whether this CPU multiplies pairs as generic.GemmPairs says, which is what AMD's
// and Intel's manuals say. It was seen on AMD's Zen 4 only, hence the trial.
var exactPairs = slices.Contains(cpu.Levels(), cpu.AVX512BF16) && tryPairs()

// tryPairs multiplies numbers of many magnitudes, so that most sums round and depend on their order.
func tryPairs() bool {
	const k = 8
	var a [avx512.GemmRows * k]float32
	var b [avx512.GemmCols * k]float32
	var c [avx512.GemmRows * avx512.GemmCols]float32
	u := uint32(1)
	for _, x := range [][]float32{a[:], b[:]} {
		for i := range x {
			u ^= u << 13 // xorshift, Marsaglia 2003
			u ^= u >> 17
			u ^= u << 5
			x[i] = math.Float32frombits(0x3c003c00 + u&0x87ff87ff) // pairs of size 2^-7 to 2^9
		}
	}
	avx512.GemmPairs(c[:], avx512.GemmCols, a[:], k, 1, b[:], k, avx512.GemmRows, 1, false)
	for i, got := range c[:] {
		var s float32
		for p := range k {
			x, y := math.Float32bits(a[i/avx512.GemmCols*k+p]), math.Float32bits(b[p*avx512.GemmCols+i%avx512.GemmCols])
			s = FMA(math.Float32frombits(x>>16<<16), math.Float32frombits(y>>16<<16), s)
			s = FMA(math.Float32frombits(x<<16), math.Float32frombits(y<<16), s)
		}
		if s != got {
			return false
		}
	}
	return true
}
