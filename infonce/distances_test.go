package infonce_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// distancesOf returns all distances between the rows of b, and what a distance of 1 stands for.
func distancesOf(t *testing.T, b Batch, squared bool) (all simd.Matrix, unit float64) {
	t.Helper()
	all, unit, err := Distances(b, squared, 1)
	if err != nil {
		t.Fatal(err)
	}
	return all, unit
}

// gatherings change independent rows to rows that are near each other in different ways.
var gatherings = []struct {
	name   string
	change func(label, j int, x float32) float32
}{
	{"independent", func(_, _ int, x float32) float32 { return x }},
	{"around a point", func(_, _ int, x float32) float32 { return 3 + float32(x*0.1) }},
	{"collapsed", func(_, _ int, x float32) float32 { return 3 + float32(x*1e-5) }},
	{"equal", func(_, j int, _ float32) float32 { return float32(j) - 7.3 }},
	{"around the points of labels", func(label, j int, x float32) float32 {
		return float32((label*37+j*11)%8) - 3.5 + float32(x*1e-3)
	}},
	{"tiny", func(_, _ int, x float32) float32 { return x * 1e-25 }},
	{"huge", func(_, _ int, x float32) float32 { return x * 1e25 }},
}

// gathered returns n rows of d numbers of some labels.
func gathered(r *check.Rand, n, d, labels int, change func(label, j int, x float32) float32) Batch {
	b := Batch{Q: gaps(n, d, 1, r.Normals32(n*d)), Labels: make([]int, n)}
	for i := range n {
		b.Labels[i] = r.IntN(labels)
		for j, x := range b.Q.Row(i) {
			b.Q.Row(i)[j] = change(b.Labels[i], j, x)
		}
	}
	return b
}

// TestDistances: distances are symmetric to the bit, 0 from row to row and between equal rows, and
// otherwise within some ulps, also of rows that are near each other, for any number of strips.
func TestDistances(t *testing.T) {
	r := check.NewRand(120)
	for _, g := range gatherings {
		for _, s := range []struct{ n, d int }{{3, 2}, {40, 17}, {250, 130}} {
			if testing.Short() && s.n > 40 && g.name != "independent" {
				continue
			}
			b := gathered(r, s.n, s.d, 6, g.change)
			copy(b.Q.Row(s.n-1), b.Q.Row(0))
			check.EachLevel(t, func(t *testing.T) {
				for _, squared := range []bool{false, true} {
					all, unit := distancesOf(t, b, squared)
					for i := range s.n {
						for j := range i + 1 {
							d := all.Row(i)[j]
							if d != all.Row(j)[i] {
								t.Fatalf("%s, n=%d: distance %v of %d and %d, %v of %d and %d", g.name, s.n, d, i, j, all.Row(j)[i], j, i)
							}
							want := SquaredDistance(b.Q.Row(i), b.Q.Row(j)) / unit
							if !squared {
								want = math.Sqrt(want*unit) / unit
							}
							if (want == 0) != (d == 0) || math.Abs(float64(d)-want) > 64*ulp*want {
								t.Fatalf("%s, n=%d: distance %v of %d and %d, want %v", g.name, s.n, d, i, j, want)
							}
						}
					}
				}
			})
		}
	}
}

