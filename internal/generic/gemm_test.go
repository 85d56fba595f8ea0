package generic_test

import (
	"testing"

	"github.com/contrast-go/contrast/internal/generic"
	"github.com/contrast-go/contrast/internal/kerneltest"
)

// The unrolled loop, with its fast path, gives what the one in the comment does.
func TestGemmBits(t *testing.T) {
	kerneltest.Gemm{Name: "Gemm", Rows: generic.GemmRows, Cols: generic.GemmCols, Func: generic.Gemm}.TestBits(t)
}
