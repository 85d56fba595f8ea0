//go:build arm64 && !purego

package neon_test

import (
	"testing"

	"github.com/contrast-go/contrast/asm/neon"
	"github.com/contrast-go/contrast/internal/kerneltest"
)

var kernels = kerneltest.Kernels{
	Dot:             neon.Dot,
	SquaredDistance: neon.SquaredDistance,
	Sum:             neon.Sum,
	Max:             neon.Max,
	Axpy:            neon.Axpy,
	Scale:           neon.Scale,
	Add:             neon.Add,
	MulShifted:      neon.MulShifted,
	MaxAffine:       neon.MaxAffine,
	IndexAtLeast:    neon.IndexAtLeast,
	ExpLanes:        neon.ExpLanes,
	SumExp:          neon.SumExp,
	Log:             neon.Log,
	Gemm:            kerneltest.Gemm{Name: "Gemm", Rows: neon.GemmRows, Cols: neon.GemmCols, ColumnMajor: true, Func: neon.Gemm},
	Copy:            neon.Copy,
	Transpose:       neon.Transpose,
}

func TestKernels(t *testing.T) { kerneltest.Run(t, kernels) }

func TestKernelsFence(t *testing.T) { kerneltest.RunFence(t, kernels) }
