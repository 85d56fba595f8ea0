package simd_test

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// chunk is the length above which sums are added chunk by chunk, part of the
// definition of the bits.
const chunk = 1 << 14

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// A vectorFunc is a function of vectors in the one form that the tests call.
type vectorFunc struct {
	name     string
	operands string // which of dst, x and y it has
	call     func(dst, x, y []float32, alpha float32) float32
}

var vectorFuncs = []vectorFunc{
	{"Dot", "xy", func(_, x, y []float32, _ float32) float32 { return simd.Dot(x, y) }},
	{"SquaredDistance", "xy", func(_, x, y []float32, _ float32) float32 { return simd.SquaredDistance(x, y) }},
	{"Sum", "x", func(_, x, _ []float32, _ float32) float32 { return simd.Sum(x) }},
	{"Max", "x", func(_, x, _ []float32, _ float32) float32 { return simd.Max(x) }},
	{"Axpy", "dx", func(dst, x, _ []float32, alpha float32) float32 { simd.Axpy(dst, alpha, x); return 0 }},
	{"Scale", "dx", func(dst, x, _ []float32, alpha float32) float32 { simd.Scale(dst, alpha, x); return 0 }},
	{"Add", "dxy", func(dst, x, y []float32, _ float32) float32 { simd.Add(dst, x, y); return 0 }},
	{"MulShifted", "dxy", func(dst, x, y []float32, alpha float32) float32 { simd.MulShifted(dst, x, y, alpha); return 0 }},
	{"MaxAffine", "dx", func(dst, x, _ []float32, alpha float32) float32 { simd.MaxAffine(dst, x, alpha, -0.25); return 0 }},
	{"IndexAtLeast", "x", func(_, x, _ []float32, alpha float32) float32 { return float32(simd.IndexAtLeast(x, alpha)) }},
	{"Exp", "dx", func(dst, x, _ []float32, _ float32) float32 { simd.Exp(dst, x); return 0 }},
	{"ExpSum", "dx", func(dst, x, _ []float32, alpha float32) float32 { return simd.ExpSum(dst, x, alpha) }},
	{"ExpLanes", "dx", func(dst, x, _ []float32, alpha float32) float32 {
		var lane [16]float32
		simd.ExpLanes(dst, x, alpha, &lane)
		return simd.SumLanes(&lane)
	}},
	{"SumExp", "x", func(_, x, _ []float32, alpha float32) float32 { return simd.SumExp(x, alpha) }},
	{"Log", "dx", func(dst, x, _ []float32, _ float32) float32 { simd.Log(dst, x); return 0 }},
	{"LogSumExp", "x", func(_, x, _ []float32, _ float32) float32 { return simd.LogSumExp(x) }},
	{"Softmax", "dx", func(dst, x, _ []float32, _ float32) float32 { return simd.Softmax(dst, x) }},
}

// A product is a matrix product in the one form that the tests call:
// dst = alpha·a·b, or dst += a·b.
type product struct {
	name                string
	transA, transB, add bool // how a and b are given; a product that adds has no alpha
	call                func(dst simd.Matrix, alpha float32, a, b simd.Matrix)
}

// Of the tests that run alone.
var (
	packed simd.Packed
	around simd.Matrix
)

// viewOf returns a view that holds b, or bᵀ, of a packed matrix that is NaN elsewhere.
func viewOf(b simd.Matrix, trans bool) simd.Packed {
	before, after := 7, 5 // rows and columns of NaN
	if packed.Precision == simd.BFloat16 {
		before = 6 // a view holds whole pairs, or ends where the matrix ends
		if !trans && b.Rows%2 == 1 || trans && b.Cols%2 == 1 {
			after = 0
		}
	}
	row, col, rows, cols := before, simd.PackAlign, b.Rows, b.Cols
	if trans {
		row, col = col, row
	}
	around = around.Reshape(row+rows+after, col+cols+after)
	for i := range around.Data {
		around.Data[i] = nan
	}
	for i := range rows {
		copy(around.Row(row + i)[col:], b.Row(i))
	}
	if trans {
		packed.PackTrans(around)
		row, col, rows, cols = col, row, cols, rows
	} else {
		packed.Pack(around)
	}
	return packed.Slice(row, row+rows, col, col+cols)
}

