package simd_test

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// shapeError returns the *simd.ShapeError that f panics with, nil if it does not panic.
func shapeError(t *testing.T, name string, f func()) (e *simd.ShapeError) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err, _ := r.(error)
			if !errors.As(err, &e) {
				t.Errorf("%s: panics with %v, want a *ShapeError", name, r)
			}
		}
	}()
	f()
	return nil
}

// What does not fit panics with an error that names the function, the argument, what
// it is and what would fit.
func TestShapeErrors(t *testing.T) {
	v := func(n int) []float32 { return make([]float32, n) }
	m := simd.NewMatrix
	short := simd.Matrix{Rows: 3, Cols: 4, Stride: 4, Data: v(11)}
	narrow := simd.Matrix{Rows: 3, Cols: 4, Stride: 3, Data: v(12)}
	negative := simd.Matrix{Rows: -3, Cols: 4, Stride: 4, Data: v(12)}
	minus := simd.Matrix{Rows: 3, Cols: -4, Stride: 4, Data: v(12)}
	// Rows times stride is 2^64 and more; what is left of it would fit.
	huge := simd.Matrix{Rows: 1<<6 + 1, Cols: 4, Stride: math.MaxInt/(1<<6) + 1, Data: v(12)}
	hollow := simd.Matrix{Rows: 3, Cols: 0, Stride: 5}
	// Sides of a square whose elements can not be counted: their number would be 0 modulo 2^32 or
	// 2^64.
	const side = 1 << (bits.UintSize / 2)
	most := fmt.Sprintf("at most %d elements", math.MaxInt/4)
	square := fmt.Sprintf("%d×%d", side, side)
	packed := func(rows, cols int) *simd.Packed {
		var p simd.Packed
		p.Pack(m(rows, cols))
		return &p
	}
	for _, c := range []struct {
		call           func()
		op, arg        string
		gotten, wanted string
	}{
		{func() { simd.Dot(v(3), v(4)) }, "simd.Dot", "y", "of length 4", "of length 3"},
		{func() { simd.SquaredDistance(v(1), nil) }, "simd.SquaredDistance", "y", "of length 0", "of length 1"},
		{func() { simd.Axpy(v(2), 1, v(3)) }, "simd.Axpy", "x", "of length 3", "of length 2"},
		{func() { simd.Scale(v(2), 1, v(3)) }, "simd.Scale", "x", "of length 3", "of length 2"},
		{func() { simd.Add(v(2), v(3), v(2)) }, "simd.Add", "x", "of length 3", "of length 2"},
		{func() { simd.Add(v(2), v(2), v(1)) }, "simd.Add", "y", "of length 1", "of length 2"},
		{func() { simd.MulShifted(v(2), v(3), v(2), 1) }, "simd.MulShifted", "x", "of length 3", "of length 2"},
		{func() { simd.MulShifted(v(2), v(2), v(1), 1) }, "simd.MulShifted", "w", "of length 1", "of length 2"},
		{func() { simd.Exp(v(0), v(1)) }, "simd.Exp", "x", "of length 1", "of length 0"},
		{func() { simd.ExpSum(v(3), v(1), 0) }, "simd.ExpSum", "x", "of length 1", "of length 3"},
		{func() { simd.Log(v(3), v(1)) }, "simd.Log", "x", "of length 1", "of length 3"},
		{func() { simd.Softmax(v(3), v(1)) }, "simd.Softmax", "x", "of length 1", "of length 3"},

		{func() { m(-4, -4) }, "simd.NewMatrix", "the matrix", "-4×-4", "n×d"},
		{func() { m(0, -1) }, "simd.NewMatrix", "the matrix", "0×-1", "n×d"},
		{func() { m(side, side) }, "simd.NewMatrix", "the matrix", square, most},
		{func() { m(math.MaxInt/4+1, 1) }, "simd.NewMatrix", "the matrix", fmt.Sprintf("%d×1", math.MaxInt/4+1), most},
		{func() { m(2, 2).Reshape(-1, -2) }, "simd.Matrix.Reshape", "the matrix", "-1×-2", "n×d"},
		{func() { m(2, 2).Reshape(side, side) }, "simd.Matrix.Reshape", "the matrix", square, most},
		{func() { new(simd.Packed).Reset(side, side) }, "simd.Packed.Reset", "the matrix", square, most},

		{func() { simd.LogSumExpRows(v(2), m(3, 4)) }, "simd.LogSumExpRows", "dst", "of length 2", "of length 3"},
		{func() { simd.LogSumExpRows(v(3), short) }, "simd.LogSumExpRows", "x.Data", "of length 11", "at least 12 long"},
		{func() { simd.LogSumExpRows(v(3), hollow) }, "simd.LogSumExpRows", "x.Data", "of length 0", "at least 10 long"},
		{func() { simd.SoftmaxRows(m(3, 5), m(3, 4), nil) }, "simd.SoftmaxRows", "dst", "3×5", "3×4"},
		{func() { simd.SoftmaxRows(m(3, 4), m(3, 4), v(2)) }, "simd.SoftmaxRows", "lse", "of length 2", "of length 3"},
		{func() { simd.SoftmaxRows(m(3, 4), narrow, nil) }, "simd.SoftmaxRows", "x.Stride", "3", "at least 4"},
		{func() { simd.NormalizeRows(m(2, 4), m(3, 4), v(3)) }, "simd.NormalizeRows", "dst", "2×4", "3×4"},
		{func() { simd.NormalizeRows(m(3, 4), m(3, 4), v(4)) }, "simd.NormalizeRows", "norms", "of length 4", "of length 3"},
		{func() { simd.NormalizeRows(short, m(3, 4), v(3)) }, "simd.NormalizeRows", "dst.Data", "of length 11", "at least 12 long"},
		{func() { simd.NormalizeRows(m(3, 4), minus, v(3)) }, "simd.NormalizeRows", "src", "3×-4", "n×d"},
		{func() { simd.AddNormalizeRowsGrad(m(3, 4), 1, m(3, 5), m(3, 4), v(3)) }, "simd.AddNormalizeRowsGrad", "g", "3×5", "3×4"},
		{func() { simd.AddNormalizeRowsGrad(m(4, 4), 1, m(3, 4), m(3, 4), v(3)) }, "simd.AddNormalizeRowsGrad", "dst", "4×4", "3×4"},
		{func() { simd.AddNormalizeRowsGrad(m(3, 4), 1, m(3, 4), m(3, 4), v(2)) }, "simd.AddNormalizeRowsGrad", "norms", "of length 2", "of length 3"},

		{func() { simd.MatMul(m(2, 5), 1, m(2, 3), m(4, 5)) }, "simd.MatMul", "b", "4×5", "3×5"},
		{func() { simd.MatMul(m(2, 6), 1, m(2, 3), m(3, 5)) }, "simd.MatMul", "b", "3×5", "3×6"},
		{func() { simd.MatMul(m(1, 5), 1, m(2, 3), m(3, 5)) }, "simd.MatMul", "a", "2×3", "1×3"},
		{func() { simd.MatMul(short, 1, m(3, 2), m(2, 4)) }, "simd.MatMul", "dst.Data", "of length 11", "at least 12 long"},
		{func() { simd.MatMul(negative, 1, m(3, 2), m(2, 4)) }, "simd.MatMul", "dst", "-3×4", "n×d"},
		{func() { simd.MatMul(huge, 1, m(65, 2), m(2, 4)) }, "simd.MatMul", "dst.Data", "of length 12", fmt.Sprintf("at least %d long", math.MaxInt)},
		{func() { simd.MatMul(m(65, 2), 1, huge, m(4, 2)) }, "simd.MatMul", "a.Data", "of length 12", fmt.Sprintf("at least %d long", math.MaxInt)},
		{func() { simd.MatMul(m(3, 2), 1, negative, m(4, 2)) }, "simd.MatMul", "a", "-3×4", "3×4"},
		{func() { simd.MatMulTransA(m(2, 5), 1, m(3, 2), m(4, 5)) }, "simd.MatMulTransA", "b", "4×5", "3×5"},
		{func() { simd.MatMulTransA(m(4, 5), 1, m(3, 2), m(3, 5)) }, "simd.MatMulTransA", "a", "3×2", "3×4"},
		{func() { simd.MatMulTransA(m(2, 4), 1, m(3, 2), short) }, "simd.MatMulTransA", "b.Data", "of length 11", "at least 12 long"},
		{func() { simd.MatMulTransB(m(2, 5), 1, m(2, 3), m(5, 4)) }, "simd.MatMulTransB", "b", "5×4", "5×3"},
		{func() { simd.MatMulTransB(m(9, 5), 1, m(2, 3), m(5, 3)) }, "simd.MatMulTransB", "a", "2×3", "9×3"},
		{func() { simd.MatMulTransB(m(3, 65), 1, m(3, 4), huge) }, "simd.MatMulTransB", "b.Data", "of length 12", fmt.Sprintf("at least %d long", math.MaxInt)},
		{func() { simd.AddMatMul(m(2, 5), m(2, 3), m(4, 5)) }, "simd.AddMatMul", "b", "4×5", "3×5"},
		{func() { simd.AddMatMul(narrow, m(3, 2), m(2, 4)) }, "simd.AddMatMul", "dst.Stride", "3", "at least 4"},
		{func() { simd.AddMatMulTransA(m(2, 5), m(3, 2), m(4, 5)) }, "simd.AddMatMulTransA", "b", "4×5", "3×5"},

		{func() { packed(3, 5).Mul(m(2, 5), 1, m(2, 4)) }, "simd.Packed.Mul", "a", "2×4", "2×3"},
		{func() { packed(3, 5).Mul(m(2, 4), 1, m(2, 3)) }, "simd.Packed.Mul", "dst", "2×4", "2×5"},
		{func() { packed(2, 4).Mul(short, 1, m(3, 2)) }, "simd.Packed.Mul", "dst.Data", "of length 11", "at least 12 long"},
		{func() { packed(2, 4).Mul(negative, 1, m(3, 2)) }, "simd.Packed.Mul", "dst", "-3×4", "3×4"},
		{func() { packed(3, 5).AddMul(m(2, 5), m(1, 3)) }, "simd.Packed.AddMul", "a", "1×3", "2×3"},
		{func() { packed(3, 5).AddMulTransA(m(2, 5), m(2, 3)) }, "simd.Packed.AddMulTransA", "a", "2×3", "3×2"},
		{func() { new(simd.Packed).Pack(short) }, "simd.Packed.Pack", "b.Data", "of length 11", "at least 12 long"},
		{func() { new(simd.Packed).PackTrans(narrow) }, "simd.Packed.PackTrans", "b.Stride", "3", "at least 4"},
		{func() { new(simd.Packed).Mul(m(2, 5), 1, m(2, 3)) }, "simd.Packed.Mul", "a", "2×3", "2×0"},
		{func() { packed(3, 5).MulTransA(m(2, 5), 1, m(2, 3)) }, "simd.Packed.MulTransA", "a", "2×3", "3×2"},
		{func() { new(simd.Packed).Reset(3, -1) }, "simd.Packed.Reset", "the matrix", "3×-1", "n×d"},
		{func() { packed(3, 5).PackAt(0, m(2, 4)) }, "simd.Packed.PackAt", "b", "2×4", "n×5"},
		{func() { packed(3, 4).PackAt(0, short) }, "simd.Packed.PackAt", "b.Data", "of length 11", "at least 12 long"},
		{func() { packed(3, 5).PackAt(2, m(2, 5)) }, "simd.Packed.PackAt", "the range of rows", "[2, 4)", "within [0, 3)"},
		{func() { packed(3, 5).PackAt(-1, m(2, 5)) }, "simd.Packed.PackAt", "the range of rows", "[-1, 1)", "within [0, 3)"},
		{func() { packed(3, 5).PackTransAt(0, m(2, 5)) }, "simd.Packed.PackTransAt", "b", "2×5", "n×3"},
		{func() { packed(3, 100).PackTransAt(96, m(5, 3)) }, "simd.Packed.PackTransAt", "the range of columns", "[96, 101)", "within [0, 100)"},
		{func() { packed(3, 100).PackTransAt(95, m(5, 3)) }, "simd.Packed.PackTransAt", "col", "95", "a multiple of 96"},
		{func() { packed(3, 100).PackTransAt(0, m(95, 3)) }, "simd.Packed.PackTransAt", "b.Rows", "95", "a multiple of 96"},
		{func() { packed(3, 100).PackTransAt(96, m(4, 3)) }, "", "", "", ""},
		{func() { packed(3, 100).Slice(1, 4, 0, 5) }, "simd.Packed.Slice", "the range of rows", "[1, 4)", "within [0, 3)"},
		{func() { packed(3, 100).Slice(1, 2, 6, 5) }, "simd.Packed.Slice", "the range of columns", "[6, 5)", "within [0, 100)"},
		{func() { packed(3, 100).Slice(1, 2, 32, 50) }, "simd.Packed.Slice", "c0", "32", "a multiple of 96"},
		{func() { view := packed(3, 100).Slice(1, 3, 96, 98); view.Mul(m(2, 3), 1, m(2, 2)) }, "simd.Packed.Mul", "dst", "2×3", "2×2"},
		{func() { view := packed(3, 5).Slice(0, 3, 0, 5); view.Pack(m(3, 5)) }, "simd.Packed.Pack", "the receiver", "a view", "what is not a view"},
		{func() { view := packed(3, 5).Slice(0, 3, 0, 5); view.PackTrans(m(3, 5)) }, "simd.Packed.PackTrans", "the receiver", "a view", "what is not a view"},
		{func() { view := packed(3, 5).Slice(0, 3, 0, 5); view.Reset(3, 5) }, "simd.Packed.Reset", "the receiver", "a view", "what is not a view"},
		{func() { view := packed(3, 5).Slice(0, 3, 0, 5); view.PackAt(0, m(3, 5)) }, "simd.Packed.PackAt", "the receiver", "a view", "what is not a view"},
		{func() { view := packed(3, 5).Slice(0, 3, 0, 5); view.PackTransAt(0, m(5, 3)) }, "simd.Packed.PackTransAt", "the receiver", "a view", "what is not a view"},

		{func() { m(3, 4).Slice(1, 4) }, "simd.Matrix.Slice", "the range", "[1, 4)", "within [0, 3)"},
		{func() { m(3, 4).Slice(-1, 2) }, "simd.Matrix.Slice", "the range", "[-1, 2)", "within [0, 3)"},
		{func() { m(3, 4).Slice(2, 1) }, "simd.Matrix.Slice", "the range", "[2, 1)", "within [0, 3)"},
		{func() { m(3, 4).Check("op", "arg", 3, -1) }, "", "", "", ""},
		{func() { m(3, 4).Check("op", "arg", -1, 5) }, "op", "arg", "3×4", "n×5"},
		{func() { m(3, 4).Check("op", "arg", 2, -1) }, "op", "arg", "3×4", "2×d"},
	} {
		name := fmt.Sprintf("%s, %s %s", c.op, c.arg, c.gotten)
		e := shapeError(t, name, c.call)
		if c.op == "" {
			if e != nil {
				t.Errorf("panics with %v, want none", e)
			}
			continue
		}
		if e == nil {
			t.Errorf("%s: no panic", name)
			continue
		}
		if want := (simd.ShapeError{Op: c.op, Arg: c.arg, Got: c.gotten, Want: c.wanted}); *e != want {
			t.Errorf("%s: %+v, want %+v", name, *e, want)
		}
		if text := e.Error(); text != c.op+": "+c.arg+" is "+c.gotten+", want "+c.wanted || strings.Contains(text, "\n") {
			t.Errorf("%s: the text is %q", name, text)
		}
	}
}

