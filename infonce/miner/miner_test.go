package miner_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/miner"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// integers returns n rows of d small integers, whose distances are exact and often equal, and
// labels.
func integers(r *check.Rand, n, d int) (x simd.Matrix, labels []int) {
	x = gaps(n, d, 1, make([]float32, n*d))
	labels = make([]int, n)
	for i := range n {
		for j := range d {
			x.Row(i)[j] = float32(r.IntN(7) - 3)
		}
		labels[i] = r.IntN(n/4+1) - 2
	}
	return x, labels
}

// tripletsOf lists the triplets of a kind by looking at all.
func tripletsOf(kind miner.Kind, x simd.Matrix, labels []int, margin float64, squared bool) []infonce.Triple {
	list := []infonce.Triple{}
	rows := mat(x)
	distance := func(i, j int) float64 {
		d := ref.SquaredDistance(rows.Row(i), rows.Row(j))
		if !squared {
			d = math.Sqrt(d)
		}
		return float64(float32(d))
	}
	if kind == miner.HardestTriplets {
		a, p, n := ref.HardTriplets(mat(x), labels)
		for i := range a {
			list = append(list, infonce.Triple{A: a[i], P: p[i], N: n[i]})
		}
		return list
	}
	for a := range x.Rows {
		for p := range x.Rows {
			if p == a || labels[p] != labels[a] {
				continue
			}
			ap := distance(a, p)
			for n := range x.Rows {
				if labels[n] == labels[a] {
					continue
				}
				an := distance(a, n)
				hard, semi := an <= ap, an > ap && an < ap+margin
				if map[miner.Kind]bool{miner.AllTriplets: true, miner.HardTriplets: hard, miner.SemiHardTriplets: semi, miner.EasyTriplets: !hard && !semi, miner.ViolatingTriplets: an < ap+margin}[kind] {
					list = append(list, infonce.Triple{A: a, P: p, N: n})
				}
			}
		}
	}
	return list
}

func mineTriplets(t *testing.T, m *miner.Triplets, dst []infonce.Triple, x simd.Matrix, labels []int) []infonce.Triple {
	t.Helper()
	list, err := m.Mine(dst, x, labels)
	if err != nil {
		t.Fatalf("%v: %v", m.Kind, err)
	}
	return list
}

// TestTripletMiner: the lists are those of looking at all triplets, in order, at every level and
// for any number of workers, also after other batches.
func TestTripletMiner(t *testing.T) {
	r := check.NewRand(130)
	type batch struct {
		x      simd.Matrix
		labels []int
	}
	var batches []batch
	for _, n := range []int{23, 1, 60, 0, 2} {
		x, labels := integers(r, n, 5)
		batches = append(batches, batch{x, labels})
	}
	for kind := miner.AllTriplets; kind <= miner.HardestTriplets; kind++ {
		for _, squared := range []bool{false, true} {
			margin := float32(1.5)
			if squared {
				margin = 4
			}
			want := make([][]infonce.Triple, len(batches))
			for i, b := range batches {
				want[i] = tripletsOf(kind, b.x, b.labels, float64(margin), squared)
			}
			if len(want[2]) < 20 {
				t.Fatalf("%v: %d triplets are too few for this test", kind, len(want[2]))
			}
			check.EachLevel(t, func(t *testing.T) {
				for _, workers := range []int{1, 3} {
					m := &miner.Triplets{Kind: kind, Margin: margin, Squared: squared, Workers: workers}
					for i, b := range batches {
						got := mineTriplets(t, m, nil, b.x, b.labels)
						if got == nil || !slices.Equal(got, want[i]) {
							t.Errorf("%v, squared %v, %d workers, batch %d: %v, want %v", kind, squared, workers, i, got, want[i])
						}
					}
				}
			})
		}
	}
}

// TestKinds: hard, semi-hard and easy triplets part all triplets, for any rows and margin.
func TestKinds(t *testing.T) {
	const n, d = 50, 11
	r := check.NewRand(131)
	x := gaps(n, d, 0, r.Normals32(n*d))
	_, labels := integers(r, n, d)
	for _, margin := range []float32{1e-30, 1e-7, 0.3, 100} {
		for _, size := range []float32{1e-25, 1, 1e25} {
			y := simd.NewMatrix(n, d)
			simd.Scale(y.Data, size, x.Data)
			mine := func(kind miner.Kind) []infonce.Triple {
				return mineTriplets(t, &miner.Triplets{Kind: kind, Margin: margin * size}, nil, y, labels)
			}
			parts := slices.Concat(mine(miner.HardTriplets), mine(miner.SemiHardTriplets), mine(miner.EasyTriplets))
			compare := func(x, y infonce.Triple) int { return slices.Compare([]int{x.A, x.P, x.N}, []int{y.A, y.P, y.N}) }
			slices.SortFunc(parts, compare)
			if all := mine(miner.AllTriplets); !slices.Equal(parts, all) {
				t.Errorf("margin %v, size %v: %d triplets in parts, %d in all", margin, size, len(parts), len(all))
			}
			violating := slices.Concat(mine(miner.HardTriplets), mine(miner.SemiHardTriplets))
			slices.SortFunc(violating, compare)
			if margin > 1e-20 && !slices.Equal(violating, mine(miner.ViolatingTriplets)) {
				t.Errorf("margin %v, size %v: those that violate it are not hard or semi-hard", margin, size)
			}
		}
	}
}

