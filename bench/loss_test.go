package bench

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// A subject is a loss to measure.
type subject struct {
	batch func(n, d int) infonce.Batch
	new   func(workers int, budget int64) infonce.Loss
	truth func(b infonce.Batch) (float64, ref.Grad)

	// flops counts the operations of value and gradients when they are computed the plain way.
	flops    func(n, d float64) float64
	budgets  bool    // whether the loss has a MemoryBudget
	rounding float64 // relative error of the products beyond float32
	detached bool    // the gradient is not that of the value
}

// dense is three products of rows × rows × d, for the logits and for both gradients.
func dense(rows, d float64) float64 { return 6 * rows * rows * d }

// linear is a product of d numbers, and both its gradients, in each of n pairs.
func linear(n, d float64) float64 { return 6 * n * d }

var infoNCE = subject{
	batch: pairs,
	new:   func(workers int, _ int64) infonce.Loss { return &infonce.InfoNCE{Workers: workers} },
	truth: func(b infonce.Batch) (float64, ref.Grad) {
		return ref.InfoNCE(mat(b.Q), mat(b.K), float64(float32(0.07)), true)
	},
	flops: dense,
}

var infoNCE16 = subject{
	batch: pairs,
	new: func(workers int, _ int64) infonce.Loss {
		return &infonce.InfoNCE{Precision: simd.BFloat16, Workers: workers}
	},
	truth:    infoNCE.truth,
	flops:    dense,
	rounding: 0.02,
}

var clip = subject{
	batch: pairs,
	new: func(workers int, budget int64) infonce.Loss {
		return &infonce.InfoNCE{Symmetric: true, MemoryBudget: budget, Workers: workers}
	},
	truth: func(b infonce.Batch) (float64, ref.Grad) {
		return ref.CLIP(mat(b.Q), mat(b.K), float64(float32(0.07)), true)
	},
	flops:   dense,
	budgets: true,
}

var ntXent = subject{
	batch: pairs,
	new: func(workers int, budget int64) infonce.Loss {
		return &infonce.NTXent{MemoryBudget: budget, Workers: workers}
	},
	truth:   func(b infonce.Batch) (float64, ref.Grad) { return ref.NTXent(mat(b.Q), mat(b.K), 0.5, true) },
	flops:   func(n, d float64) float64 { return dense(2*n, d) },
	budgets: true,
}

var batchHard = subject{
	batch: labelled,
	new:   func(workers int, _ int64) infonce.Loss { return &infonce.BatchHard{Workers: workers} },
	truth: func(b infonce.Batch) (float64, ref.Grad) {
		return ref.BatchHard(mat(b.Q), b.Labels, ref.TripletOptions{Margin: 1})
	},
	flops: dense,
}

var triplet = subject{
	batch: triplets,
	new:   func(workers int, _ int64) infonce.Loss { return &infonce.Triplet{Workers: workers} },
	truth: func(b infonce.Batch) (float64, ref.Grad) {
		return ref.Triplet(mat(b.Q), mat(b.K), mat(b.Negatives), ref.TripletOptions{Margin: 1})
	},
	flops: func(n, d float64) float64 { return 2 * linear(n, d) },
}

func BenchmarkInfoNCE(b *testing.B) { infoNCE.run(b) }

func BenchmarkCLIP(b *testing.B) { clip.run(b) }

func BenchmarkNTXent(b *testing.B) { ntXent.run(b) }

// BenchmarkBatchHard has rows instead of pairs, 4 of each label.
func BenchmarkBatchHard(b *testing.B) { batchHard.run(b) }

// BenchmarkTriplet has triplets instead of pairs.
func BenchmarkTriplet(b *testing.B) { triplet.run(b) }

// run measures the loss of n pairs of embeddings, of d numbers each: pass=both is value and
// gradients, pass=forward the value alone; budget=none is a loss that may keep nothing, so
// that it computes some products twice.
func (s subject) run(b *testing.B) {
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
					if s.budgets {
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

// BenchmarkBFloat16 has products in bfloat16, of which the peak of AVX512_BF16 is twice the peak here.
func BenchmarkBFloat16(b *testing.B) {
	for _, n := range []int{1024, 4096} {
		for _, d := range []int{128, 512, 768} {
			b.Run("loss=InfoNCE/"+size("n", n)+"/"+size("d", d)+"/workers=1", func(b *testing.B) {
				eachLevel(b, n == 1024 && d == 512, func(b *testing.B) { infoNCE16.measure(b, n, d, 1, 0, true) })
			})
		}
	}
}

// BenchmarkLevels compares the levels where the work is large enough for all that they have.
func BenchmarkLevels(b *testing.B) {
	b.Run("loss=InfoNCE/n=1024/d=512/workers=1", func(b *testing.B) {
		eachLevel(b, true, func(b *testing.B) { infoNCE.measure(b, 1024, 512, 1, 0, true) })
	})
}

// BenchmarkWorkers shows what more workers gain, and that more than there are processors lose little.
func BenchmarkWorkers(b *testing.B) {
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
	flops := s.flops(float64(n), float64(d))
	skipSlow(b, flops)
	if !gradient {
		flops /= 3
	}
	loss := s.new(workers, budget)
	s.check(b, loss, d)
	if !s.detached {
		descends(b, loss, s.batch(n, d))
	}

	batch := s.batch(n, d)
	var grad *infonce.Batch
	if gradient {
		g := newGrad(batch)
		grad = &g
	}
	if s.detached {
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
	want, wantGrad := s.truth(batch)
	near(b, "the loss of 20 pairs", r.Loss, want, 2e-6+s.rounding)
	for _, g := range []struct {
		got  simd.Matrix
		want ref.Mat
	}{{grad.Q, wantGrad.DQ}, {grad.K, wantGrad.DK}, {grad.Negatives, wantGrad.DNeg}} {
		largest := 0.0
		for _, w := range g.want.Data {
			largest = max(largest, w, -w)
		}
		for i, w := range g.want.Data {
			near(b, "a gradient and twice the largest", 2*largest+float64(g.got.Data[i]), 2*largest+w, 1e-5+s.rounding)
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

func triplets(n, d int) infonce.Batch {
	b := pairs(n, d)
	b.Negatives = uniformMatrix(3, n, d)
	return b
}

// labelled returns rows of which 4 have the same label.
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

func mat(m simd.Matrix) ref.Mat { return ref.FromFloat32(m.Rows, m.Cols, m.Stride, m.Data) }
