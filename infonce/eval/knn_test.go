package eval

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

var galleryLabels = []int{7, 7, 8, 8, 9}

func TestKNN(t *testing.T) {
	for _, c := range []struct {
		name string
		near []Neighbor
		k    int
		want int // the label that wins
	}{
		{"nearest alone", []Neighbor{{4, 0.9}, {0, 0.8}, {1, 0.7}}, 1, 9},
		{"majority beats the nearest", []Neighbor{{4, 0.9}, {0, 0.1}, {1, 0.1}}, 3, 7},
		{"only k vote", []Neighbor{{4, 0.9}, {2, 0.9}, {0, 0.5}, {3, 0.5}}, 3, 9},
		{"tie: larger sum of cosines", []Neighbor{{0, 0.9}, {2, 0.8}, {3, 0.7}, {1, 0.1}}, 4, 8},
		{"tie of sums: nearest", []Neighbor{{2, 0.5}, {0, 0.5}, {1, 0.25}, {3, 0.25}}, 4, 8},
		{"negative cosines", []Neighbor{{0, -0.1}, {2, -0.2}}, 2, 7},
		{"fewer than k", []Neighbor{{2, 0.5}}, 5, 8},
	} {
		for label := 7; label <= 9; label++ {
			want := 0.0
			if label == c.want {
				want = 1
			}
			if got := KNN([][]Neighbor{c.near}, c.k, galleryLabels, []int{label}); got != want {
				t.Errorf("%s: query of label %d: got %v, want %v", c.name, label, got, want)
			}
		}
	}
}

func TestRecallAt(t *testing.T) {
	near := [][]Neighbor{
		{{0, 0.9}, {2, 0.8}, {4, 0.7}}, // labels 7, 8, 9
		{{4, 0.9}, {3, 0.8}, {2, 0.7}}, // 9, 8, 8
	}
	queries := []int{8, 8}
	for k, want := range []float64{1: 0, 2: 1, 3: 1, 4: 1} {
		if k == 0 {
			continue
		}
		if got := RecallAt(near, k, galleryLabels, queries); got != want {
			t.Errorf("recall at %d: got %v, want %v", k, got, want)
		}
	}
	if got := RecallAt(near, 1, galleryLabels, []int{7, 7}); got != 0.5 {
		t.Errorf("recall at 1 of two queries, one found: got %v, want 0.5", got)
	}
}

func TestFiguresWithoutNeighbours(t *testing.T) {
	for name, f := range map[string]func([][]Neighbor, int, []int, []int) float64{"KNN": KNN, "RecallAt": RecallAt} {
		if got := f(nil, 1, nil, nil); got != 0 {
			t.Errorf("%s without queries: got %v, want 0", name, got)
		}
		if got := f([][]Neighbor{{}, {{0, 1}}}, 1, []int{3}, []int{3, 3}); got != 0.5 {
			t.Errorf("%s of two queries, one without neighbours: got %v, want 0.5", name, got)
		}
		if got, want := panicOf(func() { f(nil, 0, nil, nil) }), "eval."+name+": k is 0, want at least 1"; got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
		if got, want := panicOf(func() { f(nil, 1, nil, []int{1}) }), "eval."+name+": queries is of length 1, want of length 0"; got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
}

// naiveWinner compares every label with every other by the rules, from all rows in float64.
func naiveWinner(query []float64, gallery [][]float64, labels []int, k int) int {
	type row struct {
		cosine float64
		at     int
	}
	var rows []row
	for j, g := range gallery {
		var qg, qq, gg float64
		for i, v := range query {
			qg, qq, gg = qg+v*g[i], qq+v*v, gg+g[i]*g[i]
		}
		c := 0.0
		if qq > 0 && gg > 0 {
			c = qg / math.Sqrt(qq*gg)
		}
		rows = append(rows, row{c, j})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.cosine, a.cosine) })
	rows = rows[:min(k, len(rows))]
	beats := func(a, b int) bool {
		var votes [2]int
		var sums [2]float64
		first := [2]int{-1, -1}
		for place, r := range rows {
			for side, label := range [2]int{a, b} {
				if labels[r.at] == label {
					votes[side]++
					sums[side] += r.cosine
					if first[side] < 0 {
						first[side] = place
					}
				}
			}
		}
		switch {
		case votes[0] != votes[1]:
			return votes[0] > votes[1]
		case sums[0] != sums[1]:
			return sums[0] > sums[1]
		}
		return first[0] < first[1]
	}
	best := labels[rows[0].at]
	for _, r := range rows[1:] {
		if label := labels[r.at]; label != best && beats(label, best) {
			best = label
		}
	}
	return best
}

// Rows of axes and of nothing have cosines of exactly −1, 0 and 1, in float32 too: ties of votes
// and of sums are many.
func TestKNNAgreesWithTheDefinition(t *testing.T) {
	r := check.NewRand(41)
	axes := func(n int) (m simd.Matrix, rows [][]float64) {
		m = simd.NewMatrix(n, 3)
		for i := range n {
			if axis := r.IntN(4); axis < 3 {
				m.Row(i)[axis] = float32(2*r.IntN(2) - 1)
			}
			row := make([]float64, 3)
			for j, v := range m.Row(i) {
				row[j] = float64(v)
			}
			rows = append(rows, row)
		}
		return m, rows
	}
	for trial := range 40 {
		m, k := 1+r.IntN(30), 1+r.IntN(9)
		gallery, galleryRows := axes(m)
		queries, queryRows := axes(20)
		labels := labelsOf(r, m, 1+trial%5)
		near := Neighbors(queries, gallery, k, 0)
		for i, q := range queryRows {
			want := naiveWinner(q, galleryRows, labels, k)
			if KNN(near[i:i+1], k, labels, []int{want}) != 1 {
				t.Errorf("trial %d, query %d of k = %d: not %d", trial, i, k, want)
			}
		}
	}
}
