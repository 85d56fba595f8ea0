package bench

import (
	"reflect"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// A subject is a loss to measure, as the catalog has it.
type subject struct {
	catalog.Case
	precision simd.Precision
	labels    int // how many the rows have in turn; 0 means 4 rows of each
}

// subjectOf returns the subject with the given name.
func subjectOf(name string) subject {
	for _, l := range catalog.Losses() {
		for _, c := range l.Bench {
			if c.Name == name {
				return subject{Case: c}
			}
		}
	}
	panic("bench: no loss " + name)
}

// loss returns the loss with a MemoryBudget, if it has one, and the precision of the subject.
func (s subject) loss(workers int, budget int64) infonce.Loss {
	l := s.New(workers)
	set := func(field string, value any) {
		if f := reflect.ValueOf(l).Elem().FieldByName(field); f.IsValid() {
			f.Set(reflect.ValueOf(value))
		}
	}
	set("MemoryBudget", budget)
	set("Precision", s.precision)
	return l
}

// rounding returns the relative error of the products beyond float32, which grows with what they
// are multiplied by.
func (s subject) rounding() float64 {
	if s.precision == simd.BFloat16 {
		return 0.02
	}
	return 3.9e-7 * s.Beta
}

// batch returns n rows of d numbers: labels of 4 rows each, and labels of pairs in turn.
func (s subject) batch(n, d int) infonce.Batch {
	b := infonce.Batch{Q: uniformMatrix(1, n, d)}
	if k := s.KeyRows(n); k > 0 {
		b.K = uniformMatrix(2, k, d)
	}
	if k := s.NegativeRows(n); k > 0 {
		b.Negatives = uniformMatrix(3, k, d)
	}
	for i := range n {
		switch {
		case s.labels > 0:
			b.Labels = append(b.Labels, i%min(s.labels, n/4))
		case s.Labels || s.Classes:
			b.Labels = append(b.Labels, i/4)
		case s.Choices != nil:
			b.Labels = append(b.Labels, s.Choices[i%2])
		}
	}
	return b
}

func BenchmarkInfoNCE(b *testing.B) { subjectOf("InfoNCE").run(b, false) }

func BenchmarkCLIP(b *testing.B) { subjectOf("CLIP").run(b, true) }

func BenchmarkNTXent(b *testing.B) { subjectOf("NTXent").run(b, true) }

// BenchmarkBatchHard has rows instead of pairs, 4 of each label.
func BenchmarkBatchHard(b *testing.B) { subjectOf("BatchHard").run(b, false) }

// BenchmarkTriplet has triplets instead of pairs.
func BenchmarkTriplet(b *testing.B) { subjectOf("Triplet").run(b, false) }

// run measures the loss of n pairs of embeddings, of d numbers each: pass=both is value and
// gradients, pass=forward the value alone; budget=none, of those that are measured with budgets,
// may keep nothing, so that it computes some products twice.
func (s subject) run(b *testing.B, budgets bool) {
	for _, n := range []int{256, 1024, 4096} {
		for _, d := range []int{128, 512, 768} {
			for _, workers := range []int{1, 2} {
				b.Run(size("n", n)+"/"+size("d", d)+"/"+size("workers", workers), func(b *testing.B) {
					measure := func(budget int64, both, levels bool) func(b *testing.B) {
						return func(b *testing.B) {
							eachLevel(b, levels, func(b *testing.B) { s.measure(b, n, d, workers, budget, both) })
						}
					}
					levels := n == 256 && d == 128 && workers == 1
					if budgets {
						b.Run("pass=both/budget=default", measure(0, true, levels))
						b.Run("pass=both/budget=none", measure(-1, true, false))
					} else {
						b.Run("pass=both", measure(0, true, levels))
					}
					if workers == 1 {
						b.Run("pass=forward", measure(0, false, false))
					}
				})
			}
		}
	}
}

// BenchmarkBFloat16 has products in bfloat16. The peak of AVX512_BF16 is twice the peak reported
// here.
func BenchmarkBFloat16(b *testing.B) {
	infoNCE := subjectOf("InfoNCE")
	infoNCE.precision = simd.BFloat16
	for _, n := range []int{1024, 4096} {
		for _, d := range []int{128, 512, 768} {
			b.Run("loss=InfoNCE/"+size("n", n)+"/"+size("d", d)+"/workers=1", func(b *testing.B) {
				eachLevel(b, n == 1024 && d == 512, func(b *testing.B) { infoNCE.measure(b, n, d, 1, 0, true) })
			})
		}
	}
}

// BenchmarkLevels compares the levels where the work is large enough for all that they have.
func BenchmarkLevels(b *testing.B) {
	infoNCE := subjectOf("InfoNCE")
	b.Run("loss=InfoNCE/n=1024/d=512/workers=1", func(b *testing.B) {
		eachLevel(b, true, func(b *testing.B) { infoNCE.measure(b, 1024, 512, 1, 0, true) })
	})
}

// BenchmarkWorkers shows what more workers gain, and that more than there are processors lose
// little.
func BenchmarkWorkers(b *testing.B) {
	infoNCE := subjectOf("InfoNCE")
	for _, n := range []int{256, 1024, 4096} {
		b.Run("loss=InfoNCE/"+size("n", n)+"/d=128", func(b *testing.B) {
			alone := 0.0
			for _, workers := range []int{1, 2, 3, 4, 6, 8, 12, 16} {
				b.Run(size("workers", workers), func(b *testing.B) {
					infoNCE.measure(b, n, 128, workers, 0, true)
					ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
					if workers == 1 {
						alone = ns
					}
					if alone > 0 {
						b.ReportMetric(alone/ns, "speedup")
					}
				})
			}
		})
	}
}

// measure is one benchmark at the level in use.
func (s subject) measure(b *testing.B, n, d, workers int, budget int64, gradient bool) {
	flops := s.Flops(float64(n), float64(d))
	skipSlow(b, flops)
	if !gradient {
		flops /= 3
	}
	loss := s.loss(workers, budget)
	s.check(b, loss, d)
	if !s.Detached {
		descends(b, loss, s.batch(n, d))
	}

	batch := s.batch(n, d)
	var grad *infonce.Batch
	if gradient {
		g := newGrad(batch)
		grad = &g
	}
	if s.Detached {
		if _, err := loss.Evaluate(batch, grad, 1); err != nil { // as descends does: to have its memory
			b.Fatal(err)
		}
	}
	best := peak(workers)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := loss.Evaluate(batch, grad, 1); err != nil {
			b.Fatal(err)
		}
	}
	reportFlops(b, flops, best)
	reportRate(b, n, "pairs")
}

