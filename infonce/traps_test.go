package infonce_test

import (
	"math"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// Mistakes that libraries made and their users reported, where no other test names them.

// TestNTXentDoesNotSaturate: ln(num/den + tiny) ends at 87.3365 with a gradient of 0, for
// temperatures at which the loss is 100 and 200 (pytorch-metric-learning).
func TestNTXentDoesNotSaturate(t *testing.T) {
	// The positives are opposite, the negatives the same.
	b := Batch{Q: gaps(2, 2, 0, []float32{1, 0, -1, 1e-3}), K: gaps(2, 2, 0, []float32{-1, 0, 1, 1e-3})}
	for _, temperature := range []float32{0.02, 0.01, 1e-3, 1e-4} {
		want, g := ref.NTXent(mat(b.Q), mat(b.K), float64(temperature), true)
		got := gradFor(b)
		res := evaluate(t, "NTXent", &NTXent{Temperature: temperature}, b, &got, 1)
		if want < 99 || math.Abs(res.Loss-want) > maxValueError*want {
			t.Errorf("τ=%v: loss %v, want %v", temperature, res.Loss, want)
		}
		if g, w := float64(got.Q.Row(1)[1]), g.DQ.Row(1)[1]; math.Abs(g-w) > 1e-3*math.Abs(w) || w == 0 {
			t.Errorf("τ=%v: gradient %v, want %v", temperature, g, w)
		}
	}
}

// TestSoftTripletFar: ln(1 + e^v) of distances that differ by more than 88.7 is neither infinite
// nor not a number (tensorflow/similarity), and one triplet alone counts (pytorch-metric-learning
// takes it for none).
func TestSoftTripletFar(t *testing.T) {
	for _, far := range []float32{-1000, -100, -88.8, 88.8, 100, 1000} {
		b := Batch{Q: gaps(3, 1, 0, []float32{0, max(far, 0), max(-far, 0)}), Triplets: []Triple{{0, 1, 2}}}
		g := gradFor(b)
		res := evaluate(t, "Triplet", &Triplet{Soft: true}, b, &g, 1)
		want := math.Max(float64(far), 0) + math.Log1p(math.Exp(-math.Abs(float64(far))))
		if res.Valid != 1 || math.Abs(res.Loss-want) > maxValueError*want+0x1p-149 {
			t.Errorf("d(a,p) − d(a,n) = %v: loss %v of %d triplets, want %v of 1", far, res.Loss, res.Valid, want)
		}
		if p := g.Q.Row(1)[0]; far > 0 && p != 1 {
			t.Errorf("d(a,p) − d(a,n) = %v: gradient %v of the positive, want 1", far, p)
		}
	}
}

// TestQueueScale: a queue whose rows are not normalised does not let the embeddings collapse
// (lightly): the loss normalises them, so their lengths do not matter.
func TestQueueScale(t *testing.T) {
	r := check.NewRand(98)
	b := Batch{Q: gaps(8, 6, 0, r.Normals32(48)), K: gaps(8, 6, 0, r.Normals32(48)), Negatives: gaps(30, 6, 0, r.Normals32(180))}
	want := evaluate(t, "as it comes", &InfoNCE{}, b, nil, 1)
	simd.Scale(b.Negatives.Data, 1<<20, b.Negatives.Data)
	if got := evaluate(t, "scaled", &InfoNCE{}, b, nil, 1); !equal(got, want) {
		t.Errorf("%+v with a queue of long rows, want %+v", got, want)
	}
}

// TestBatchInvariance: what a row costs does not depend, by one bit, on how many others are scored
// beside it (sentence-transformers: the same sentence embeds differently at another batch size).
func TestBatchInvariance(t *testing.T) {
	r := check.NewRand(99)
	const n, d = 300, 20
	q, k := gaps(n, d, 0, r.Normals32(n*d)), gaps(n, d, 0, r.Normals32(n*d))
	check.EachLevel(t, func(t *testing.T) {
		for _, l := range []Loss{&InfoNCE{}, &InfoNCE{Precision: simd.BFloat16}, &SigLIP{}, &Custom{Score: crossEntropyRow}} {
			all := append([]float64{}, evaluate(t, "all", l, Batch{Q: q, K: k}, nil, 1).Losses...)
			for _, m := range []int{1, 2, 47, 299} {
				some := evaluate(t, "some", l, Batch{Q: q.Slice(0, m), K: k}, nil, 1).Losses
				for i, v := range some {
					if math.Float64bits(v) != math.Float64bits(all[i]) {
						t.Errorf("%T: row %d costs %v among %d and %v among %d", l, i, v, m, all[i], n)
						break
					}
				}
			}
		}
	})
}

// TestNoNaNOnDuplicates: gradients of batches in which everything is the same are 0, not 0/0
// (TensorFlow Addons, CLIP and others).
func TestNoNaNOnDuplicates(t *testing.T) {
	for _, v := range allVariants() {
		b := v.batch(check.NewRand(100), 12, 5, 0, 0)
		each(b, func(_, _ int, row []float32) { copy(row, []float32{1, 2, 3, -4, 5}) })
		g := gradFor(b)
		res := evaluate(t, v.Name, v.New(1), b, &g, 1)
		if res.Loss-res.Loss != 0 {
			t.Errorf("%s: loss %v", v.Name, res.Loss)
		}
		each(g, func(p, i int, row []float32) {
			for _, x := range row {
				if x-x != 0 {
					t.Errorf("%s: gradient %v of row %d of part %d", v.Name, row, i, p)
					return
				}
			}
		})
	}
}

// TestGradientOfEachRow: the gradients of rows that share a matrix with their keys have the part
// that comes from being a key (forgetting Gᵀ is the classic mistake): moving all rows by one
// orthogonal matrix changes no loss, so the gradient of each is orthogonal to any rotation as a
// whole.
func TestGradientOfEachRow(t *testing.T) {
	r := check.NewRand(101)
	for _, v := range allVariants() {
		if strings.Contains(v.Name, "/scores") {
			continue // rows are no embeddings
		}
		const n, d = 24, 6
		b := v.batch(r, n, d, 0, 0.5)
		g := gradFor(b)
		evaluate(t, v.Name, v.New(1), b, &g, 1)
		// For the generator that turns axis a into axis b, Σ g·(A·x) is 0.
		for a := range d - 1 {
			var sum, size float64
			each(b, func(p, i int, x []float32) {
				y := part(g, p).Row(i)
				s := float64(y[a+1])*float64(x[a]) - float64(y[a])*float64(x[a+1])
				sum += s
				size += math.Abs(s)
			})
			if math.Abs(sum) > 1e-5*size+1e-12 {
				t.Errorf("%s: a rotation changes the loss by %v of %v", v.Name, sum, size)
			}
		}
	}
}