// TestNearDuplicateDistance: |a|² − 2·a·b + |b|² in float32 makes 0 or 0.08 of a distance of
// 0.001676, and 0.06 of 0.0178, and other libraries do.
func TestNearDuplicateDistance(t *testing.T) {
	const d = 256
	for _, near := range []float64{0.001676, 0.0178} {
		r := check.NewRand(121)
		x := simd.NewMatrix(20, d)
		copy(x.Data, r.Normals32(20*d))
		for j := range d {
			x.Row(1)[j] = x.Row(0)[j] + float32(j%2*2-1)*float32(near)/16
		}
		want := math.Sqrt(SquaredDistance(x.Row(0), x.Row(1)))
		if math.Abs(want-near) > 1e-5 {
			t.Fatalf("the distance is %v, want %v", want, near)
		}
		dot := simd.Dot(x.Row(0), x.Row(0)) - 2*simd.Dot(x.Row(0), x.Row(1)) + simd.Dot(x.Row(1), x.Row(1))
		if got := math.Sqrt(max(float64(dot), 0)); math.Abs(got-want) < 1e-3*want {
			t.Fatalf("products give %v, which shows nothing", got)
		}
		labels := make([]int, 20)
		for i := range labels {
			labels[i] = i / 2
		}
		b := Batch{Q: x, Labels: labels}
		check.EachLevel(t, func(t *testing.T) {
			if all, _ := distancesOf(t, b, false); math.Abs(float64(all.Row(0)[1])-want) > 1e-6*want {
				t.Errorf("distance %v, want %v", all.Row(0)[1], want)
			}
			v := distanceVariants(0.3, false)[0]
			l := &BatchAll{Margin: 100}
			v.Oracle = func(b Batch) (float64, ref.Grad) {
				return ref.BatchAll(mat(b.Q), b.Labels, ref.TripletOptions{Margin: 100}, false)
			}
			c := trial{variant: v, name: "near duplicates", b: b, want: v.ask(b), base: gradFor(b), scale: 1}
			c.tol = v.published(b, c.want)
			c.run(t, l)
		})
	}
}

// TestGathered: losses of rows that are near each other hold the published bounds.
func TestGathered(t *testing.T) {
	r := check.NewRand(122)
	var trials []trial
	for _, g := range gatherings {
		for _, s := range []struct{ n, d int }{{9, 3}, {40, 33}, {100, 130}} {
			if testing.Short() && s.n > 40 {
				continue
			}
			for _, v := range distanceVariants(0.3, false) {
				b := gathered(r, s.n, s.d, max(s.n/5, 2), g.change)
				c := trial{variant: v, name: fmt.Sprintf("%s, %s, n=%d", v.Name, g.name, s.n), b: b, want: v.ask(b), base: gradFor(b), scale: 1}
				c.tol = v.published(b, c.want)
				trials = append(trials, c)
			}
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range trials {
			c.run(t, c.New(2))
		}
	})
}

// TestDistanceStripBits: a batch of several strips has the bits of one strip, also where rows of
// different strips are near each other.
func TestDistanceStripBits(t *testing.T) {
	n, counts := 700, []int{1, 2, 3, 7, 16}
	if testing.Short() {
		n, counts = 300, []int{1, 3}
	}
	if least := StripRows * 3 / 2; n < least {
		t.Fatalf("%d rows: there is but one strip of less than %d", n, least)
	}
	r := check.NewRand(123)
	for _, v := range distanceVariants(0.3, false) {
		for _, labels := range []int{n / 4, 3} { // few pairs of one label, and many
			b := gathered(r, n, 5, labels, func(label, j int, x float32) float32 {
				return float32((label*37+j*11)%8) - 3.5 + float32(x*0.1) // near across labels too
			})
			if v.Smooth && (testing.Short() || labels == 3) {
				continue
			}
			var want outcome
			check.EachLevel(t, func(t *testing.T) {
				if cpu.Active() == cpu.Generic && n > 400 {
					return // the levels agree on small batches
				}
				for _, workers := range counts {
					name := fmt.Sprintf("%s labels=%d workers=%d", v.Name, labels, workers)
					got := outcomeOf(t, name, v.New(workers), b)
					if want.g.Q.Data == nil {
						want = got
					}
					got.same(t, name, want)
				}
			})
		}
	}
}

