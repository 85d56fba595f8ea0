//go:build !race

package infonce_test

// The race detector empties the pools of packages simd and par at random.

import (
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestAllocs: once a value has seen its largest batch, Evaluate allocates nothing, whichever
// batches follow. A short test has every third variant.
func TestAllocs(t *testing.T) {
	r := check.NewRand(80)
	check.EachLevel(t, func(t *testing.T) {
		for i, v := range allVariants() {
			if testing.Short() && i%3 != 0 {
				continue
			}
			large, small := v.batch(r, 50, 9, 1, 0.5), v.batch(r, 20, 5, 0, 0.5)
			gl, gs := gradFor(large), gradFor(small)
			for _, workers := range []int{1, 2} {
				l := v.New(workers)
				run := func() {
					evaluate(t, v.Name, l, large, &gl, 1)
					evaluate(t, v.Name, l, large, nil, 1)
					evaluate(t, v.Name, l, small, nil, 1)
					evaluate(t, v.Name, l, small, &gs, 1)
				}
				// Where one processor does all the work, its invitations to the helpers pile
				// up at first, until their queue is full.
				n := 1.0
				for try := 0; try < 10 && n != 0; try++ {
					n = testing.AllocsPerRun(5, run)
				}
				if n != 0 {
					t.Errorf("%s, %d workers: %v allocations in four evaluations, want 0", v.Name, workers, n)
				}
			}
		}
	})
}
