package infonce

import (
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestStripBits: a batch of several strips has the bits of one strip, at every level, whether or not
// exponentials may be kept.
func TestStripBits(t *testing.T) {
	const d = 16
	n, counts := 700, []int{1, 2, 7}
	if testing.Short() {
		n, counts = 400, []int{1, 7}
	}
	// The number of workers decides how many rows a strip has.
	for _, c := range []struct {
		workers int
		half    bool
		rows    int
		strips  int
	}{{1, false, 700, 4}, {2, false, 700, 2}, {7, false, 700, 1}, {1, true, 700, 8}, {7, true, 700, 2}} {
		if got := pieces(c.rows, stripRows(c.rows, c.workers, c.half)); got != c.strips {
			t.Errorf("%d strips of %d rows for %d workers, want %d", got, c.rows, c.workers, c.strips)
		}
	}
	r := check.NewRand(30)
	vs := append(softmaxVariants(0.07, false), softmaxVariants(0.02, false)[2])
	for _, v := range []variant{vs[0], vs[2], vs[5]} {
		exact := v.new
		v.name += "/BFloat16"
		v.new = func(workers int) Loss { return withPrecision(exact(workers), simd.BFloat16) }
		vs = append(vs, v)
	}
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
				got = outcomeOf(t, v.name, withBudget(v.new(workers), -1), batches[i])
				got.same(t, fmt.Sprintf("%s workers=%d without a budget", v.name, workers), want[i])
			}
		}
	})
}

// TestStripRows: a strip is whole pieces, at least one for each worker, and can be cut where
// packed matrices can.
func TestStripRows(t *testing.T) {
	for _, workers := range []int{1, 2, 16} {
		for _, m := range []int{0, 1, 512, 900, 1 << 14, 1 << 20} {
			if rows := stripRows(m, workers, false); rows < pieceRows*workers {
				t.Errorf("stripRows(%d, %d, false) = %d: less than a piece for each worker", m, workers, rows)
			}
			if rows := stripRows(m, workers, true); rows%simd.PackAlign != 0 || rows < pieceRows*workers {
				t.Errorf("stripRows(%d, %d, true) = %d: less than a piece for each worker, or not whole", m, workers, rows)
			}
		}
	}
	if got := logitStride(2048); got%1024 == 0 || got < 2048 {
		t.Errorf("logitStride(2048) = %d", got)
	}
}

// TestLeanBits: a batch of which no copies are made has the bits of one that is copied, also
// where keys come in chunks, gradients are not zero before, and only some are asked for.
func TestLeanBits(t *testing.T) {
	r := check.NewRand(31)
	const n, m, d = 130, 250, 20
	b := Batch{Q: gaps(n, d, 1, r.Normals32(n*d)), K: gaps(m, d, 0, r.Normals32(m*d))}
	clear(b.K.Row(7))
	clear(b.Q.Row(9))
	for _, dot := range []bool{false, true} {
		temperature := float32(0.07)
		if dot {
			temperature = 50
		}
		var want []outcome
		check.EachLevel(t, func(t *testing.T) {
			for _, workers := range []int{1, 3} {
				for _, budget := range []int64{0, -1} {
					l := &InfoNCE{Temperature: temperature, DotProduct: dot, Workers: workers, MemoryBudget: budget}
					l.lean.chunk = simd.PackAlign
					if worthLean(b, memoryBudget(budget)) != (budget < 0) {
						t.Fatalf("budget %d does not decide whether copies are made", budget)
					}
					name := fmt.Sprintf("dot %v, %d workers, budget %d", dot, workers, budget)
					got := []outcome{outcomeOf(t, name, l, b), {evaluate(t, name, l, b, nil, 1), Batch{}}}
					for _, scale := range []float32{1, -0.3} {
						g := gradFor(b)
						q := Batch{Q: g.Q}
						got = append(got, outcome{evaluate(t, name, l, b, &q, scale), q})
						g.Q.Data[5] = 1
						got = append(got, outcome{evaluate(t, name, l, b, &g, scale), g})
						k := Batch{K: g.K}
						got = append(got, outcome{evaluate(t, name, l, b, &k, scale), k})
					}
					if want == nil {
						want = got
					}
					for i := range got {
						got[i].same(t, fmt.Sprint(name, ", evaluation ", i), want[i])
					}
				}
			}
		})
	}
}