var products = []product{
	{"MatMul", false, false, false, simd.MatMul},
	{"MatMulTransA", true, false, false, simd.MatMulTransA},
	{"MatMulTransB", false, true, false, simd.MatMulTransB},
	{"AddMatMul", false, false, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) { simd.AddMatMul(dst, a, b) }},
	{"AddMatMulTransA", true, false, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) { simd.AddMatMulTransA(dst, a, b) }},
	{"Packed.Mul/Pack", false, false, false, func(dst simd.Matrix, alpha float32, a, b simd.Matrix) {
		packed.Pack(b)
		packed.Mul(dst, alpha, a)
	}},
	{"Packed.Mul/PackTrans", false, true, false, func(dst simd.Matrix, alpha float32, a, b simd.Matrix) {
		packed.PackTrans(b)
		packed.Mul(dst, alpha, a)
	}},
	{"Packed.AddMul/Pack", false, false, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) {
		packed.Pack(b)
		packed.AddMul(dst, a)
	}},
	{"Packed.AddMul/PackTrans", false, true, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) {
		packed.PackTrans(b)
		packed.AddMul(dst, a)
	}},
	{"Packed.AddMulTransA/Pack", true, false, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) {
		packed.Pack(b)
		packed.AddMulTransA(dst, a)
	}},
	{"Packed.AddMulTransA/PackTrans", true, true, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) {
		packed.PackTrans(b)
		packed.AddMulTransA(dst, a)
	}},
	{"Packed.MulTransA/Pack", true, false, false, func(dst simd.Matrix, alpha float32, a, b simd.Matrix) {
		packed.Pack(b)
		packed.MulTransA(dst, alpha, a)
	}},
	{"Packed.Mul/view", false, false, false, func(dst simd.Matrix, alpha float32, a, b simd.Matrix) {
		v := viewOf(b, false)
		v.Mul(dst, alpha, a)
	}},
	{"Packed.AddMul/viewTrans", false, true, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) {
		v := viewOf(b, true)
		v.AddMul(dst, a)
	}},
	{"Packed.MulTransA/viewTrans", true, true, false, func(dst simd.Matrix, alpha float32, a, b simd.Matrix) {
		v := viewOf(b, true)
		v.MulTransA(dst, alpha, a)
	}},
	{"Packed.AddMulTransA/view", true, false, true, func(dst simd.Matrix, _ float32, a, b simd.Matrix) {
		v := viewOf(b, false)
		v.AddMulTransA(dst, a)
	}},
}

// shapes returns the rows and columns of a and b as the product takes them, for
// an n×m result of inner dimension k.
func (p product) shapes(n, k, m int) (a, b [2]int) {
	a, b = [2]int{n, k}, [2]int{k, m}
	if p.transA {
		a = [2]int{k, n}
	}
	if p.transB {
		b = [2]int{m, k}
	}
	return a, b
}

// atGeneric runs f at the generic level, which defines the bits.
func atGeneric(t *testing.T, f func()) {
	t.Helper()
	restore, err := cpu.Select(cpu.Generic)
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	f()
}

// kinds are the operands that the functions of vectors see.
var kinds = []struct {
	name string
	data func(r *check.Rand, n int) (x, y []float32)
}{
	{"normal", func(r *check.Rand, n int) (x, y []float32) { return r.Normals32(n), r.Normals32(n) }},
	{"integer", func(r *check.Rand, n int) (x, y []float32) { return r.SmallInts(n, 9), r.SmallInts(n, 9) }},
	{"wide", func(r *check.Rand, n int) (x, y []float32) { return wide(r, n, 50), wide(r, n, 50) }},
	{"tiny", func(r *check.Rand, n int) (x, y []float32) {
		return scaled(r.Normals32(n), -74), scaled(r.Normals32(n), -74)
	}},
	{"subnormal", func(r *check.Rand, n int) (x, y []float32) {
		return scaled(r.Normals32(n), -130), scaled(r.Normals32(n), 20)
	}},
	{"cancel", func(r *check.Rand, n int) (x, y []float32) { // sums near 0 of large terms
		x, y = r.Normals32(n), r.Normals32(n)
		for i := n / 2; i < n; i++ {
			x[i], y[i] = -x[n-1-i], y[n-1-i]
		}
		return x, y
	}},
	{"constant", func(r *check.Rand, n int) (x, y []float32) { return repeat(0.1, n), repeat(-0.3, n) }},
}

