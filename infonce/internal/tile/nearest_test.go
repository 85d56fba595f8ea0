package tile

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestSearch: the rows found by way of dot products are those that measuring all distances
// finds, in several strips, for few and many rows a label, and where distances
// differ by less than the rounding errors of the dot products.
func TestSearch(t *testing.T) {
	const d = 24
	r := check.NewRand(72)
	random := func(n int, spread float32) simd.Matrix {
		x := simd.NewMatrix(n, d)
		for i := range n {
			copy(x.Row(i), r.Normals32(d))
			simd.Scale(x.Row(i), 1+float32(spread*r.Float32()), x.Row(i))
		}
		return x
	}
	// All rows near the corners of a cube: thousands of almost equal distances.
	corners := func(n int, noise float32) simd.Matrix {
		x := simd.NewMatrix(n, d)
		for i := range n {
			for j := range d {
				x.Row(i)[j] = 100 + float32(r.IntN(2))
				if j > 3 {
					x.Row(i)[j] = 100
				}
				x.Row(i)[j] += float32(noise * (r.Float32() - 0.5))
			}
		}
		return x
	}
	equal := func(n int) simd.Matrix {
		x, row := simd.NewMatrix(n, d), r.Normals32(d)
		for i := range n {
			copy(x.Row(i), row)
		}
		return x
	}
	labels := func(n, classes int) []int {
		l := make([]int, n)
		for i := range l {
			l[i] = r.IntN(classes) * 7
		}
		return l
	}
	n := 700
	if testing.Short() {
		n = 300
	}
	for _, c := range []struct {
		name   string
		x      simd.Matrix
		labels []int
	}{
		{"random", random(n, 0), labels(n, 60)},
		{"lengths", random(n, 50), labels(n, 60)},
		{"two labels", random(n, 1), labels(n, 2)},
		{"one label", random(n, 1), labels(n, 1)},
		{"labels of their own", random(n, 1), labels(n, 100*n)},
		{"corners", corners(n, 0), labels(n, 40)},
		{"near corners", corners(n, 1e-3), labels(n, 40)},
		{"near corners, two labels", corners(n, 1e-3), labels(n, 2)},
		{"equal", equal(n), labels(n, 9)},
		{"few", random(5, 1), labels(5, 2)},
	} {
		for _, unit := range []bool{false, true} {
			x := c.x
			if unit {
				x = simd.NewMatrix(x.Rows, d)
				simd.NormalizeRows(x, c.x, make([]float32, x.Rows))
			}
			var want []Hardest
			check.EachLevel(t, func(t *testing.T) {
				for _, workers := range []int{3, 1} {
					if workers == 1 && testing.Short() {
						continue
					}
					var s NearestSearch
					s.Run(new(Sweep), workers, x, unit, c.labels)
					if want == nil {
						want = measureAll(x, c.labels)
					}
					if !slices.Equal(s.Best, want) {
						t.Errorf("%s, unit %v, %d workers: other rows than by measuring all", c.name, unit, workers)
					}
				}
			})
		}
	}
}

// measureAll finds the hardest rows by their definition.
func measureAll(x simd.Matrix, labels []int) []Hardest {
	best := make([]Hardest, x.Rows)
	s := NearestSearch{x: x}
	for i := range best {
		best[i] = Hardest{-1, -1}
		var far, near float64
		for j := range x.Rows {
			switch d := s.distance(i, j); {
			case j == i:
			case labels[i] != labels[j]:
				if best[i].Negative < 0 || d < near {
					best[i].Negative, near = j, d
				}
			case best[i].Positive < 0 || d > far:
				best[i].Positive, far = j, d
			}
		}
	}
	return best
}

// TestSearchBound: half distances by dot products are as near to the measured ones as the
// search counts on.
func TestSearchBound(t *testing.T) {
	r := check.NewRand(73)
	check.EachLevel(t, func(t *testing.T) {
		for _, d := range []int{1, 3, 64, 512, 4096} {
			worst := 0.0
			x := simd.NewMatrix(60, d)
			for i := range x.Data {
				x.Data[i] = float32(r.IntN(2)*2-1) * (1 + r.Float32()) // large sums of large terms
				if i >= 30*d {
					x.Data[i] = x.Data[i%(30*d)] * (1 + float32(1e-4*r.Float32())) // and cancellation
				}
			}
			var s NearestSearch
			s.Run(new(Sweep), 1, x, false, make([]int, x.Rows))
			z := simd.NewMatrix(x.Rows, x.Rows)
			simd.MatMulTransB(z, 1, s.x, s.x)
			for i := range x.Rows {
				simd.Axpy(z.Row(i), -1, s.half)
				for j := range x.Rows {
					w := float64(z.Row(i)[j]) - float64(s.half[i])
					if e := w + w + s.distance(i, j); e > worst || -e > worst {
						worst = max(e, -e)
					}
				}
			}
			if worst > s.slack/2 {
				t.Errorf("d = %d: the error is %.3g, more than half of the %.3g that the search counts on", d, worst, s.slack)
			}
			t.Logf("d = %d: error %.3g of %.3g", d, worst, s.slack)
		}
	})
}