// check compares value and gradients of a few pairs with the truth.
func (s subject) check(b *testing.B, loss infonce.Loss, d int) {
	batch := s.batch(20, d)
	grad := newGrad(batch)
	r, err := loss.Evaluate(batch, &grad, 1)
	if err != nil {
		b.Fatal(err)
	}
	want, wantGrad := s.Oracle(batch)
	near(b, "the loss of 20 pairs", r.Loss, want, 2e-6+s.rounding())
	for _, g := range []struct {
		got  simd.Matrix
		want ref.Mat
	}{{grad.Q, wantGrad.DQ}, {grad.K, wantGrad.DK}, {grad.Negatives, wantGrad.DNeg}} {
		largest := 0.0
		for _, w := range g.want.Data {
			largest = max(largest, w, -w)
		}
		for i, w := range g.want.Data {
			near(b, "a gradient and twice the largest", 2*largest+float64(g.got.Data[i]), 2*largest+w, 1e-5+s.rounding())
		}
	}
}

// descends stops the benchmark unless a small step against the gradient lowers the loss as
// the gradient says: at any size the value and the gradient belong together.
func descends(b *testing.B, loss infonce.Loss, batch infonce.Batch) {
	grad := newGrad(batch)
	before, err := loss.Evaluate(batch, &grad, 1)
	if err != nil {
		b.Fatal(err)
	}
	square := 0.0
	for _, g := range []simd.Matrix{grad.Q, grad.K, grad.Negatives} {
		for _, v := range g.Data {
			square += float64(v) * float64(v)
		}
	}
	lower := before.Loss / 1000
	step := float32(-lower / square)
	simd.Axpy(batch.Q.Data, step, grad.Q.Data)
	simd.Axpy(batch.K.Data, step, grad.K.Data)
	simd.Axpy(batch.Negatives.Data, step, grad.Negatives.Data)
	after, err := loss.Evaluate(batch, nil, 1)
	if err != nil {
		b.Fatal(err)
	}
	near(b, "what a step lowers the loss", before.Loss-after.Loss, lower, 0.05)
}

func pairs(n, d int) infonce.Batch {
	return infonce.Batch{Q: uniformMatrix(1, n, d), K: uniformMatrix(2, n, d)}
}

// labelled returns rows with 4 of each label.
func labelled(n, d int) infonce.Batch {
	b := infonce.Batch{Q: uniformMatrix(1, n, d), Labels: make([]int, n)}
	for i := range b.Labels {
		b.Labels[i] = i / 4
	}
	return b
}

// newGrad returns a place for the gradients of b.
func newGrad(b infonce.Batch) infonce.Batch {
	like := func(m simd.Matrix) simd.Matrix { return simd.NewMatrix(m.Rows, m.Cols) }
	return infonce.Batch{Q: like(b.Q), K: like(b.K), Negatives: like(b.Negatives)}
}
