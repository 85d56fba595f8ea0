package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// units returns the rows of x as unit rows, in float64; rows of zeros stay.
func units(x simd.Matrix) [][]float64 {
	u := make([][]float64, x.Rows)
	for i := range u {
		u[i] = make([]float64, x.Cols)
		square := 0.0
		for _, v := range x.Row(i) {
			square += float64(v) * float64(v)
		}
		for j, v := range x.Row(i) {
			if square > 0 {
				u[i][j] = float64(v) / math.Sqrt(square)
			}
		}
	}
	return u
}

func squaredDistance(x, y []float64) (s float64) {
	for i, v := range x {
		s += (v - y[i]) * (v - y[i])
	}
	return s
}

// naiveSpread is the spread by its definitions.
func naiveSpread(x simd.Matrix) Spread {
	u := units(x)
	n, d := float64(x.Rows), x.Cols
	s := Spread{Rows: x.Rows, Deviations: make([]float64, d)}
	mean := make([]float64, d)
	for i, row := range u {
		square := 0.0
		for j, v := range row {
			mean[j] += v / n
			square += float64(x.Row(i)[j]) * float64(x.Row(i)[j])
		}
		s.Norm += math.Sqrt(square) / n
		if square == 0 {
			s.ZeroRows++
		}
		for _, other := range u[:i] {
			s.Distance += math.Sqrt(squaredDistance(row, other)) / (n * (n - 1) / 2)
			s.Cosine += dot(row, other) / (n * (n - 1) / 2)
		}
	}
	cov := newSymmetric(d)
	for _, row := range u {
		for a := range d {
			for b := range d {
				cov.row(a)[b] += (row[a] - mean[a]) * (row[b] - mean[b]) / n
			}
		}
	}
	trace := 0.0
	for j := range d {
		s.Deviations[j] = math.Sqrt(cov.row(j)[j])
		s.Deviation += s.Deviations[j] / math.Sqrt(float64(d))
		trace += cov.row(j)[j]
	}
	values, _ := diagonalize(cov)
	entropy := 0.0
	for _, v := range values {
		if v > 0 {
			entropy -= v / trace * math.Log(v/trace)
		}
	}
	if trace > 0 {
		s.EffectiveRank = math.Exp(entropy)
	}
	s.Collapsed = s.Distance < CollapsedDistance
	return s
}

// about returns rows that differ from one direction by noise of the given size.
func about(r *check.Rand, n, d int, noise float32) simd.Matrix {
	x, to := random(r, n, d), r.Normals32(d)
	simd.Scale(to, 1/float32(norm(to)), to)
	for i := range n {
		simd.Scale(x.Row(i), noise/float32(math.Sqrt(float64(2*d))), x.Row(i))
		simd.Add(x.Row(i), x.Row(i), to)
	}
	return x
}