// TestDistanceScale: rows of any length, with a margin as long, have the same loss as often and the
// same gradient.
func TestDistanceScale(t *testing.T) {
	const n, d = 30, 9
	r := check.NewRand(124)
	b := gathered(r, n, d, 6, gatherings[0].change)
	check.EachLevel(t, func(t *testing.T) {
		want := outcomeOf(t, "BatchAll", &BatchAll{Margin: 0.25}, b)
		// Powers of two, which change no digit of normal numbers.
		for _, k := range []int{-110, -70, -40, -10, 40, 62, 100, 120} {
			s := Batch{Q: simd.NewMatrix(n, d), Labels: b.Labels}
			for i := range n {
				copy(s.Q.Row(i), b.Q.Row(i))
			}
			for i := range 2 { // 2^k itself may be beyond float32
				simd.Scale(s.Q.Data, float32(math.Ldexp(1, (k+i)>>1)), s.Q.Data)
			}
			got := outcomeOf(t, "BatchAll", &BatchAll{Margin: float32(math.Ldexp(0.25, k))}, s)
			got.r.Loss = math.Ldexp(got.r.Loss, -k)
			got.same(t, fmt.Sprintf("rows times 2^%d", k), want)

			squared := &BatchAll{Squared: true, Margin: 1e-30}
			if k > -40 && k < 50 {
				squared.Margin = float32(math.Ldexp(0.25, 2*k))
			}
			if r := evaluate(t, "BatchAll", squared, s, nil, 1); math.IsNaN(r.Loss) || r.Loss <= 0 {
				t.Errorf("rows times 2^%d: squared loss %v", k, r.Loss)
			}
		}
	})
}

// TestNearRowsMemory: where all rows of large groups are near each other, memory still grows with
// the batch.
func TestNearRowsMemory(t *testing.T) {
	if testing.Short() || cpu.Active() == cpu.Generic {
		t.Skip("takes seconds")
	}
	bytes := func(n int) uint64 {
		b := gathered(check.NewRand(125), n, 8, 3, gatherings[4].change)
		g := gradFor(b)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		evaluate(t, "BatchAll", &BatchAll{Margin: 100, Workers: 1}, b, &g, 1)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const n = 1024
	small, large := bytes(n), bytes(4*n)
	exponent := math.Log2(float64(large)/float64(small)) / 2
	t.Logf("%d KiB for %d rows, %d KiB for %d, exponent %.2f", small>>10, n, large>>10, 4*n, exponent)
	if exponent > 1.1 {
		t.Errorf("memory grows as the power %.2f, want 1", exponent)
	}
}

// TestDegenerate: negatives at distance 0 are counted, and only they.
func TestDegenerate(t *testing.T) {
	b := Batch{Q: rowsOf([]float32{1, 2}, []float32{1, 2}, []float32{1, 2}, []float32{0, 5}, []float32{0, 5}), Labels: []int{0, 0, 1, 1, 1}}
	if r := evaluate(t, "BatchAll", &BatchAll{}, b, nil, 1); r.Degenerate != 4 {
		t.Errorf("%d, want rows 0 and 1 for row 2, and it for them", r.Degenerate)
	}
}

// triplesOf returns all triplets of a batch, and the weights of their anchors.
func triplesOf(b Batch) (list []Triple, weights []float32) {
	for a, y := range b.Labels {
		for p := range b.Labels {
			for n := range b.Labels {
				if p != a && b.Labels[p] == y && b.Labels[n] != y {
					list = append(list, Triple{a, p, n})
					weights = append(weights, float32(WeightOf(b.Weights, a)))
				}
			}
		}
	}
	return list, weights
}

// agree reports where a loss differs from that of a list of triplets, whose gradient is a chain of
// as many roundings as a row has triplets. Losses are differences of distances, and err by some
// ulps of those.
func agree(t *testing.T, name string, got, want outcome) {
	t.Helper()
	if !near(got.r.Loss, want.r.Loss, 1e-5) || got.r.Valid != want.r.Valid || got.r.Active != want.r.Active {
		t.Errorf("%s: loss %v of %d, %d active, want %v of %d, %d active", name,
			got.r.Loss, got.r.Valid, got.r.Active, want.r.Loss, want.r.Valid, want.r.Active)
	}
	size := float64(max(slices.Max(want.g.Q.Data), -slices.Min(want.g.Q.Data)))
	for i, x := range got.g.Q.Data {
		if y := want.g.Q.Data[i]; math.Abs(float64(x)-float64(y)) > 4*maxGradientError*size {
			t.Errorf("%s: gradient %v, want %v", name, x, y)
			return
		}
	}
}
