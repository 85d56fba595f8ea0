package infonce

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// TestStripBits: a batch of several strips has the bits of one strip, at every level, whether or not
// exponentials may be kept.
func TestStripBits(t *testing.T) {
	const d = 16
	n, counts := 700, []int{1, 2, 7}
	if testing.Short() {
		n, counts = 300, []int{1, 7}
	}
	// The number of workers decides how many rows a strip has.
	for _, c := range []struct {
		workers int
		half    bool
		strips  int
	}{{1, false, 4}, {2, false, 2}, {7, false, 1}, {1, true, 8}, {7, true, 2}} {
		if got := pieces(700, cutUp(700, 700, c.workers, c.half, true).height); got != c.strips {
			t.Errorf("%d strips for %d workers, want %d", got, c.workers, c.strips)
		}
	}
	r := check.NewRand(30)
	vs := append(softmaxVariants(0.07, false), softmaxVariants(0.02, false)[2])
	options := append(optionVariants(0.07, false), optionVariants(0.02, false)...)
	for _, v := range options {
		if !testing.Short() || strings.HasPrefix(v.name, "SupCon/out") || strings.HasPrefix(v.name, "DCL/sigma") || strings.HasPrefix(v.name, "InfoNCE/symmetric,inBatch") {
			vs = append(vs, v)
		}
	}
	metric := metricVariants(20, 0.3)
	if testing.Short() {
		metric = metric[:1]
	}
	vs = append(vs, metric...)
	for _, v := range []variant{vs[0], vs[2], vs[5], metric[0]} {
		exact := v.new
		v.name += "/BFloat16"
		v.new = func(workers int) Loss { return withPrecision(exact(workers), simd.BFloat16) }
		vs = append(vs, v)
	}
	beside := len(cpu.Levels()) > 1 && os.Getenv("CONTRAST_LEVEL") == ""
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
				if beside && cpu.Active() == cpu.Generic && workers != counts[i%len(counts)] {
					continue // it is slow, and the other levels see all
				}
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

// TestCut: pieces and strips have something for each worker, end where tiles and pairs do, fit
// into what holds them, and strips of symmetric logits begin where packed matrices may be cut.
func TestCut(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 16} {
		for _, n := range []int{0, 1, 100, 256, 280, 512, 1024, 4096, 1 << 14, 1 << 20} {
			for _, half := range []bool{false, true} {
				c := cutUp(n, n, workers, half, true)
				name := fmt.Sprintf("cutUp(%d, %d, %d, %v) = %+v", n, n, workers, half, c)
				if c.height <= 0 || c.height%4 != 0 || c.rows <= 0 || c.rows%4 != 0 || c.cols <= 0 || c.cols%4 != 0 {
					t.Errorf("%s: not multiples of 4", name)
				}
				if c.rows > stripRows+4 || c.cols > pieceCols {
					t.Errorf("%s: larger pieces than there is room for", name)
				}
				if half && c.height%simd.PackAlign != 0 {
					t.Errorf("%s: strips end where packed matrices can not be cut", name)
				}
				if least := min(n, simd.PackAlign*workers); n < 1<<14 && (pieces(c.height, c.rows) < min(workers, n/4) || c.height < least) {
					t.Errorf("%s: nothing to do for some workers", name)
				}
				if bytes := 4 * c.height * logitStride(n); bytes > max(stripBytes, 4*simd.PackAlign*workers*logitStride(n)) {
					t.Errorf("%s: strips take %d bytes", name, bytes)
				}
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