// A destination may be an input exactly, or be apart from it; every shift in between panics.
func TestVectorOverlaps(t *testing.T) {
	for _, n := range []int{1, 2, 9, 40, 2*chunk + 1} {
		buf := make([]float32, 3*n)
		for _, f := range vectorFuncs {
			if f.operands[0] != 'd' {
				continue
			}
			step := 1 + n/50
			for shift := -n; shift <= n; shift++ {
				if shift%step != 0 && shift > 1-n && shift != 1 && shift != -1 && shift < n-1 {
					continue
				}
				dst, in := buf[n:2*n], buf[n+shift:2*n+shift]
				for _, as := range f.operands[1:] {
					x, y := make([]float32, n), make([]float32, n)
					if as == 'x' {
						x = in
					} else {
						y = in
					}
					name := fmt.Sprintf("%s n=%d dst and %c %d apart", f.name, n, as, shift)
					e := shapeError(t, name, func() { f.call(dst, x, y, 1) })
					if partly := shift != 0 && shift > -n && shift < n; (e != nil) != partly {
						t.Fatalf("%s: panic %v", name, e)
					} else if partly {
						arg := string(as)
						if f.name == "MulShifted" && as == 'y' {
							arg = "w"
						}
						if e.Op != "simd."+f.name || e.Arg != arg {
							t.Fatalf("%s: panic %v", name, e)
						}
					}
				}
			}
		}
	}
}

