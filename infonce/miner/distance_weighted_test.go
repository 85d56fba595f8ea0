package miner_test

import (
	"errors"
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

func drawTriplets(t *testing.T, m *miner.DistanceWeighted, dst []infonce.Triple, x simd.Matrix, labels []int) []infonce.Triple {
	t.Helper()
	list, err := m.Mine(dst, x, labels)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// nearDensity returns the probabilities with which negatives of row a are drawn, in float64.
func nearDensity(x simd.Matrix, labels []int, a int, cutoff, reach float64) []float64 {
	u, norms := ref.Normalize(mat(x))
	p, total := make([]float64, x.Rows), 0.0
	logs, most := make([]float64, x.Rows), math.Inf(-1)
	for n := range p {
		d := math.Sqrt(ref.SquaredDistance(u.Row(a), u.Row(n)))
		if norms[a] == 0 || norms[n] == 0 {
			d = math.Sqrt2
		}
		if logs[n] = math.Inf(-1); labels[n] != labels[a] && d < reach {
			d, dims := max(d, cutoff), float64(x.Cols)
			logs[n] = (2-dims)*math.Log(d) + (3-dims)/2*math.Log(1-d*d/4)
		}
		most = max(most, logs[n])
	}
	for n := range p {
		p[n] = math.Exp(logs[n] - most)
		total += p[n]
	}
	for n := range p {
		p[n] /= total
	}
	return p
}

// TestDistanceWeighted: negatives are drawn with the probabilities of the paper, for each positive
// of each anchor anew, in few and many dimensions.
func TestDistanceWeighted(t *testing.T) {
	const n = 24
	draws := 4000
	if testing.Short() {
		draws = 1000
	}
	r := check.NewRand(180)
	for _, d := range []int{1, 2, 3, 8, 64} {
		x := gaps(n, d, 1, r.Normals32(n*d))
		labels := make([]int, n)
		for i := range labels {
			labels[i] = i % 5
			for j := range d / 4 {
				x.Row(i)[j] += 1 // so that some are nearer than others
			}
		}
		clear(x.Row(7))
		copy(x.Row(9), x.Row(8))
		cutoff, reach := 0.5, 1.4
		m := miner.DistanceWeighted{Workers: 2}
		if d == 8 {
			m.Cutoff, m.Reach = 0.9, 1.75
			cutoff, reach = 0.9, 1.75
		}
		drawn := make([][]int, n)
		for a := range drawn {
			drawn[a] = make([]int, n)
		}
		pairs := 0 // of negatives that two positives of an anchor have in common
		var list []infonce.Triple
		for m.Seed = range uint64(draws) {
			list = drawTriplets(t, &m, list[:0], x, labels)
			for i, tr := range list {
				drawn[tr.A][tr.N]++
				if tr.A == tr.P || labels[tr.A] != labels[tr.P] || labels[tr.A] == labels[tr.N] {
					t.Fatalf("%v is no triplet", tr)
				}
				if i > 0 && list[i-1].A == tr.A {
					if list[i-1].P >= tr.P {
						t.Fatalf("%v is out of order", tr)
					}
					if tr.A == 0 && list[i-1].N == tr.N {
						pairs++
					}
				}
			}
		}
		for a := range drawn {
			p := nearDensity(x, labels, a, cutoff, reach)
			positives := 0
			for i, y := range labels {
				if i != a && y == labels[a] {
					positives++
				}
			}
			count := float64(draws * positives)
			chi, dof := 0.0, -1.0
			for k, p := range p {
				switch e := p * count; {
				case !(p > 0):
					if drawn[a][k] > 0 {
						t.Errorf("d=%d: row %d is a negative of row %d, which it may not be", d, k, a)
					}
				case e >= 5:
					chi += (float64(drawn[a][k]) - e) * (float64(drawn[a][k]) - e) / e
					dof++
				case float64(drawn[a][k]) > e+6*math.Sqrt(e)+6:
					t.Errorf("d=%d: row %d is drawn %d times for row %d, want %.2f", d, k, drawn[a][k], a, e)
				}
			}
			if dof > 0 && chi > dof+6*math.Sqrt(2*dof)+6 {
				t.Errorf("d=%d: χ² of row %d is %.1f of %v", d, a, chi, dof)
			}
		}
		// Draws for two positives agree as often as independent ones do.
		same, between := 0.0, 0.0
		for _, p := range nearDensity(x, labels, 0, cutoff, reach) {
			if p > 0 {
				same += p * p
			}
		}
		for i := range labels {
			if i > 0 && labels[i] == labels[0] {
				between++
			}
		}
		if e := same * (between - 1) * float64(draws); e > 0 && math.Abs(float64(pairs)-e) > 6*math.Sqrt(e)+6 {
			t.Errorf("d=%d: two draws of row 0 agree %d times, want %.0f", d, pairs, e)
		}
	}
}

// TestDistanceWeightedUnderflow: in many dimensions one close pair of two labels, next to which all
// other weights of the batch are 0 even in float64, takes the triplets of no other anchor.
func TestDistanceWeightedUnderflow(t *testing.T) {
	for _, d := range []int{512, 4096} {
		const n = 64
		r := check.NewRand(181)
		x := gaps(n, d, 0, r.Normals32(n*d))
		labels := make([]int, n)
		for i := range labels {
			labels[i] = i / 4
		}
		for j, v := range x.Row(0) {
			x.Row(n - 1)[j] = v + float32(0.1*x.Row(n - 1)[j])
		}
		check.EachLevel(t, func(t *testing.T) {
			list := drawTriplets(t, &miner.DistanceWeighted{Reach: 1.5}, nil, x, labels)
			if len(list) != 3*n {
				t.Fatalf("d=%d: %d triplets, want 3 of each anchor", d, len(list))
			}
			for _, tr := range list {
				if (tr.A == 0) != (tr.N == n-1) && (tr.A == 0 || tr.A == n-1) {
					t.Errorf("d=%d: %v, want the close row as the negative", d, tr)
				}
			}
		})
	}
}

// TestDistanceWeightedBits: the list is the same at every level, for any number of workers and
// values of labels, after other batches; another seed draws others.
func TestDistanceWeightedBits(t *testing.T) {
	const n, d = 200, 33
	r := check.NewRand(182)
	x, small := gaps(n, d, 3, r.Normals32(n*d)), gaps(9, 4, 0, r.Normals32(36))
	labels, others := make([]int, n), make([]int, n)
	for i := range labels {
		labels[i] = r.IntN(30)
		others[i] = (labels[i]*7)%31 - 12
	}
	want := drawTriplets(t, &miner.DistanceWeighted{Seed: 3}, nil, x, labels)
	if len(want) < n {
		t.Fatalf("%d triplets are too few for this test", len(want))
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 7} {
			m := &miner.DistanceWeighted{Seed: 3, Workers: workers}
			drawTriplets(t, m, nil, small, labels[:9])
			if got := drawTriplets(t, m, []infonce.Triple{{A: 1, P: 2, N: 3}}, x, others); !slices.Equal(got[1:], want) || got[0] != (infonce.Triple{A: 1, P: 2, N: 3}) {
				t.Errorf("%d workers: another list", workers)
			}
		}
	})
	if other := drawTriplets(t, &miner.DistanceWeighted{Seed: 4}, nil, x, labels); slices.Equal(other, want) {
		t.Error("another seed draws the same")
	}
}

