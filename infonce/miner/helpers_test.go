package miner_test

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

func mat(m simd.Matrix) ref.Mat { return ref.FromFloat32(m.Rows, m.Cols, m.Stride, m.Data) }

var gaps = testkit.Gaps

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
