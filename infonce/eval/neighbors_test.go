package eval

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// bruteForce is Neighbors by its definition: all cosines of a query, sorted.
func bruteForce(queries, gallery simd.Matrix, k int) [][]Neighbor {
	unit := func(m simd.Matrix) simd.Matrix {
		u := simd.NewMatrix(m.Rows, m.Cols)
		simd.NormalizeRows(u, m, make([]float32, m.Rows))
		return u
	}
	q, g := unit(queries), unit(gallery)
	lists := make([][]Neighbor, q.Rows)
	for i := range lists {
		all := make([]Neighbor, g.Rows)
		for j := range all {
			var c float32
			for t, v := range q.Row(i) {
				c = simd.FMA(v, g.Row(j)[t], c)
			}
			all[j] = Neighbor{j, c}
		}
		slices.SortStableFunc(all, func(a, b Neighbor) int {
			switch {
			case a.Cosine > b.Cosine:
				return -1
			case a.Cosine < b.Cosine:
				return 1
			}
			return 0
		})
		lists[i] = all[:min(k, len(all))]
	}
	return lists
}

func random(r *check.Rand, rows, cols int) simd.Matrix {
	m := simd.NewMatrix(rows, cols)
	copy(m.Data, r.Normals32(rows*cols))
	return m
}

// coarse returns rows of so few different values that many cosines are equal.
func coarse(r *check.Rand, rows, cols int) simd.Matrix {
	m := simd.NewMatrix(rows, cols)
	copy(m.Data, r.SmallInts(rows*cols, 1))
	return m
}

func TestNeighborsAgreeWithBruteForce(t *testing.T) {
	r := check.NewRand(1)
	for _, c := range []struct {
		name             string
		queries, gallery simd.Matrix
		k                int
	}{
		{"one", random(r, 1, 3), random(r, 1, 3), 1},
		{"small", random(r, 7, 5), random(r, 11, 5), 3},
		{"several pieces", random(r, 150, 16), random(r, 333, 16), 5},
		{"k is the gallery", random(r, 5, 4), random(r, 9, 4), 9},
		{"k above the gallery", random(r, 5, 4), random(r, 9, 4), 12},
		{"several blocks", random(r, 50, 2), random(r, 2*blockRows+77, 2), 7},
		{"a block exactly", random(r, 3, 2), random(r, blockRows, 2), 4},
		{"one row more than a block", random(r, 3, 2), random(r, blockRows+1, 2), 4},
		{"ties", coarse(r, 60, 3), coarse(r, 500, 3), 20},
		{"ties across blocks", coarse(r, 20, 2), coarse(r, blockRows+500, 2), blockRows},
		{"rows of zeros", simd.NewMatrix(4, 3), random(r, 6, 3), 4},
		{"gallery of zeros", random(r, 4, 3), simd.NewMatrix(6, 3), 4},
		{"no queries", simd.NewMatrix(0, 3), random(r, 6, 3), 2},
		{"no gallery", random(r, 4, 3), simd.NewMatrix(0, 3), 2},
		{"no columns", simd.NewMatrix(2, 0), simd.NewMatrix(3, 0), 2},
		{"k of 0", random(r, 4, 3), random(r, 6, 3), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := bruteForce(c.queries, c.gallery, c.k)
			for _, workers := range []int{0, 1, 2, 7} {
				got := Neighbors(c.queries, c.gallery, c.k, workers)
				if len(got) != len(want) {
					t.Fatalf("%d workers: %d lists, want %d", workers, len(got), len(want))
				}
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Fatalf("%d workers: query %d: got %v, want %v", workers, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// The cosine of two rows is one chain over the columns: where the rows lie, and in
// what company, must not change it.
func TestNeighborsOfPartsAreThoseOfTheWhole(t *testing.T) {
	r := check.NewRand(2)
	q, g := random(r, 130, 40), random(r, 900, 40)
	whole := Neighbors(q, g, 4, 2)
	for i := range q.Rows {
		if got := Neighbors(q.Slice(i, i+1), g, 4, 1)[0]; !slices.Equal(got, whole[i]) {
			t.Fatalf("query %d alone: got %v, want %v", i, got, whole[i])
		}
	}
}

func TestNeighborsAcceptsStrides(t *testing.T) {
	r := check.NewRand(3)
	wide := random(r, 80, 12)
	part := simd.Matrix{Rows: 80, Cols: 5, Stride: 12, Data: wide.Data[3:]}
	dense := simd.NewMatrix(80, 5)
	for i := range 80 {
		copy(dense.Row(i), part.Row(i))
	}
	if got, want := Neighbors(part, part, 3, 0), Neighbors(dense, dense, 3, 0); !reflect.DeepEqual(got, want) {
		t.Error("neighbours in a wider matrix differ from those in a dense one")
	}
}

func TestNeighborsPutsRowsThatAreNotFiniteLast(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	g := simd.Matrix{Rows: 5, Cols: 2, Stride: 2, Data: []float32{nan, 1, -1, 0, inf, 0, 1, 0, 0, 1}}
	q := simd.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{1, 0, nan, 0}}
	last := float32(math.Inf(-1))
	got := Neighbors(q, g, 5, 1)
	if want := []Neighbor{{3, 1}, {4, 0}, {1, -1}, {0, last}, {2, last}}; !slices.Equal(got[0], want) {
		t.Errorf("finite query: got %v, want %v", got[0], want)
	}
	if want := []Neighbor{{0, last}, {1, last}, {2, last}, {3, last}, {4, last}}; !slices.Equal(got[1], want) {
		t.Errorf("query of NaN: got %v, want %v", got[1], want)
	}
}

func TestNeighborsPanics(t *testing.T) {
	for _, c := range []struct {
		queries, gallery simd.Matrix
		k                int
		want             string
	}{
		{simd.NewMatrix(2, 3), simd.NewMatrix(4, 5), 1, "eval.Neighbors: gallery is 4×5, want n×3"},
		{simd.NewMatrix(2, 3), simd.NewMatrix(4, 3), -1, "eval.Neighbors: k is -1, want at least 0"},
		{simd.Matrix{Rows: 2, Cols: 3, Stride: 2, Data: make([]float32, 6)}, simd.NewMatrix(4, 3), 1, "eval.Neighbors: queries.Stride is 2, want at least 3"},
	} {
		if got := panicOf(func() { Neighbors(c.queries, c.gallery, c.k, 1) }); got != c.want {
			t.Errorf("panic %q, want %q", got, c.want)
		}
	}
}

// panicOf returns the text of the *simd.ShapeError that f panics with.
func panicOf(f func()) (text string) {
	defer func() {
		if e, ok := recover().(*simd.ShapeError); ok {
			text = e.Error()
		}
	}()
	f()
	return ""
}

func BenchmarkNeighbors(b *testing.B) {
	r := check.NewRand(1)
	q, g := random(r, 2000, 784), random(r, 8000, 784)
	for b.Loop() {
		Neighbors(q, g, 5, 0)
	}
	b.ReportMetric(2*2000*8000*784*float64(b.N)/1e9/b.Elapsed().Seconds(), "GFLOP/s")
}