// TestDistanceWeightedWithout: where there is nothing to draw the list is empty, and not nil.
func TestDistanceWeightedWithout(t *testing.T) {
	x := rowsOf([]float32{1, 0}, []float32{2, 0}, []float32{-3, 0}, []float32{0, 0})
	for name, c := range map[string]struct {
		rows   int
		labels []int
	}{"no rows": {0, nil}, "one row": {1, []int{5}}, "one label": {4, []int{1, 1, 1, 1}}, "labels that differ": {4, []int{1, 2, 3, 4}}, "all out of reach": {4, []int{1, 1, 2, 3}}} {
		list := drawTriplets(t, &miner.DistanceWeighted{}, nil, x.Slice(0, c.rows), c.labels)
		if list == nil || len(list) != 0 {
			t.Errorf("%s: %v, want an empty list", name, list)
		}
	}
	// Row 2 is opposite to rows 0 and 1, row 3 at a right angle.
	list := drawTriplets(t, &miner.DistanceWeighted{Reach: 1.5}, nil, x, []int{1, 1, 2, 3})
	if want := []infonce.Triple{{A: 0, P: 1, N: 3}, {A: 1, P: 0, N: 3}}; !slices.Equal(list, want) {
		t.Errorf("%v, want %v", list, want)
	}
}

