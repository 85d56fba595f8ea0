package eval

import (
	"fmt"
	"math"
	"reflect"
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// stretched returns normal rows whose columns have the given standard deviations, turned by a
// reflection and moved.
func stretched(r *check.Rand, n int, deviations []float32, offset float32) simd.Matrix {
	d := len(deviations)
	x, u := random(r, n, d), r.Normals32(d)
	for i := range n {
		for j, s := range deviations {
			x.Row(i)[j] *= s
		}
		along := -2 * simd.Dot(x.Row(i), u) / simd.Dot(u, u)
		for j := range d {
			x.Row(i)[j] = simd.FMA(along, u[j], x.Row(i)[j]) + offset
		}
	}
	return x
}

// naivePCA is PCA by the definition, in float64: the eigenvectors of the covariance.
func naivePCA(x simd.Matrix, k int) (axes, points [][]float64, share []float64) {
	n, d := x.Rows, x.Cols
	mean := make([]float64, d)
	for i := range n {
		for j, v := range x.Row(i) {
			mean[j] += float64(v) / float64(n)
		}
	}
	cov := newSymmetric(d)
	total := 0.0
	for i := range n {
		for a, v := range x.Row(i) {
			for b, w := range x.Row(i) {
				cov.row(a)[b] += (float64(v) - mean[a]) * (float64(w) - mean[b])
			}
		}
	}
	for a := range d {
		total += cov.row(a)[a]
	}
	values, vectors := diagonalize(cov)
	points = make([][]float64, n)
	for c := range k {
		v := vectors.row(c)
		largest, first := 0.0, 0
		for j := range v {
			largest = max(largest, math.Abs(v[j]))
		}
		for math.Abs(v[first]) < largest/2 {
			first++
		}
		if v[first] < 0 {
			for j := range v {
				v[j] = -v[j]
			}
		}
		axes, share = append(axes, v), append(share, values[c]/total)
		for i := range n {
			p := 0.0
			for j, w := range x.Row(i) {
				p += (float64(w) - mean[j]) * v[j]
			}
			points[i] = append(points[i], p)
		}
	}
	return axes, points, share
}

func TestPCAAgreesWithTheCovariance(t *testing.T) {
	r := check.NewRand(13)
	many := make([]float32, 40)
	for i := range many {
		many[i] = 1 / float32(i+1)
	}
	for _, c := range []struct {
		name string
		x    simd.Matrix
		k    int
	}{
		{"plane", stretched(r, 300, []float32{3, 1}, 0), 2},
		{"one column", stretched(r, 50, []float32{3}, 5), 1},
		{"three of five", stretched(r, 200, []float32{5, 4, 3, 1, 0.5}, 2), 3},
		{"many columns", stretched(r, 2500, many, 1), 2},
		{"more columns than rows", stretched(r, 25, many, 0), 2},
		{"small", stretched(r, 60, []float32{3e-20, 2e-20, 1e-20}, 0), 2},
		{"large", stretched(r, 60, []float32{3e30, 2e30, 1e30}, 0), 2},
		{"far off", stretched(r, 100, []float32{3, 2, 1}, 1000), 2},
	} {
		axes, points, share := naivePCA(c.x, c.k)
		got := PCA(c.x, c.k)
		size := 0.0
		for _, p := range points {
			size = max(size, math.Abs(p[0]))
		}
		for j := range c.k {
			if math.Abs(got.Share[j]-share[j]) > 1e-6 {
				t.Errorf("%s: share %d is %v, want %v", c.name, j, got.Share[j], share[j])
			}
			for i, v := range axes[j] {
				// The products round to 2⁻²⁴, which the gaps between the variances raise by less
				// than 10.
				if math.Abs(float64(got.Axes.Row(j)[i])-v) > 1e-6 {
					t.Fatalf("%s: axis %d is %v, want %v", c.name, j, got.Axes.Row(j), axes[j])
				}
			}
			for i, p := range points {
				if math.Abs(float64(got.Points.Row(i)[j])-p[j]) > 1e-6*size {
					t.Fatalf("%s: point %d is %v, want %v", c.name, i, got.Points.Row(i), p)
				}
			}
		}
	}
}

func TestPCABits(t *testing.T) {
	r := check.NewRand(14)
	cases := []simd.Matrix{
		random(r, 300, 20), // no gap between the variances: the iteration runs long
		random(r, 20, 130),
		stretched(r, 1500, []float32{3, 2, 1}, 4),
	}
	want := make([]*Projection, len(cases))
	check.EachLevel(t, func(t *testing.T) {
		for _, procs := range []int{1, 2, 5} {
			restore := runtime.GOMAXPROCS(procs)
			for i, x := range cases {
				got := PCA(x, 2)
				if want[i] == nil {
					want[i] = &got
				}
				if !reflect.DeepEqual(got, *want[i]) {
					t.Errorf("case %d at GOMAXPROCS=%d differs", i, procs)
				}
			}
			runtime.GOMAXPROCS(restore)
		}
	})
}

func TestPCAOfFewDirections(t *testing.T) {
	row := func(rows, cols int, x ...float32) simd.Matrix {
		return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: x}
	}
	for _, c := range []struct {
		name   string
		x      simd.Matrix
		points []float32 // two for each row
		share  []float64
	}{
		{"nothing", row(0, 3), []float32{}, []float64{0, 0}},
		{"no columns", simd.NewMatrix(2, 0), []float32{0, 0, 0, 0}, []float64{0, 0}},
		{"one row", row(1, 2, 3, 4), []float32{0, 0}, []float64{0, 0}},
		{"equal rows", row(3, 2, 3, 4, 3, 4, 3, 4), make([]float32, 6), []float64{0, 0}},
		{"one column", row(2, 1, 5, 9), []float32{-2, 0, 2, 0}, []float64{1, 0}},
		{"two rows", row(2, 4, 0, 0, 0, 1, 0, 0, 0, 5), []float32{-2, 0, 2, 0}, []float64{1, 0}},
		{"the first component leads", row(2, 2, -3, 4, 3, -4), []float32{-5, 0, 5, 0}, []float64{1, 0}},
		{"the first component is small", row(2, 2, 5, -12, -5, 12), []float32{-13, 0, 13, 0}, []float64{1, 0}},
		{"a rectangle", row(4, 2, 2, 1, 2, -1, -2, 1, -2, -1), []float32{2, 1, 2, -1, -2, 1, -2, -1}, []float64{0.8, 0.2}},
		{"equal components", row(2, 2, -1, 1, 1, -1), []float32{-math.Sqrt2, 0, math.Sqrt2, 0}, []float64{1, 0}},
	} {
		p := PCA(c.x, 2)
		for i, want := range c.points {
			if got := p.Points.Data[i]; math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("%s: points %v, want %v", c.name, p.Points.Data, c.points)
				break
			}
		}
		for i, want := range c.share {
			if math.Abs(p.Share[i]-want) > 1e-12 {
				t.Errorf("%s: share %v, want %v", c.name, p.Share, c.share)
			}
		}
	}
}

