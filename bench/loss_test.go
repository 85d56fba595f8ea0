package bench

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// runLoss measures the value and the gradients of n pairs of embeddings, of d numbers each. The
// rate counts the operations of the plain way to do it: three products of rows × rows × d,
// for the logits and for both gradients.
func runLoss(b *testing.B, rowsPerPair int, newLoss func(workers int) infonce.Loss, truth func(q, k ref.Mat, labels []int) float64) {
	const d = 128
	for _, n := range []int{256, 1024, 4096} {
		for _, workers := range workerCounts() {
			b.Run(size("n", n)+"/"+size("d", d)+"/"+size("workers", workers), func(b *testing.B) {
				eachLevel(b, n == 256 && workers == 1, func(b *testing.B) {
					rows := float64(rowsPerPair * n)
					flops := 6 * rows * rows * d
					skipSlow(b, flops)
					loss := newLoss(workers)
					evaluate := func(n int) float64 {
						batch, grad := newBatch(n, d)
						r, err := loss.Evaluate(batch, &grad, 1)
						if err != nil {
							b.Fatal(err)
						}
						return r.Loss
					}
					small, _ := newBatch(20, d)
					q, k := ref.FromFloat32(20, d, d, small.Q.Data), ref.FromFloat32(20, d, d, small.K.Data)
					near(b, "the loss of 20 pairs", evaluate(20), truth(q, k, small.Labels), 2e-6)
					evaluate(n)

					batch, grad := newBatch(n, d)
					best := peak(workers)
					for b.Loop() {
						if _, err := loss.Evaluate(batch, &grad, 1); err != nil {
							b.Fatal(err)
						}
					}
					reportFlops(b, flops, best)
					b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
				})
			})
		}
	}
}

// newBatch returns n pairs and a place for their gradients. There are 4 rows a label.
func newBatch(n, d int) (b, grad infonce.Batch) {
	b = infonce.Batch{Q: uniformMatrix(1, n, d), K: uniformMatrix(2, n, d), Labels: make([]int, n)}
	for i := range b.Labels {
		b.Labels[i] = i / 4
	}
	return b, infonce.Batch{Q: simd.NewMatrix(n, d), K: simd.NewMatrix(n, d)}
}

func BenchmarkInfoNCE(b *testing.B) {
	runLoss(b, 1, func(workers int) infonce.Loss { return &infonce.InfoNCE{Workers: workers} },
		func(q, k ref.Mat, _ []int) float64 { l, _ := ref.InfoNCE(q, k, float64(float32(0.07)), true); return l })
}

func BenchmarkCLIP(b *testing.B) {
	runLoss(b, 1, func(workers int) infonce.Loss { return &infonce.InfoNCE{Symmetric: true, Workers: workers} },
		func(q, k ref.Mat, _ []int) float64 { l, _ := ref.CLIP(q, k, float64(float32(0.07)), true); return l })
}

func BenchmarkNTXent(b *testing.B) {
	runLoss(b, 2, func(workers int) infonce.Loss { return &infonce.NTXent{Workers: workers} },
		func(q, k ref.Mat, _ []int) float64 { l, _ := ref.NTXent(q, k, 0.5, true); return l })
}

// BenchmarkBatchHard has rows instead of pairs.
func BenchmarkBatchHard(b *testing.B) {
	runLoss(b, 1, func(workers int) infonce.Loss { return &infonce.BatchHard{Workers: workers} },
		func(q, _ ref.Mat, labels []int) float64 {
			l, _ := ref.BatchHard(q, labels, ref.TripletOptions{Margin: 1})
			return l
		})
}