// Inputs may share memory in any way.
func TestInputsOverlap(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		x := check.NewRand(1).SmallInts(100, 9)
		for shift := range 40 {
			a, b := x[:50], x[shift:shift+50]
			var want float32
			for i := range a {
				want += float32(a[i] * b[i])
			}
			if got := simd.Dot(a, b); got != want {
				t.Errorf("Dot of itself shifted by %d: %v, want %v", shift, got, want)
			}
			dst := make([]float32, 50)
			simd.Add(dst, a, b)
			for i := range dst {
				if dst[i] != a[i]+b[i] {
					t.Errorf("Add of itself shifted by %d: element %d is %v", shift, i, dst[i])
				}
			}
		}
		m := fill(simd.NewMatrix(9, 9), x)
		dst, want := simd.NewMatrix(9, 9), simd.NewMatrix(9, 9)
		simd.MatMulTransB(dst, 1, m, m)
		chain(products[2], want, 1, m, m)
		check.SameBits(t, "a·aᵀ", dst.Data, want.Data)
	})
}

// What fills up the last columns of a Packed matrix counts too: this one is longer than its
// elements.
func TestPackedPaddingCounts(t *testing.T) {
	e := shapeError(t, "Reset", func() { new(simd.Packed).Reset(1, math.MaxInt/4) })
	if e == nil || e.Op != "simd.Packed.Reset" || e.Arg != "the matrix" {
		t.Errorf("panic %v", e)
	}
}

