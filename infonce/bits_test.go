package infonce_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// An outcome is all that an evaluation returns.
type outcome struct {
	r Result
	g Batch
}

// same reports an error where a bit differs.
func (o outcome) same(t testing.TB, name string, want outcome) {
	t.Helper()
	x, y := o.r, want.r
	if math.Float64bits(x.Loss) != math.Float64bits(y.Loss) || math.Float64bits(x.DTemperature) != math.Float64bits(y.DTemperature) || math.Float64bits(x.DBias) != math.Float64bits(y.DBias) {
		t.Errorf("%s: loss %x and ∂L/∂τ %x, want %x and %x", name, x.Loss, x.DTemperature, y.Loss, y.DTemperature)
	}
	if x.Valid != y.Valid || x.Active != y.Active || x.ZeroNorm != y.ZeroNorm || x.Clamped != y.Clamped || x.Degenerate != y.Degenerate {
		t.Errorf("%s: %+v, want %+v", name, x, y)
	}
	if !slices.EqualFunc(x.Losses, y.Losses, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
		t.Errorf("%s: losses of the terms differ", name)
	}
	for p := range 3 {
		check.SameBits(t, fmt.Sprintf("%s: gradient of part %d", name, p), part(o.g, p).Data, part(want.g, p).Data)
	}
}

func outcomeOf(t testing.TB, name string, l Loss, b Batch) outcome {
	t.Helper()
	g := gradFor(b)
	r := evaluate(t, name, l, b, &g, 1)
	return outcome{r, g}
}

// TestBits: value and gradient have the same bits at every level and for any number of workers,
// in a value that is new and in one that has seen other sizes.
func TestBits(t *testing.T) {
	shapes := []struct{ n, d int }{{3, 3}, {49, 17}, {60, 130}, {7, 300}}
	counts, order := []int{1, 2, 3, 7, 16}, []int{0, 1, 2, 3, 0}
	if testing.Short() {
		shapes, counts, order = shapes[:2], []int{1, 3, 16}, []int{0, 1, 0}
	}
	r := check.NewRand(20)
	vs := allVariants()
	batches := make([][]Batch, len(vs))
	want := make([][]outcome, len(vs))
	for i, v := range vs {
		for _, s := range shapes {
			batches[i] = append(batches[i], v.batch(r, s.n, s.d, 1, 0.5))
		}
		want[i] = make([]outcome, len(shapes))
	}
	check.EachLevel(t, func(t *testing.T) {
		for i, v := range vs {
			for j, b := range batches[i] {
				name := fmt.Sprintf("%s n=%d d=%d", v.Name, shapes[j].n, shapes[j].d)
				got := outcomeOf(t, name, v.New(1), b)
				if want[i][j].g.Q.Data == nil {
					want[i][j] = got
				}
				got.same(t, name, want[i][j])
			}
			for _, workers := range counts {
				l := v.New(workers)
				for _, j := range order {
					name := fmt.Sprintf("%s n=%d d=%d workers=%d, value used before", v.Name, shapes[j].n, shapes[j].d, workers)
					outcomeOf(t, name, l, batches[i][j]).same(t, name, want[i][j])
				}
			}
		}
	})
}

// TestGOMAXPROCS: the number of processors does not matter, nor does changing it.
func TestGOMAXPROCS(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r := check.NewRand(21)
	for _, v := range allVariants() {
		b := v.batch(r, 100, 20, 0, 0.5)
		want := outcomeOf(t, v.Name, v.New(1), b)
		l := v.New(0)
		for _, procs := range []int{1, 3, 2, 8} {
			runtime.GOMAXPROCS(procs)
			name := fmt.Sprintf("%s GOMAXPROCS=%d", v.Name, procs)
			outcomeOf(t, name, l, b).same(t, name, want)
		}
	}
}