// TestMinedLoss: Triplet of all that violates the margin is the mean over the active ones of all
// triplets.
func TestMinedLoss(t *testing.T) {
	r := check.NewRand(132)
	x, labels := integers(r, 30, 4)
	all := infonce.Batch{Q: x, Triplets: mineTriplets(t, &miner.Triplets{}, nil, x, labels)}
	some := infonce.Batch{Q: x, Triplets: mineTriplets(t, &miner.Triplets{Kind: miner.ViolatingTriplets}, nil, x, labels)}
	g, h := gradOf(x), gradOf(x)
	want := evaluate(t, "all", &infonce.Triplet{Reduction: infonce.MeanActive}, all, &g)
	got := evaluate(t, "violating", &infonce.Triplet{}, some, &h)
	if got.Loss != want.Loss || got.Active != want.Active || got.Valid != want.Active || want.Valid == want.Active {
		t.Errorf("%+v, want %+v", got, want)
	}
	check.SameBits(t, "gradient", h.Q.Data, g.Q.Data)
}

// TestMinerCap: a draw is in order and from what there is, the same for any number of workers and
// another for another seed, and each triplet is drawn as often as any other.
func TestMinerCap(t *testing.T) {
	r := check.NewRand(133)
	x, labels := integers(r, 40, 3)
	for _, kind := range []miner.Kind{miner.AllTriplets, miner.SemiHardTriplets, miner.HardestTriplets} {
		all := mineTriplets(t, &miner.Triplets{Kind: kind}, nil, x, labels)
		rank := make(map[infonce.Triple]int)
		for i, tr := range all {
			rank[tr] = i
		}
		for _, limit := range []int{1, 7, len(all) / 3, len(all) - 2, len(all), len(all) + 1} {
			const draws = 300
			seen := make([]int, len(all))
			count := min(limit, len(all))
			m := miner.Triplets{Kind: kind, Cap: limit}
			var list []infonce.Triple
			for m.Seed = range uint64(draws) {
				m.Workers = 1 + int(m.Seed%3)
				list = mineTriplets(t, &m, list[:0], x, labels)
				if len(list) != count {
					t.Fatalf("%v: %d triplets, want %d", kind, len(list), count)
				}
				last := -1
				for _, tr := range list {
					i, ok := rank[tr]
					if !ok || i <= last {
						t.Fatalf("%v: %v is out of order, or no triplet", kind, tr)
					}
					seen[i]++
					last = i
				}
			}
			again := mineTriplets(t, &miner.Triplets{Kind: kind, Cap: limit, Seed: draws - 1, Workers: 7}, nil, x, labels)
			if !slices.Equal(list, again) {
				t.Errorf("%v: another draw with 7 workers", kind)
			}
			// χ² of draws without replacement, over its expectation; its standard deviation is
			// √(2/(len−1)).
			p := float64(count) / float64(len(all))
			chi := 0.0
			for _, s := range seen {
				chi += (float64(s) - draws*p) * (float64(s) - draws*p) / (draws * p)
			}
			if dof := (1 - p) * float64(len(all)); count < len(all) && math.Abs(chi/dof-1) > 6*math.Sqrt(2/float64(len(all))) {
				t.Errorf("%v, %d of %d: χ² is %v of %v", kind, count, len(all), chi, dof)
			}
		}
	}
}

// TestMinerLimits: lists that no memory holds are an error where they are not capped, and no memory
// where they are.
func TestMinerLimits(t *testing.T) {
	const n = 2600
	x, labels := simd.NewMatrix(n, 1), make([]int, n)
	for i := range n {
		labels[i] = i % 2
	}
	// n/2·(n/2 − 1)·n/2 triplets of each label.
	want := fmt.Sprintf("miner.Triplets: there are %d, more than a list should have: want a Cap", int64(2*1300*1299*1300))
	if list, err := (&miner.Triplets{}).Mine(nil, x, labels); err == nil || err.Error() != want || list != nil {
		t.Errorf("%d triplets, error %v, want %q", len(list), err, want)
	}
	list := mineTriplets(t, &miner.Triplets{Cap: 10, Seed: 5}, nil, x, labels)
	if len(list) != 10 || cap(list) > 20 {
		t.Errorf("%d triplets in memory for %d, want 10", len(list), cap(list))
	}
}

