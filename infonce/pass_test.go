package infonce

import (
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestStripBits: a batch of several strips has the bits of one strip, at every level.
func TestStripBits(t *testing.T) {
	const n, d = 700, 16
	r := check.NewRand(30)
	vs := append(softmaxVariants(0.07, false), softmaxVariants(0.02, false)[2])
	batches, want := make([]Batch, len(vs)), make([]outcome, len(vs))
	for i, v := range vs {
		rows := n
		if v.queries == 2 {
			rows = n / 2
		}
		batches[i] = v.batch(r, rows, d, 0, 0.5)
	}
	// The number of workers decides how many rows a strip has: here four strips, two and one.
	for workers, strips := range map[int]int{1: 4, 2: 2, 7: 1} {
		if got := pieces(n, stripRows(900, workers)); got != strips {
			t.Errorf("%d strips for %d workers, want %d", got, workers, strips)
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		for i, v := range vs {
			for _, workers := range []int{1, 2, 7} {
				got := outcomeOf(t, v.name, v.new(workers), batches[i])
				if want[i].g.Q.Data == nil {
					want[i] = got
				}
				got.same(t, fmt.Sprintf("%s workers=%d", v.name, workers), want[i])
			}
		}
	})
}

// TestStripRows: a strip is whole pieces, has about 1 MiB for each worker, and never nothing.
func TestStripRows(t *testing.T) {
	for _, workers := range []int{1, 2, 16} {
		for _, m := range []int{0, 1, 900, 5461, 5462, 1 << 14, 1 << 20} {
			rows := stripRows(m, workers)
			if rows%(pieceRows*workers) != 0 || rows <= 0 || rows > 4*pieceRows*workers {
				t.Errorf("stripRows(%d, %d) = %d: not 1 to 4 pieces for each worker", m, workers, rows)
			}
			if more := rows/workers - pieceRows; more > 0 && more*m*4 > 1<<20 {
				t.Errorf("stripRows(%d, %d) = %d: more than 1 MiB for each worker, and a piece fewer would do", m, workers, rows)
			}
		}
	}
	if got := logitStride(2048); got%1024 == 0 || got < 2048 {
		t.Errorf("logitStride(2048) = %d", got)
	}
}