// A destination of a product that shares an element with an operand panics; columns beside
// each other and rows in between share none.
func TestProductOverlaps(t *testing.T) {
	const n, stride = 4, 12 // n×n matrices in a buffer of rows of 12
	buf := make([]float32, 40*stride)
	at := func(i int) simd.Matrix { return simd.Matrix{Rows: n, Cols: n, Stride: stride, Data: buf[i:]} }
	shares := func(i, j int) bool {
		used := make(map[int]bool)
		for r := range n {
			for c := range n {
				used[i+r*stride+c] = true
			}
		}
		for r := range n {
			for c := range n {
				if used[j+r*stride+c] {
					return true
				}
			}
		}
		return false
	}
	other := simd.NewMatrix(n, n)
	dst := 15 * stride
	for shift := -6 * stride; shift <= 6*stride; shift++ {
		for _, p := range products {
			for _, arg := range []string{"a", "b"} {
				if arg == "b" && strings.HasPrefix(p.name, "Packed") {
					continue // holds a copy
				}
				a, b := at(dst+shift), other
				if arg == "b" {
					a, b = b, a
				}
				name := fmt.Sprintf("%s, dst and %s %d apart", p.name, arg, shift)
				e := shapeError(t, name, func() { p.call(at(dst), 1, a, b) })
				// What is neither beside dst nor shares an element, as columns that run over
				// the end of the stride, may panic or not.
				column := ((shift % stride) + stride) % stride
				beside := column >= n && column+n <= stride
				switch {
				case e == nil && shares(dst, dst+shift):
					t.Fatalf("%s: no panic, but they share elements", name)
				case e != nil && beside:
					t.Fatalf("%s: %v, but they lie beside each other", name, e)
				case e != nil && e.Arg != arg:
					t.Fatalf("%s: %v", name, e)
				}
			}
		}
	}
	// Other strides over the same memory.
	wide := simd.Matrix{Rows: n, Cols: n, Stride: stride + 1, Data: buf[dst:]}
	if e := shapeError(t, "strides", func() { simd.MatMul(at(dst), 1, wide, other) }); e == nil {
		t.Error("no panic where strides differ over the same memory")
	}
}

