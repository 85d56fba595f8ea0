package simd_test

import (
	"fmt"
	"math"
	"sync"

	"github.com/contrast-go/contrast/simd"
)

func ExampleDot() {
	x := []float32{1, 2, 3}
	y := []float32{4, 5, 6}
	fmt.Println(simd.Dot(x, y))
	// Output: 32
}

func ExampleLogSumExp() {
	// e^1000 overflows; its logarithm does not.
	fmt.Printf("%.4f\n", simd.LogSumExp([]float32{1000, 1000, 1000}))
	fmt.Println(simd.LogSumExp(nil))
	// Output:
	// 1001.0986
	// -Inf
}

func ExampleSoftmax() {
	x := []float32{0, float32(math.Log(2)), float32(math.Log(5))}
	p := make([]float32, len(x))
	lse := simd.Softmax(p, x)
	fmt.Printf("%.3f, ln 8 = %.3f\n", p, lse)
	// Output: [0.125 0.250 0.625], ln 8 = 2.079
}

// The similarity matrix: the cosine of every query with every key.
func ExampleMatMulTransB() {
	queries := simd.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{1, 0, 0, 1}}
	keys := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{1, 0, 0.6, 0.8, 0, -1}}
	s := simd.NewMatrix(queries.Rows, keys.Rows)
	simd.MatMulTransB(s, 1, queries, keys)
	for i := range s.Rows {
		fmt.Println(s.Row(i))
	}
	// Output:
	// [1 0.6 0]
	// [0 0.8 -1]
}

func ExampleNormalizeRows() {
	x := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{3, 4, 0, 0, 0, -1e-30}}
	norms := make([]float32, x.Rows)
	zeros := simd.NormalizeRows(x, x, norms) // in place
	fmt.Printf("%.1f %.1f %.1f\n", x.Row(0), x.Row(1), x.Row(2))
	fmt.Println(norms, zeros)
	// Output:
	// [0.6 0.8] [0.0 0.0] [0.0 -1.0]
	// [5 0 1e-30] 1
}

// A matrix that is multiplied more than once is packed once.
func ExamplePacked() {
	b := simd.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{1, 2, 3, 4}}
	var p simd.Packed
	p.Pack(b)
	a := simd.Matrix{Rows: 1, Cols: 2, Stride: 2, Data: []float32{10, 1}}
	dst := simd.NewMatrix(1, 2)
	p.Mul(dst, 1, a)
	fmt.Println(dst.Row(0))
	p.AddMul(dst, a)
	fmt.Println(dst.Row(0))
	// Output:
	// [13 24]
	// [26 48]
}

// The product of these numbers has more bits than a float32 holds. FMA keeps them until the sum.
func ExampleFMA() {
	x := float32(1 + 0x1p-12)
	product := x * x
	fmt.Println(product-1, simd.FMA(x, x, -1))
	// Output: 0.00048828125 0.00048834085
}

// The rows of a product are independent, so goroutines can compute them side by side.
func ExampleMatrix_Slice() {
	a, b := simd.NewMatrix(4, 2), simd.NewMatrix(2, 3)
	for i := range a.Data {
		a.Data[i] = float32(i)
	}
	copy(b.Data, []float32{1, 0, 2, 0, 1, 3})
	dst := simd.NewMatrix(4, 3)
	var wg sync.WaitGroup
	for i := 0; i < dst.Rows; i += 2 {
		wg.Go(func() { simd.MatMul(dst.Slice(i, i+2), 1, a.Slice(i, i+2), b) })
	}
	wg.Wait()
	fmt.Println(dst.Row(0), dst.Row(3))
	// Output: [0 1 3] [6 7 33]
}
