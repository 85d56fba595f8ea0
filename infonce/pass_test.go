package infonce

import (
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestStripBits: a batch of several strips has the bits of one strip, at every level.
func TestStripBits(t *testing.T) {
	const d = 16
	n, counts := 700, []int{1, 2, 7}
	if testing.Short() {
		n, counts = 400, []int{1, 7}
	}
	// The number of workers decides how many rows a strip has.
	for _, c := range []struct{ workers, rows, strips int }{{1, 700, 4}, {2, 700, 2}, {7, 700, 1}, {1, 400, 3}, {7, 400, 1}} {
		if got := pieces(c.rows, stripRows(3*c.rows/2, c.workers)); got != c.strips {
			t.Errorf("%d strips of %d rows for %d workers, want %d", got, c.rows, c.workers, c.strips)
		}
	}
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
	check.EachLevel(t, func(t *testing.T) {
		for i, v := range vs {
			for _, workers := range counts {
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
