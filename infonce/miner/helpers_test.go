package miner_test

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

func mat(m simd.Matrix) ref.Mat { return ref.FromFloat32(m.Rows, m.Cols, m.Stride, m.Data) }

// gaps returns a matrix with n rows of d numbers, gap numbers apart. What lies between the rows is
// NaN, which would show in any result that it enters.
func gaps(n, d, gap int, x []float32) simd.Matrix {
	m := simd.Matrix{Rows: n, Cols: d, Stride: d + gap}
	if n == 0 {
		return m
	}
	m.Data = make([]float32, (n-1)*m.Stride+d)
	for i := range m.Data {
		m.Data[i] = float32(math.NaN())
	}
	for i := range n {
		copy(m.Row(i), x[i*d:(i+1)*d])
	}
	return m
}

func rowsOf(rows ...[]float32) simd.Matrix {
	m := simd.NewMatrix(len(rows), len(rows[0]))
	for i, r := range rows {
		copy(m.Row(i), r)
	}
	return m
}

func evaluate(t testing.TB, name string, l infonce.Loss, b infonce.Batch, grad *infonce.Batch) infonce.Result {
	t.Helper()
	r, err := l.Evaluate(b, grad, 1)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

func gradOf(x simd.Matrix) infonce.Batch {
	return infonce.Batch{Q: simd.NewMatrix(x.Rows, x.Cols)}
}