func TestSpreadAgreesWithTheDefinitions(t *testing.T) {
	r := check.NewRand(31)
	zeros := random(r, 30, 5)
	clear(zeros.Row(3))
	clear(zeros.Row(20))
	for name, x := range map[string]simd.Matrix{
		"two rows":               random(r, 2, 3),
		"one column":             random(r, 40, 1),
		"several pieces":         random(r, 130, 8),
		"more columns than rows": random(r, 20, 50),
		"stretched":              stretched(r, 200, []float32{5, 2, 1, 0.1}, 3),
		"nearly equal":           about(r, 60, 10, 1e-3),
		"rows of zeros":          zeros,
	} {
		got, want := MeasureSpread(x, 0), naiveSpread(x)
		for _, f := range []struct {
			name      string
			got, want float64
			tolerance float64 // float32 rounds unit rows, which are apart by Distance
		}{
			{"norm", got.Norm, want.Norm, 1e-12},
			{"distance", got.Distance, want.Distance, 1e-6},
			{"cosine", got.Cosine, want.Cosine, 1e-6},
			{"deviation", got.Deviation, want.Deviation, 1e-6},
			{"effective rank", got.EffectiveRank, want.EffectiveRank, 1e-4 * want.EffectiveRank},
		} {
			if !(math.Abs(f.got-f.want) <= f.tolerance) {
				t.Errorf("%s: %s is %v, want %v", name, f.name, f.got, f.want)
			}
		}
		for j, v := range want.Deviations {
			if math.Abs(got.Deviations[j]-v) > 1e-6 {
				t.Errorf("%s: deviation of column %d is %v, want %v", name, j, got.Deviations[j], v)
			}
		}
		if got.Rows != want.Rows || got.NotFinite != 0 || got.ZeroRows != want.ZeroRows || got.Collapsed != want.Collapsed {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestSpreadClosedForms(t *testing.T) {
	basis := simd.NewMatrix(9, 9)
	for i := range 9 {
		basis.Row(i)[i] = float32(i + 1)
	}
	circle := simd.NewMatrix(360, 2)
	for i := range 360 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / 360)
		circle.Row(i)[0], circle.Row(i)[1] = float32(cos), float32(sin)
	}
	equal := simd.NewMatrix(5, 3)
	for i := range equal.Data {
		equal.Data[i] = 2
	}
	for _, c := range []struct {
		name                              string
		x                                 simd.Matrix
		distance, cosine, deviation, rank float64
		collapsed                         bool
	}{
		{"opposite", simd.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{3, 4, -6, -8}}, 2, -1, 1.4 / math.Sqrt2, 1, false},
		{"axes", basis, math.Sqrt2, 0, 3 * math.Sqrt(8) / 9, 8, false},
		// The mean chord is 4/π, of 360 points 2/359·cot(π/720).
		{"circle", circle, 2 / 359.0 / math.Tan(math.Pi/720), -1 / 359.0, 1, 2, false},
		{"equal", equal, 0, 1, 0, 0, true},
		{"zeros", simd.NewMatrix(4, 3), 0, 0, 0, 0, true},
	} {
		s := MeasureSpread(c.x, 0)
		for i, d := range []float64{s.Distance - c.distance, s.Cosine - c.cosine, s.Deviation - c.deviation, s.EffectiveRank - c.rank} {
			if math.Abs(d) > 1e-6 {
				t.Errorf("%s: figure %d is off by %v: %+v", c.name, i, d, s)
			}
		}
		if s.Collapsed != c.collapsed {
			t.Errorf("%s: collapsed is %v", c.name, s.Collapsed)
		}
	}
}

// The mean distances are those at which training with the hardest negatives ends, and training with
// semi-hard ones.
func TestSpreadTellsCollapse(t *testing.T) {
	r := check.NewRand(32)
	for _, c := range []struct {
		x         simd.Matrix
		distance  float64
		collapsed bool
	}{
		{about(r, 256, 32, 0.01), 0.01, true},
		{about(r, 256, 32, 0.03), 0.03, true},
		{about(r, 256, 32, 0.07), 0.07, true},
		{about(r, 256, 32, 3.2), 1.3, false},
		{random(r, 256, 32), 1.41, false},
	} {
		s := MeasureSpread(c.x, 0)
		if math.Abs(s.Distance/c.distance-1) > 0.05 {
			t.Fatalf("mean distance is %v, want about %v", s.Distance, c.distance)
		}
		if s.Collapsed != c.collapsed {
			t.Errorf("at a mean distance of %v collapsed is %v", s.Distance, s.Collapsed)
		}
	}
}

func TestSpreadOfFewRows(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	row := func(rows int, x ...float32) simd.Matrix {
		return simd.Matrix{Rows: rows, Cols: 2, Stride: 2, Data: x}
	}
	for _, c := range []struct {
		x    simd.Matrix
		want Spread
	}{
		{row(0), Spread{}},
		{row(1, 3, 4), Spread{Rows: 1}},
		{row(2, 0, 0, nan, 4), Spread{Rows: 1, NotFinite: 1, ZeroRows: 1}},
		{row(2, -inf, 0, nan, 4), Spread{NotFinite: 2}},
	} {
		c.want.Deviations = make([]float64, 2)
		if got := MeasureSpread(c.x, 0); !reflect.DeepEqual(got, c.want) {
			t.Errorf("rows %v: got %+v, want %+v", c.x.Data, got, c.want)
		}
	}
	large := MeasureSpread(row(3, 3e38, 3e38, nan, 0, -3e38, -3e38), 0)
	if large.Rows != 2 || math.Abs(large.Distance-2) > 1e-6 || math.Abs(large.Norm/(3e38*math.Sqrt2)-1) > 1e-6 {
		t.Errorf("rows of large numbers: %+v", large)
	}
	if _, err := json.Marshal(large); err != nil {
		t.Error(err)
	}
}

