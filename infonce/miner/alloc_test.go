//go:build !race

package miner_test

// The race detector empties the pools of packages simd and par at random.

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/miner"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestMinerAllocs: once a miner has seen its largest batch and the list is long enough, mining
// allocates nothing.
func TestMinerAllocs(t *testing.T) {
	r := check.NewRand(135)
	large, largeLabels := integers(r, 50, 7)
	small, smallLabels := integers(r, 9, 3)
	check.EachLevel(t, func(t *testing.T) {
		for kind := miner.AllTriplets; kind <= miner.HardestTriplets; kind++ {
			for _, limit := range []int{0, 20, 500} {
				m := miner.Triplets{Kind: kind, Cap: limit, Workers: 2}
				weighted := miner.DistanceWeighted{Reach: 2, Workers: 2}
				pairs := miner.MultiSimilarity{Cap: limit, Workers: 2}
				var list []infonce.Triple
				var pairList []miner.Pair
				run := func() {
					for _, x := range []simd.Matrix{large, small} {
						labels := largeLabels
						if x.Rows < 50 {
							labels = smallLabels
						}
						list = mineTriplets(t, &m, list[:0], x, labels)
						list = drawTriplets(t, &weighted, list[:0], x, labels)
						var err error
						if pairList, err = pairs.Mine(pairList[:0], x, labels); err != nil {
							t.Fatal(err)
						}
					}
				}
				n := 1.0
				for try := 0; try < 10 && n != 0; try++ {
					n = testing.AllocsPerRun(5, run)
				}
				if n != 0 {
					t.Errorf("%v, cap %d: %v allocations, want 0", kind, limit, n)
				}
			}
		}
	})
}
