package ref

import (
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

var inf, nan = math.Inf(1), math.NaN()

// same reports whether x and y are equal or both NaN.
func same(x, y float64) bool { return x == y || x != x && y != y }

func near(x, y, tolerance float64) bool {
	return same(x, y) || math.Abs(x-y) <= tolerance*math.Abs(y)
}

func normals(r *check.Rand, rows, cols int) Mat {
	return FromFloat32(rows, cols, cols, r.Normals32(rows*cols))
}

func scale(m Mat, by float64) Mat {
	s := NewMat(m.Rows, m.Cols)
	for i, v := range m.Data {
		s.Data[i] = by * v
	}
	return s
}

func TestFromFloat32(t *testing.T) {
	m := FromFloat32(2, 2, 3, []float32{1, 2, 9, 3, 0.1})
	if !slices.Equal(m.Data, []float64{1, 2, 3, float64(float32(0.1))}) || m.At(1, 0) != 3 {
		t.Errorf("%v", m)
	}
}

func TestReductions(t *testing.T) {
	for _, c := range []struct {
		name                string
		x                   []float64
		sum, max, logSumExp float64
		softmax             []float64
	}{
		{"empty", nil, 0, -inf, -inf, nil},
		{"one", []float64{-800.1}, -800.1, -800.1, -800.1, []float64{1}},
		{"two", []float64{0, math.Log(3)}, math.Log(3), math.Log(3), math.Log(4), []float64{0.25, 0.75}},
		{"large", []float64{1e4, 1e4}, 2e4, 1e4, 1e4 + math.Ln2, []float64{0.5, 0.5}},
		{"small", []float64{-1e4, -1e4 - math.Ln2}, -2e4 - math.Ln2, -1e4, -1e4 + math.Log(1.5), []float64{2.0 / 3, 1.0 / 3}},
		{"one of −Inf", []float64{-inf, 2}, -inf, 2, 2, []float64{0, 1}},
		{"all −Inf", []float64{-inf, -inf}, -inf, -inf, -inf, []float64{0, 0}},
		{"+Inf", []float64{inf, -inf}, nan, inf, inf, []float64{nan, nan}},
		{"NaN", []float64{1, nan}, nan, 1, nan, []float64{nan, nan}},
		{"NaN and −Inf", []float64{nan, -inf}, nan, -inf, nan, []float64{nan, nan}},
		{"NaN and +Inf", []float64{inf, nan}, nan, inf, nan, []float64{nan, nan}},
	} {
		if got := Sum(c.x); !same(got, c.sum) {
			t.Errorf("%s: sum %v, want %v", c.name, got, c.sum)
		}
		if got := Max(c.x); !same(got, c.max) {
			t.Errorf("%s: max %v, want %v", c.name, got, c.max)
		}
		if got := LogSumExp(c.x); !near(got, c.logSumExp, 1e-15) {
			t.Errorf("%s: log-sum-exp %v, want %v", c.name, got, c.logSumExp)
		}
		got := Softmax(c.x)
		if len(got) != len(c.softmax) {
			t.Errorf("%s: softmax %v, want %v", c.name, got, c.softmax)
			continue
		}
		for i := range got {
			// −1e4 − ln 2 is itself rounded at 1.8e-12.
			if !near(got[i], c.softmax[i], 2e-12) {
				t.Errorf("%s: softmax %v, want %v", c.name, got, c.softmax)
			}
		}
	}
}

func TestMatrixProducts(t *testing.T) {
	a := Mat{2, 3, []float64{1, 2, 3, 4, 5, 6}}
	b := Mat{3, 2, []float64{7, 8, 9, 10, 11, 12}}
	at := Mat{3, 2, []float64{1, 4, 2, 5, 3, 6}}
	bt := Mat{2, 3, []float64{7, 9, 11, 8, 10, 12}}
	want := []float64{58, 64, 139, 154}
	for name, c := range map[string]Mat{
		"MatMul": MatMul(a, b), "MatMulTransB": MatMulTransB(a, bt), "MatMulTransA": MatMulTransA(at, b),
	} {
		if c.Rows != 2 || c.Cols != 2 || !slices.Equal(c.Data, want) {
			t.Errorf("%s: %v, want %v", name, c, want)
		}
	}
	if d := SquaredDistance(a.Row(0), a.Row(1)); d != 27 {
		t.Errorf("squared distance %v, want 27", d)
	}
}

// Powers of two as scales, so that the unit rows must have the same bits and the
// gradient must scale exactly.
func TestNormalizeAtAnyScale(t *testing.T) {
	r := check.NewRand(1)
	x, g := normals(r, 5, 7), normals(r, 5, 7)
	unit, norms := Normalize(x)
	dx := NormalizeGrad(x, g)
	for i := range x.Rows {
		if n := Dot(unit.Row(i), unit.Row(i)); !near(n, 1, 1e-15) {
			t.Errorf("row %d has squared norm %v", i, n)
		}
		if !near(norms[i], math.Sqrt(Dot(x.Row(i), x.Row(i))), 1e-15) {
			t.Errorf("norm %d = %v", i, norms[i])
		}
	}
	for _, e := range []int{-664, -400, -1, 1, 100, 664} { // 2^664 is 1e200
		by := math.Ldexp(1, e)
		scaledUnit, scaledNorms := Normalize(scale(x, by))
		if !slices.Equal(scaledUnit.Data, unit.Data) {
			t.Errorf("×2^%d: other unit rows", e)
		}
		for i := range norms {
			if scaledNorms[i] != norms[i]*by {
				t.Errorf("×2^%d: norm %v, want %v", e, scaledNorms[i], norms[i]*by)
			}
		}
		if !slices.Equal(NormalizeGrad(scale(x, by), g).Data, scale(dx, 1/by).Data) {
			t.Errorf("×2^%d: other gradient", e)
		}
	}
}

func TestNormalizeSubnormal(t *testing.T) {
	unit, norms := Normalize(Mat{1, 2, []float64{3 * math.SmallestNonzeroFloat64, -4 * math.SmallestNonzeroFloat64}})
	if !slices.Equal(unit.Data, []float64{0.6, -0.8}) || norms[0] != 5*math.SmallestNonzeroFloat64 {
		t.Errorf("unit %v, norm %v", unit.Data, norms)
	}
}

func TestNormalizeZeroRow(t *testing.T) {
	x := Mat{3, 2, []float64{3, 4, 0, math.Copysign(0, -1), 0, -2}}
	unit, norms := Normalize(x)
	if !slices.Equal(unit.Data, []float64{0.6, 0.8, 0, 0, 0, -1}) || !slices.Equal(norms, []float64{5, 0, 2}) {
		t.Errorf("unit %v, norms %v", unit.Data, norms)
	}
	dx := NormalizeGrad(x, Mat{3, 2, []float64{1, 2, 3, 4, 5, 6}})
	if dx.At(1, 0) != 0 || dx.At(1, 1) != 0 {
		t.Errorf("gradient of the zero row %v", dx.Row(1))
	}
	if dx.At(2, 0) != 2.5 || dx.At(2, 1) != 0 {
		t.Errorf("gradient of row 2 %v, want [2.5 0]", dx.Row(2))
	}
}

func TestNormalizeGradient(t *testing.T) {
	r := check.NewRand(2)
	for range 100 {
		x := normals(r, 1+r.IntN(3), 1+r.IntN(6))
		w := normals(r, x.Rows, x.Cols)
		f := func() float64 {
			unit, _ := Normalize(x)
			return Dot(unit.Data, w.Data)
		}
		dx := NormalizeGrad(x, w)
		check.Gradient(t, "normalize", f, x.Data, dx.Data)
		for i := range x.Rows {
			// The products are up to |w|, and each is rounded a few times at 1.1e-16 of that.
			bound := 1e-14 * math.Sqrt(Dot(w.Row(i), w.Row(i)))
			if dot := Dot(x.Row(i), dx.Row(i)); math.Abs(dot) > bound {
				t.Errorf("x·∂L/∂x = %v, want 0 within %v", dot, bound)
			}
		}
	}
}
