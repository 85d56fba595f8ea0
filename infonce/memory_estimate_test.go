//go:build !race

package infonce_test

import (
	"runtime"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// What a loss allocates in its first call stays; later calls find it.
func TestMemoryEstimate(t *testing.T) {
	allocated := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.TotalAlloc)
	}
	const most = 1024
	r := check.NewRand(1)
	numbers := r.Normals32(most * 512)
	labels := make([]int, most)
	for i := range labels {
		labels[i] = i / 4
	}
	shapes := []struct{ n, d int }{{128, 256}, {700, 128}, {most, 64}}
	if testing.Short() {
		shapes = shapes[:1]
	}
	for _, s := range shapes {
		x := simd.Matrix{Rows: s.n, Cols: s.d, Stride: s.d, Data: numbers}
		y := simd.Matrix{Rows: s.n, Cols: s.d, Stride: s.d, Data: slices.Clone(numbers)}
		few := x.Slice(0, s.n/4)
		pairs, labelled, negatives := Batch{Q: x, K: y}, Batch{Q: x, Labels: labels[:s.n]}, Batch{Q: x, K: y, Negatives: few}
		for _, c := range []struct {
			name  string
			fresh func(workers int) Loss
			b     Batch
		}{
			{"InfoNCE", func(w int) Loss { return &InfoNCE{Workers: w} }, pairs},
			{"InfoNCE by dot product", func(w int) Loss { return &InfoNCE{DotProduct: true, Workers: w} }, pairs},
			{"InfoNCE without memory", func(w int) Loss { return &InfoNCE{MemoryBudget: -1, Workers: w} }, pairs},
			{"InfoNCE, bfloat16", func(w int) Loss { return &InfoNCE{Precision: simd.BFloat16, Workers: w} }, pairs},
			{"InfoNCE, negatives", func(w int) Loss { return &InfoNCE{Workers: w} }, negatives},
			{"InfoNCE, negatives in the batch", func(w int) Loss { return &InfoNCE{InBatch: true, Workers: w} }, negatives},
			{"CLIP", func(w int) Loss { return &InfoNCE{Symmetric: true, Workers: w} }, pairs},
			{"CLIP without memory", func(w int) Loss { return &InfoNCE{Symmetric: true, MemoryBudget: -1, Workers: w} }, pairs},
			{"NTXent", func(w int) Loss { return &NTXent{Workers: w} }, pairs},
			{"NTXent, cold", func(w int) Loss { return &NTXent{Temperature: 0.01, Workers: w} }, pairs},
			{"NTXent without memory", func(w int) Loss { return &NTXent{MemoryBudget: -1, Workers: w} }, pairs},
			{"SupCon", func(w int) Loss { return &SupCon{Workers: w} }, labelled},
			{"DCL", func(w int) Loss { return &DCL{Workers: w} }, pairs},
			{"DCL, one way", func(w int) Loss { return &DCL{OneWay: true, Workers: w} }, pairs},
			{"HCL", func(w int) Loss { return &HCL{Workers: w} }, pairs},
			{"HCL, hard", func(w int) Loss { return &HCL{Concentration: 1, Workers: w} }, pairs},
			{"SigLIP", func(w int) Loss { return &SigLIP{Workers: w} }, pairs},
			{"NPair", func(w int) Loss { return &NPair{Workers: w} }, pairs},
			{"AlignUniform", func(w int) Loss { return &AlignUniform{Workers: w} }, pairs},
			{"ArcFace", func(w int) Loss { return &ArcFace{Workers: w} }, Batch{Q: x, K: y, Labels: labels[:s.n]}},
			{"CosFace", func(w int) Loss { return &CosFace{Workers: w} }, Batch{Q: x, K: y, Labels: labels[:s.n]}},
			{"Circle", func(w int) Loss { return &Circle{Workers: w} }, labelled},
			{"MultiSimilarity", func(w int) Loss { return &MultiSimilarity{Workers: w} }, labelled},
			{"BatchHard", func(w int) Loss { return &BatchHard{Workers: w} }, labelled},
			{"BatchAll", func(w int) Loss { return &BatchAll{Workers: w} }, labelled},
			{"SemiHard", func(w int) Loss { return &SemiHard{Workers: w} }, labelled},
			{"Triplet", func(w int) Loss { return &Triplet{Workers: w} }, Batch{Q: x, K: y, Negatives: y}},
			{"ContrastivePair", func(w int) Loss { return &ContrastivePair{Workers: w} }, Batch{Q: x, K: y, Labels: make([]int, s.n)}},
		} {
			for _, workers := range []int{1, 2} {
				g := gradFor(c.b)
				l := c.fresh(workers)
				before := allocated()
				evaluate(t, c.name, l, c.b, &g, 1)
				got := allocated() - before
				outline := Batch{Q: shapeOf(c.b.Q), K: shapeOf(c.b.K), Negatives: shapeOf(c.b.Negatives)}
				want := MemoryEstimate(l, outline)
				if d := got - want; max(d, -d) > got/5+1<<18 {
					t.Errorf("%s of %d×%d, %d workers: %.2f MB are planned, %.2f MB taken", c.name, s.n, s.d, workers, float64(want)/1e6, float64(got)/1e6)
				}
			}
		}
	}
}

func shapeOf(m simd.Matrix) simd.Matrix { return simd.Matrix{Rows: m.Rows, Cols: m.Cols} }

type estimatedLoss struct{ Loss }

func (estimatedLoss) MemoryEstimate(b Batch) int64 { return int64(b.Q.Rows) }

func TestMemoryEstimateOfOthers(t *testing.T) {
	b := Batch{Q: simd.Matrix{Rows: 7, Cols: 3}}
	if got := MemoryEstimate(estimatedLoss{}, b); got != 7 {
		t.Errorf("%d, want what the loss says", got)
	}
	if got := MemoryEstimate(struct{ Loss }{}, b); got != 0 {
		t.Errorf("%d, want 0", got)
	}
}
