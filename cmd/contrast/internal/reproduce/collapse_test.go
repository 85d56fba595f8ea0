package reproduce

import (
	"context"
	"math"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// The detector of collapses goes off for the hardest negatives and for no other choice.
func TestCollapseFires(t *testing.T) {
	for _, c := range negativeChoices {
		d := newDescent(Options{}, c, 5, 0.2, 80)
		if err := d.learn(context.Background()); err != nil {
			t.Fatal(err)
		}
		z := d.encoder.Forward(d.evaluation.x)
		if got := isCollapsed(z); got != c.collapses {
			t.Errorf("%s: collapsed is %v, want %v: mean distance %.3f", c.name, got, c.collapses, meanDistance(z))
		}
		if off := math.Abs(d.lastLoss() - tripletMargin); (off < 0.02) != c.collapses {
			t.Errorf("%s: the loss is off the margin by %.3f", c.name, off)
		}
	}
}

// Where all rows are one, the loss of the hardest negatives is the margin, the distance 0, and
// chance decides.
func TestCollapsedClosedForms(t *testing.T) {
	z, ids := simd.NewMatrix(12, 5), make([]int, 12)
	for i := range z.Rows {
		copy(z.Row(i), []float32{1, 2, 3, 4, 5})
		ids[i] = i / 3
	}
	r, err := newHardestNegative(tripletMargin, 1).Evaluate(infonce.Batch{Q: z, Labels: ids}, nil, 1)
	if err != nil || math.Abs(r.Loss-tripletMargin) > 1e-7 || r.Valid != 24 {
		t.Errorf("loss is %v of %d triplets, %v, want %v of 24", r.Loss, r.Valid, err, tripletMargin)
	}
	area, err := areaUnderCurve(z, ids, 1)
	if d := meanDistance(z); err != nil || d != 0 || area != 0.5 {
		t.Errorf("mean distance %v and area %v, %v, want 0 and 0.5", d, area, err)
	}
}

func TestMeanDistance(t *testing.T) {
	z := simd.NewMatrix(6, 6)
	for i := range z.Rows {
		z.Row(i)[i] = float32(i + 1) // of any norm
	}
	if d := meanDistance(z); math.Abs(d-math.Sqrt2) > 1e-7 {
		t.Errorf("mean distance of orthogonal rows is %v, want √2", d)
	}
}

func TestHardestNegative(t *testing.T) {
	l := newHardestNegative(tripletMargin, 1)
	z := simd.Matrix{Rows: 5, Cols: 2, Stride: 2, Data: []float32{1, 0, 0, 3, 2, 1, -1, 0.5, -4, 0}}
	if _, err := l.Evaluate(infonce.Batch{Q: z, Labels: []int{0, 0, 1, 1, 2}}, nil, 1); err != nil {
		t.Fatal(err)
	}
	// By angle: rows at 0, 90, 27, 153 and 180 degrees; row 4 has no positive.
	want := []infonce.Triple{{A: 0, P: 1, N: 2}, {A: 1, P: 0, N: 2}, {A: 2, P: 3, N: 0}, {A: 3, P: 2, N: 4}}
	if len(l.list) != len(want) {
		t.Fatalf("triplets are %v, want %v", l.list, want)
	}
	for i, w := range want {
		if l.list[i] != w {
			t.Errorf("triplet %d is %v, want %v", i, l.list[i], w)
		}
	}
}

// Samples are the same at every level, and learning from them for any number of workers.
func TestIdentitiesBits(t *testing.T) {
	run := func(workers int) ([]float32, []float32) {
		world := newIdentities(9)
		l := lesson{
			loss: &infonce.NTXent{Temperature: 0.1, Workers: workers}, source: &identityPairs{identities: world, seed: 9},
			batch: 20, steps: 3, optimizer: adam(workers), schedule: cosine(3), seed: 9, workers: workers,
		}
		if err := l.learn(context.Background()); err != nil {
			t.Fatal(err)
		}
		x, _ := world.unseen()
		return x.Data, l.encoder.Params().Values
	}
	x, weights := run(1)
	for _, level := range cpu.Levels() {
		restore, err := cpu.Select(level)
		if err != nil {
			t.Fatal(err)
		}
		gotX, gotWeights := run(3)
		restore()
		for i, v := range gotX {
			if v != x[i] {
				t.Fatalf("%v: element %d of the samples is %v, want %v", level, i, v, x[i])
			}
		}
		for i, v := range gotWeights {
			if v != weights[i] {
				t.Fatalf("%v: weight %d is %v, want %v", level, i, v, weights[i])
			}
		}
	}
}

// Within a step no identity comes twice, and none that the evaluation is about.
func TestIdentitySources(t *testing.T) {
	world := newIdentities(1)
	pairs, groups := identityPairs{identities: world, seed: 1}, identityGroups{identities: world, seed: 1, perID: 4}
	x := simd.NewMatrix(64, sampleDim)
	for step := range 20 {
		for _, c := range []struct {
			name string
			next func(int, simd.Matrix) ([]int, error)
			each int
		}{{"pairs", pairs.Next, 2}, {"groups", groups.Next, 4}} {
			ids, err := c.next(step, x)
			if err != nil || len(ids) != x.Rows {
				t.Fatalf("%s: %d labels, %v", c.name, len(ids), err)
			}
			counts := make(map[int]int)
			for _, id := range ids {
				counts[id]++
				if id < 0 || id >= seenIdentities {
					t.Fatalf("%s: identity %d, want one of %d", c.name, id, seenIdentities)
				}
			}
			for id, n := range counts {
				if n != c.each {
					t.Fatalf("%s: identity %d comes %d times, want %d", c.name, id, n, c.each)
				}
			}
		}
	}
	if ids, _ := pairs.Next(0, x); ids[0] != ids[32] || x.Row(0)[0] == x.Row(32)[0] {
		t.Error("the two views of a pair are of different identities, or the same view")
	}
}