// A row that is not finite must not move the others.
func TestPCALeavesOutRowsThatAreNotFinite(t *testing.T) {
	r := check.NewRand(15)
	clean := stretched(r, 40, []float32{3, 2, 1}, 0)
	x := simd.NewMatrix(42, 3)
	copy(x.Data[3:], clean.Data)
	x.Row(0)[1], x.Row(41)[2] = float32(math.NaN()), float32(math.Inf(-1))
	got, want := PCA(x, 2), PCA(clean, 2)
	check.SameBits(t, "axes", got.Axes.Data, want.Axes.Data)
	check.SameBits(t, "points", got.Points.Slice(1, 41).Data[:80], want.Points.Data)
	for _, i := range []int{0, 41} {
		for _, v := range got.Points.Row(i) {
			if v == v {
				t.Errorf("point %d is %v, want NaN", i, got.Points.Row(i))
			}
		}
	}
}

func TestPCAPanics(t *testing.T) {
	if got, want := panicOf(func() { PCA(simd.NewMatrix(2, 3), -1) }), "eval.PCA: k is -1, want at least 0"; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
}

func BenchmarkPCA(b *testing.B) {
	for _, c := range [][2]int{{2000, 128}, {8000, 784}} {
		b.Run(fmt.Sprintf("n=%d/d=%d", c[0], c[1]), func(b *testing.B) {
			x := random(check.NewRand(1), c[0], c[1])
			for b.Loop() {
				PCA(x, 2)
			}
		})
	}
}