func TestSpreadBits(t *testing.T) {
	r := check.NewRand(33)
	cases := []simd.Matrix{random(r, 200, 24), about(r, 60, 90, 0.03)}
	want := make([]*Spread, len(cases))
	check.EachLevel(t, func(t *testing.T) {
		for i, x := range cases {
			for _, workers := range []int{1, 2, 5} {
				got := MeasureSpread(x, workers)
				if want[i] == nil {
					want[i] = &got
				}
				if !reflect.DeepEqual(got, *want[i]) {
					t.Errorf("case %d with %d workers: got %+v, want %+v", i, workers, got, *want[i])
				}
			}
		}
	})
}

func TestAlignmentAndUniformityAgreeWithTheDefinitions(t *testing.T) {
	r := check.NewRand(34)
	x := random(r, 150, 6)
	y := about(r, 150, 6, 0.5)
	u, v := units(x), units(y)
	align, uniform := 0.0, 0.0
	for i := range u {
		align += squaredDistance(u[i], v[i]) / 150
		for j := range i {
			uniform += math.Exp(-2*squaredDistance(u[i], u[j])) / (150 * 149 / 2)
		}
	}
	got, err := Alignment(x, y, 0)
	if err != nil || math.Abs(got-align) > 1e-6 {
		t.Errorf("alignment is %v (%v), want %v", got, err, align)
	}
	got, err = Uniformity(x, 0)
	if err != nil || math.Abs(got-math.Log(uniform)) > 1e-6 {
		t.Errorf("uniformity is %v (%v), want %v", got, err, math.Log(uniform))
	}
}

// The constants of evenly spread rows: −4 + ln ₀F₁(d/2; 4).
func TestUniformityOfTheSphere(t *testing.T) {
	r := check.NewRand(35)
	for d, want := range map[int]float64{8: -3.082527, 32: -3.751805, 128: -3.937530} {
		got, err := Uniformity(random(r, 3000, d), 0)
		if err != nil || math.Abs(got-want) > 0.02 {
			t.Errorf("in %d dimensions %v (%v), want %v", d, got, err, want)
		}
	}
}

func TestAlignmentAndUniformityAtTheEdge(t *testing.T) {
	equal := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{3, 4, 3, 4, 3, 4}}
	for _, c := range []struct {
		name string
		f    func() (float64, error)
		want float64
	}{
		{"alignment of nothing", func() (float64, error) { return Alignment(simd.Matrix{}, simd.Matrix{}, 0) }, 0},
		{"alignment of equals", func() (float64, error) { return Alignment(equal, equal, 0) }, 0},
		{"uniformity of nothing", func() (float64, error) { return Uniformity(simd.Matrix{}, 0) }, 0},
		{"uniformity of one", func() (float64, error) { return Uniformity(equal.Slice(0, 1), 0) }, 0},
		{"uniformity of equals", func() (float64, error) { return Uniformity(equal, 0) }, 0},
	} {
		if got, err := c.f(); err != nil || math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s is %v (%v), want %v", c.name, got, err, c.want)
		}
	}
	bad := simd.Matrix{Rows: 1, Cols: 1, Stride: 1, Data: []float32{float32(math.NaN())}}
	if _, err := Alignment(bad, bad, 0); err == nil {
		t.Error("alignment of NaN: no error")
	}
	if _, err := Uniformity(bad, 0); err == nil {
		t.Error("uniformity of NaN: no error")
	}
	if got, want := panicOf(func() { Alignment(equal, bad, 0) }), "eval.Alignment: k is 1×1, want 3×2"; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
}

func BenchmarkSpread(b *testing.B) {
	for _, c := range [][2]int{{256, 128}, {512, 128}, {1000, 512}} {
		b.Run(fmt.Sprintf("n=%d/d=%d", c[0], c[1]), func(b *testing.B) {
			x := random(check.NewRand(1), c[0], c[1])
			for b.Loop() {
				MeasureSpread(x, 0)
			}
		})
	}
}
