package bench

import (
	"testing"

	"github.com/contrast-go/contrast/infonce/miner"
)

// BenchmarkDistanceWeightedMiner draws a negative for each two of 4 rows of a label.
func BenchmarkDistanceWeightedMiner(b *testing.B) {
	for _, n := range []int{256, 1024, 4096} {
		b.Run(size("n", n)+"/d=128", func(b *testing.B) {
			batch := labelled(n, 128)
			m := miner.DistanceWeighted{Workers: 1}
			list, err := m.Mine(nil, batch.Q, batch.Labels)
			if err != nil || len(list) < 2*n {
				b.Fatalf("%d triplets, %v", len(list), err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if list, err = m.Mine(list[:0], batch.Q, batch.Labels); err != nil {
					b.Fatal(err)
				}
			}
			reportRate(b, n, "rows")
		})
	}
}

// BenchmarkMiner lists at most 100,000 triplets of rows with 4 of each label.
func BenchmarkMiner(b *testing.B) {
	for kind := miner.AllTriplets; kind <= miner.HardestTriplets; kind++ {
		b.Run("kind="+kind.String(), func(b *testing.B) {
			for _, n := range []int{256, 1024, 4096} {
				b.Run(size("n", n)+"/d=128", func(b *testing.B) {
					batch := labelled(n, 128)
					m := miner.Triplets{Kind: kind, Cap: 100000, Workers: 1}
					list, err := m.Mine(nil, batch.Q, batch.Labels)
					if err != nil || len(list) == 0 {
						b.Fatalf("%d triplets, %v", len(list), err)
					}
					b.ReportAllocs()
					for b.Loop() {
						if list, err = m.Mine(list[:0], batch.Q, batch.Labels); err != nil {
							b.Fatal(err)
						}
					}
					reportRate(b, n, "rows")
				})
			}
		})
	}
}