// TestMinerErrors: bad input names what is wrong, and the list stays.
func TestMinerErrors(t *testing.T) {
	nan := float32(math.NaN())
	x := rowsOf([]float32{1, 2}, []float32{3, 4})
	bad := rowsOf([]float32{1, 2}, []float32{nan, 4})
	keep := []infonce.Triple{{A: 7, P: 8, N: 9}}
	for _, c := range []struct {
		m    miner.Triplets
		x    simd.Matrix
		want string
	}{
		{miner.Triplets{Margin: -1}, x, "miner.Triplets: Margin is -1, want a number from 0 to"},
		{miner.Triplets{Margin: nan}, x, "miner.Triplets: Margin is NaN, want a number from 0 to"},
		{miner.Triplets{Kind: 6}, x, "miner.Triplets: kind is Kind(6), want one of"},
		{miner.Triplets{Cap: -3}, x, "miner.Triplets: Cap is -3, want 0 or above"},
		{miner.Triplets{}, bad, "miner.Triplets: x has NaN at row 1, column 0, want finite numbers"},
		{miner.Triplets{Kind: miner.HardestTriplets}, bad, "miner.Triplets: x has NaN at row 1, column 0, want finite numbers"},
	} {
		list, err := c.m.Mine(keep, c.x, []int{0, 1})
		if err == nil || !strings.Contains(err.Error(), c.want) || !slices.Equal(list, keep) {
			t.Errorf("%v, error %v, want one with %q", list, err, c.want)
		}
	}
	var m miner.MultiSimilarity
	var e *simd.NonFiniteError
	if _, err := m.Mine(nil, bad, []int{0, 1}); !errors.As(err, &e) || e.Arg != "x" {
		t.Errorf("error %v, want a NaN in x", err)
	}
	m.Epsilon = 3
	if _, err := m.Mine(nil, x, []int{0, 1}); err == nil || !strings.Contains(err.Error(), "Epsilon is 3, want a number from 0 to 2") {
		t.Errorf("error %v, want one of Epsilon", err)
	}
	for kind := miner.AllTriplets; kind <= miner.HardestTriplets; kind++ {
		func() {
			defer func() {
				want := simd.ShapeError{Op: "miner.Triplets", Arg: "labels", Got: "of length 3", Want: "of length 2"}
				if e, ok := recover().(*simd.ShapeError); !ok || *e != want {
					t.Errorf("%v: panic with %v, want %v", kind, e, &want)
				}
			}()
			_, err := (&miner.Triplets{Kind: kind}).Mine(nil, x, []int{0, 1, 2})
			t.Errorf("%v: error %v, want a panic", kind, err)
		}()
	}
}

// pairsOf lists the pairs of MultiSimilarity by looking at all.
func pairsOf(x simd.Matrix, labels []int, eps float64) []miner.Pair {
	u, _ := ref.Normalize(mat(x))
	list := []miner.Pair{}
	for a := range x.Rows {
		least, most := math.Inf(1), math.Inf(-1)
		for j := range x.Rows {
			switch s := ref.Dot(u.Row(a), u.Row(j)); {
			case labels[j] != labels[a]:
				most = max(most, s)
			case j != a:
				least = min(least, s)
			}
		}
		if math.IsInf(least, 0) || math.IsInf(most, 0) {
			continue
		}
		for same := range 2 {
			for j := range x.Rows {
				s := ref.Dot(u.Row(a), u.Row(j))
				if same == 0 && j != a && labels[j] == labels[a] && s < most+eps {
					list = append(list, miner.Pair{a, j, true})
				}
				if same == 1 && labels[j] != labels[a] && s > least-eps {
					list = append(list, miner.Pair{a, j, false})
				}
			}
		}
	}
	return list
}

// TestMultiSimilarityMiner: the lists are those of looking at all pairs, zero rows included.
func TestMultiSimilarityMiner(t *testing.T) {
	r := check.NewRand(134)
	for _, n := range []int{0, 1, 2, 30, 61} {
		x := gaps(n, 6, 1, r.Normals32(6*n))
		labels := make([]int, n)
		for i := range labels {
			labels[i] = r.IntN(n/5 + 1)
		}
		if n > 20 {
			clear(x.Row(3))
			clear(x.Row(9))
			copy(x.Row(4), x.Row(5))
		}
		for _, eps := range []float32{0, 0.02, 1} {
			want := pairsOf(x, labels, float64(cmp0(eps)))
			if n > 20 && (len(want) < 20 || len(want) == n*(n-1)) {
				t.Fatalf("%d pairs of %d rows, want some", len(want), n)
			}
			check.EachLevel(t, func(t *testing.T) {
				for _, workers := range []int{1, 3} {
					m := miner.MultiSimilarity{Epsilon: eps, Workers: workers}
					got, err := m.Mine(nil, x, labels)
					if err != nil || got == nil || !slices.Equal(got, want) {
						t.Errorf("n=%d, ε=%v: %v, %v, want %v", n, eps, got, err, want)
					}
				}
			})
		}
	}
}

func cmp0(eps float32) float32 {
	if eps == 0 {
		return 0.1
	}
	return eps
}
