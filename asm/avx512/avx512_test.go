//go:build amd64 && !purego

package avx512_test

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/asm/avx512"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/kerneltest"
)

var kernels = kerneltest.Kernels{
	Dot:             avx512.Dot,
	SquaredDistance: avx512.SquaredDistance,
	Sum:             avx512.Sum,
	Max:             avx512.Max,
	Axpy:            avx512.Axpy,
	Scale:           avx512.Scale,
	Add:             avx512.Add,
	MulShifted:      avx512.MulShifted,
	MaxAffine:       avx512.MaxAffine,
	IndexAtLeast:    avx512.IndexAtLeast,
	ExpLanes:        avx512.ExpLanes,
	SumExp:          avx512.SumExp,
	Log:             avx512.Log,
	Gemm:            kerneltest.Gemm{Name: "Gemm", Rows: avx512.GemmRows, Cols: avx512.GemmCols, Func: avx512.Gemm},
}

// needAVX512 skips the test where the CPU lacks the instructions. There
// CONTRAST_REQUIRE=avx512 fails the tests of internal/cpu.
func needAVX512(t testing.TB) {
	t.Helper()
	if !slices.Contains(cpu.Levels(), cpu.AVX512) {
		t.Skip("this CPU has no AVX-512")
	}
}

func TestKernels(t *testing.T) {
	needAVX512(t)
	kerneltest.Run(t, kernels)
}

func TestKernelsFence(t *testing.T) {
	needAVX512(t)
	kerneltest.RunFence(t, kernels)
}