// wide returns n numbers of magnitudes from 2^-e to 2^e.
func wide(r *check.Rand, n, e int) []float32 {
	x := r.Float32s(n, -1, 1)
	for i := range x {
		x[i] = float32(math.Ldexp(float64(x[i]), r.IntN(2*e+1)-e))
	}
	return x
}

// scaled multiplies x by 2^e.
func scaled(x []float32, e int) []float32 {
	for i := range x {
		x[i] = float32(math.Ldexp(float64(x[i]), e))
	}
	return x
}

func repeat(v float32, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = v
	}
	return x
}

// eachLength calls f with all lengths that a kernel treats differently, and with
// those at which the number of chunks changes; with fewer of both under -short.
func eachLength(f func(n int)) {
	few := 301
	long := []int{chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 2*chunk + 1, 3*chunk - 1, 3 * chunk, 3*chunk + 33}
	if testing.Short() {
		few, long = 101, []int{chunk, chunk + 1, 2*chunk + 33}
	}
	for n := range few {
		f(n)
	}
	for _, n := range long {
		f(n)
	}
}

// float64s returns x in float64.
func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Bounds: u is the unit roundoff, tiny the largest error of a result that is subnormal,
// and gamma(k) bounds the relative error of k roundings (Higham 2002, lemma 3.1).
const (
	u    = 0x1p-24
	tiny = 0x1p-150
)

func gamma(k float64) float64 { return k * u / (1 - k*u) }

// rounds returns how many times at most an element is rounded on its way into a sum of n
// elements in the given number of lanes: in its lane, in the tree over the lanes, and
// once a chunk.
func rounds(n, lanes int) float64 {
	inLane := (min(n, chunk) + lanes - 1) / lanes
	return float64(inLane) + math.Log2(float64(lanes)) + float64((n+chunk-1)/chunk)
}

// canary fills what no function may touch: a NaN that no arithmetic gives.
const canary = 0x7fcabcde

// A guarded matrix has canaries around it and between its rows.
type guarded struct {
	simd.Matrix
	buf []float32
}

const moat = 64 // canaries at either end

func newGuarded(rows, cols, gap int) guarded {
	stride := cols + gap
	used := max((rows-1)*stride+cols, 0)
	buf := repeat(math.Float32frombits(canary), used+2*moat)
	return guarded{simd.Matrix{Rows: rows, Cols: cols, Stride: stride, Data: buf[moat : moat+used]}, buf}
}

// intact reports an error where a canary has changed.
func (g guarded) intact(t *testing.T, name string) {
	t.Helper()
	for i, v := range g.buf {
		at := i - moat
		inside := at >= 0 && at < len(g.Data) && at%g.Stride < g.Cols
		if !inside && math.Float32bits(v) != canary {
			t.Errorf("%s: element %d of the memory, outside the %d×%d matrix of stride %d, became %v",
				name, at, g.Rows, g.Cols, g.Stride, v)
			return
		}
	}
}

// fill sets the elements of the matrix, row by row.
func fill(m simd.Matrix, x []float32) simd.Matrix {
	for i := range m.Rows {
		copy(m.Row(i), x[i*m.Cols:])
	}
	return m
}

// dense returns the elements of the matrix, row by row.
func dense(m simd.Matrix) []float32 {
	x := make([]float32, 0, m.Rows*m.Cols)
	for i := range m.Rows {
		x = append(x, m.Row(i)...)
	}
	return x
}
