package bench

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/catalog"
)

// BenchmarkFamily measures value and gradients of n pairs, or rows, of 128 numbers, of the losses
// that have no benchmark of their own.
func BenchmarkFamily(b *testing.B) {
	alone := []string{"InfoNCE", "CLIP", "NTXent", "BatchHard", "Triplet"}
	for _, l := range catalog.Losses() {
		for _, c := range l.Bench {
			if slices.Contains(alone, c.Name) {
				continue
			}
			b.Run("loss="+c.Name, func(b *testing.B) {
				for _, n := range []int{256, 1024, 4096} {
					b.Run(size("n", n)+"/d=128", func(b *testing.B) { subject{Case: c}.measure(b, n, 128, 1, 0, true) })
				}
			})
		}
	}
}

// BenchmarkBatchAll scores all triplets of a large batch, with 4 rows of each label or with 8
// labels.
func BenchmarkBatchAll(b *testing.B) {
	const n = 8192
	for _, labels := range []int{n / 4, 8} {
		s := subjectOf("BatchAll")
		s.labels = labels
		for _, workers := range []int{1, 2} {
			b.Run(size("n", n)+"/d=128/"+size("labels", labels)+"/"+size("workers", workers), func(b *testing.B) {
				s.measure(b, n, 128, workers, 0, true)
				reportRate(b, n*(n/labels-1)*(n-n/labels), "triplets")
			})
		}
	}
}