// The functions of rows hold all their outputs apart from what they read.
func TestRowsOverlap(t *testing.T) {
	const n, d = 4, 6
	buf := make([]float32, 100)
	x := simd.Matrix{Rows: n, Cols: d, Stride: d, Data: buf[:n*d]}
	shifted := simd.Matrix{Rows: n, Cols: d, Stride: d, Data: buf[1 : n*d+1]}
	inside, apart := buf[3:3+n], buf[90:90+n]
	m := func() simd.Matrix { return simd.NewMatrix(n, d) }
	for _, c := range []struct {
		name string
		call func()
		want bool
	}{
		{"LogSumExpRows", func() { simd.LogSumExpRows(apart, x) }, false},
		{"LogSumExpRows, dst in x", func() { simd.LogSumExpRows(inside, x) }, true},
		{"SoftmaxRows in place", func() { simd.SoftmaxRows(x, x, apart) }, false},
		{"SoftmaxRows, dst and x shifted", func() { simd.SoftmaxRows(shifted, x, apart) }, true},
		{"SoftmaxRows, lse in x", func() { simd.SoftmaxRows(m(), x, inside) }, true},
		{"SoftmaxRows, lse in dst", func() { simd.SoftmaxRows(x, m(), inside) }, true},
		{"NormalizeRows in place", func() { simd.NormalizeRows(x, x, apart) }, false},
		{"NormalizeRows, dst and src shifted", func() { simd.NormalizeRows(shifted, x, apart) }, true},
		{"NormalizeRows, norms in src", func() { simd.NormalizeRows(m(), x, inside) }, true},
		{"NormalizeRows, norms in dst", func() { simd.NormalizeRows(x, m(), inside) }, true},
		{"AddNormalizeRowsGrad", func() { simd.AddNormalizeRowsGrad(x, 1, m(), m(), apart) }, false},
		{"AddNormalizeRowsGrad, dst is g", func() { simd.AddNormalizeRowsGrad(x, 1, x, m(), apart) }, true},
		{"AddNormalizeRowsGrad, dst is u", func() { simd.AddNormalizeRowsGrad(x, 1, m(), x, apart) }, true},
		{"AddNormalizeRowsGrad, g is u", func() { simd.AddNormalizeRowsGrad(m(), 1, x, x, apart) }, true},
		{"AddNormalizeRowsGrad, norms in dst", func() { simd.AddNormalizeRowsGrad(x, 1, m(), m(), inside) }, true},
		{"AddNormalizeRowsGrad, norms in g", func() { simd.AddNormalizeRowsGrad(m(), 1, x, m(), inside) }, true},
	} {
		if e := shapeError(t, c.name, c.call); (e != nil) != c.want {
			t.Errorf("%s: panic %v", c.name, e)
		}
	}
}
