//go:build amd64 && !purego

package avx2_test

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/asm/avx2"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/kerneltest"
)

var kernels = kerneltest.Kernels{
	Dot:             avx2.Dot,
	SquaredDistance: avx2.SquaredDistance,
	Sum:             avx2.Sum,
	Max:             avx2.Max,
	Axpy:            avx2.Axpy,
	Scale:           avx2.Scale,
	Add:             avx2.Add,
	MulShifted:      avx2.MulShifted,
	MaxAffine:       avx2.MaxAffine,
	IndexAtLeast:    avx2.IndexAtLeast,
	ExpLanes:        avx2.ExpLanes,
	SumExp:          avx2.SumExp,
	Log:             avx2.Log,
	Gemm:            kerneltest.Gemm{Name: "Gemm", Rows: avx2.GemmRows, Cols: avx2.GemmCols, Func: avx2.Gemm},
	Copy:            avx2.Copy,
	Transpose:       avx2.Transpose,
}

// needAVX2 skips the test where the CPU lacks the instructions. There
// CONTRAST_REQUIRE=avx2 fails the tests of internal/cpu.
func needAVX2(t testing.TB) {
	t.Helper()
	if !slices.Contains(cpu.Levels(), cpu.AVX2) {
		t.Skip("this CPU has no AVX2 and FMA3")
	}
}

func TestKernels(t *testing.T) {
	needAVX2(t)
	kerneltest.Run(t, kernels)
}

func TestKernelsFence(t *testing.T) {
	needAVX2(t)
	kerneltest.RunFence(t, kernels)
}
