package infonce_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// TestStripBits: a batch of several strips has the bits of one strip, at every level, whether or
// not exponentials may be kept.
func TestStripBits(t *testing.T) {
	const d = 16
	n, counts := 700, []int{1, 2, 7}
	if testing.Short() {
		n, counts = 300, []int{1, 7}
	}
	r := check.NewRand(30)
	vs := append(softmaxVariants(0.07, false), softmaxVariants(0.02, false)[2])
	options := append(optionVariants(0.07, false), optionVariants(0.02, false)...)
	for _, v := range options {
		if !testing.Short() || strings.HasPrefix(v.Name, "SupCon/out") || strings.HasPrefix(v.Name, "DCL/sigma") || strings.HasPrefix(v.Name, "InfoNCE/symmetric,inBatch") {
			vs = append(vs, v)
		}
	}
	metric := metricVariants(20, 0.3)
	if testing.Short() {
		metric = metric[:1]
	}
	vs = append(vs, metric...)
	for _, v := range []variant{vs[0], vs[2], vs[5], metric[0]} {
		exact := v.New
		v.Name += "/BFloat16"
		v.New = func(workers int) Loss { return withPrecision(exact(workers), simd.BFloat16) }
		vs = append(vs, v)
	}
	beside := len(cpu.Levels()) > 1 && os.Getenv("CONTRAST_LEVEL") == ""
	batches, want := make([]Batch, len(vs)), make([]outcome, len(vs))
	for i, v := range vs {
		rows := n
		if v.Queries == 2 {
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
				got := outcomeOf(t, v.Name, v.New(workers), batches[i])
				if want[i].g.Q.Data == nil {
					want[i] = got
				}
				got.same(t, fmt.Sprintf("%s workers=%d", v.Name, workers), want[i])
				got = outcomeOf(t, v.Name, withBudget(v.New(workers), -1), batches[i])
				got.same(t, fmt.Sprintf("%s workers=%d without a budget", v.Name, workers), want[i])
			}
		}
	})
}

// TestLeanBits: a batch that is not copied has the bits of one that is, also
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
					if StreamsKeys(l, b) != (budget < 0) {
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