// TestDistanceWeightedErrors: bad input names what is wrong, and the list stays.
func TestDistanceWeightedErrors(t *testing.T) {
	x := rowsOf([]float32{1, 2}, []float32{3, 4})
	keep := []infonce.Triple{{A: 7, P: 8, N: 9}}
	for _, c := range []struct {
		m    miner.DistanceWeighted
		want string
	}{
		{miner.DistanceWeighted{Cutoff: -1}, "miner.DistanceWeighted: Cutoff is -1, want a number from 0 to 1.4"},
		{miner.DistanceWeighted{Cutoff: 1.5}, "Cutoff is 1.5, want a number from 0 to 1.4"},
		{miner.DistanceWeighted{Reach: 2.5}, "Reach is 2.5, want a number from 0 to 2"},
		{miner.DistanceWeighted{Reach: float32(math.NaN())}, "Reach is NaN"},
	} {
		list, err := c.m.Mine(keep, x, []int{0, 1})
		if err == nil || !strings.Contains(err.Error(), c.want) || !slices.Equal(list, keep) {
			t.Errorf("%v, error %v, want one with %q", list, err, c.want)
		}
	}
	bad := rowsOf([]float32{1, 2}, []float32{3, float32(math.Inf(1))})
	var e *simd.NonFiniteError
	if list, err := (&miner.DistanceWeighted{}).Mine(keep, bad, []int{0, 1}); !errors.As(err, &e) || e.Arg != "x" || !slices.Equal(list, keep) {
		t.Errorf("error %v, want an infinity in x", err)
	}
	defer func() {
		want := simd.ShapeError{Op: "miner.DistanceWeighted", Arg: "labels", Got: "of length 3", Want: "of length 2"}
		if e, ok := recover().(*simd.ShapeError); !ok || *e != want {
			t.Errorf("panic with %v, want %v", e, &want)
		}
	}()
	_, err := (&miner.DistanceWeighted{}).Mine(nil, x, []int{0, 1, 2})
	t.Errorf("error %v, want a panic", err)
}

// TestDistanceWeightedLoss: MarginLoss and Triplet take the list, and have the gradients of what
// they score.
func TestDistanceWeightedLoss(t *testing.T) {
	r := check.NewRand(183)
	x, labels := gaps(40, 8, 1, r.Normals32(40*8)), make([]int, 40)
	for i := range labels {
		labels[i] = r.IntN(6)
	}
	b := infonce.Batch{Q: x, Labels: labels}
	b.Triplets = drawTriplets(t, &miner.DistanceWeighted{Seed: 1}, nil, b.Q, b.Labels)
	for _, l := range []infonce.Loss{&infonce.MarginLoss{Normalize: true, All: true}, &infonce.Triplet{Normalize: true, Margin: 0.2}} {
		if r := evaluate(t, "list", l, b, nil); r.Active < len(b.Triplets)/4 {
			t.Errorf("%T: %d terms of %d triplets are active", l, r.Active, len(b.Triplets))
		}
		if err := infonce.CheckGradient(l, b); err != nil {
			t.Errorf("%T: %v", l, err)
		}
	}
}
