package infonce_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// certified are the losses with a bound, at one temperature.
func certified(temperature float32, dot bool) []variant {
	vs := append(softmaxVariants(temperature, dot), optionVariants(temperature, dot)...)
	vs = append(vs, viewVariants(temperature, dot)...)
	if dot {
		vs = append(vs, spreadVariants()[:2]...) // NPair
	}
	return vs
}

// shapings make rows for which roundings add up instead of cancelling.
var shapings = []struct {
	name  string
	shape func(r *check.Rand, b Batch)
}{
	{"as they come", func(*check.Rand, Batch) {}},
	{"one sign", func(r *check.Rand, b Batch) {
		each(b, func(_, _ int, row []float32) {
			for j := range row {
				row[j] = float32(math.Abs(float64(row[j])))
			}
		})
	}},
	{"constant", func(r *check.Rand, b Batch) {
		// Sums of equal numbers round the same way for long.
		each(b, func(p, i int, row []float32) {
			x := 0.5 + r.Float32()
			for j := range row {
				row[j] = x
				if p > 0 && i%2 == 1 && j%2 == 1 {
					row[j] = -x
				}
			}
		})
	}},
	{"opposite", func(r *check.Rand, b Batch) {
		each(b, func(p, i int, row []float32) {
			if p > 0 {
				simd.Scale(row, -1, b.Q.Row(i%b.Q.Rows))
			}
		})
	}},
	{"one large element", func(r *check.Rand, b Batch) {
		each(b, func(_, _ int, row []float32) { row[r.IntN(len(row))] *= 1000 })
	}},
	{"duplicates", func(r *check.Rand, b Batch) {
		each(b, func(_, i int, row []float32) { copy(row, b.Q.Row(i%2%b.Q.Rows)) })
	}},
	{"falling", func(r *check.Rand, b Batch) {
		each(b, func(_, _ int, row []float32) {
			for j := range row {
				row[j] /= float32(1 + j*j)
			}
		})
	}},
}

// TestBoundHolds: no loss is off by more than Result.Bound, for random and for contrived batches,
// at temperatures from 0.001 to 10,000, in both precisions; and the bound is not so wide that this
// says nothing.
func TestBoundHolds(t *testing.T) {
	count := 6000
	if testing.Short() {
		count = 1500
	}
	r := check.NewRand(170)
	ratios := make(map[string][]float64)
	for i := range count {
		dot := r.IntN(3) == 0
		temperature := float32(math.Pow(10, -3+7*float64(r.Float32())))
		vs := certified(temperature, dot)
		v := vs[r.IntN(len(vs))]
		n, d := 1+r.IntN(12), 1+r.IntN(1000)
		if r.IntN(3) > 0 {
			d = 1 + r.IntN(40)
		}
		if r.IntN(20) == 0 {
			n = 40 + r.IntN(60)
		}
		b := v.batch(r, n, d, 0, []float32{0, 0.001, 0.1, 1}[r.IntN(4)])
		s := shapings[r.IntN(len(shapings))]
		s.shape(r, b)
		size := math.Pow(10, 3*float64(r.Float32())-2)
		if !dot {
			size = math.Pow(10, 60*float64(r.Float32())-30)
		} else {
			size *= math.Sqrt(float64(temperature) / float64(d))
		}
		scaled(constant(size))(b)
		precision := simd.Float32
		if r.IntN(4) == 0 {
			precision = simd.BFloat16
		}
		name := fmt.Sprintf("trial %d: %s n=%d d=%d %s, size %.2g, %v", i, v.Name, n, d, s.name, size, precision)
		res, err := withPrecision(v.New(1), precision).Evaluate(b, nil, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !(res.Bound >= 0) {
			t.Errorf("%s: bound %v", name, res.Bound)
			continue
		}
		want := v.ask(b).loss
		if diff := math.Abs(res.Loss - want); !(diff <= res.Bound) {
			t.Errorf("%s: loss %v, want %v: off by %.3g, bound %.3g", name, res.Loss, want, diff, res.Bound)
		} else if res.Bound > 0 && want != 0 && !math.IsInf(res.Bound, 1) {
			kind, _, _ := strings.Cut(v.Name, "/")
			kind += " " + precision.String()
			ratios[kind] = append(ratios[kind], diff/res.Bound)
		}
	}
	var worst []float64
	for _, kind := range sortedKeys(ratios) {
		x := ratios[kind]
		slices.Sort(x)
		t.Logf("%-20s %5d losses: error/bound is %.2g in the median, %.2g in the 99th percentile, %.2g at worst", kind, len(x), x[len(x)/2], x[len(x)*99/100], x[len(x)-1])
		worst = append(worst, x[len(x)-1])
	}
	if slices.Max(worst) < 0.1 || slices.Min(worst) < 0.001 {
		t.Errorf("the worst errors over their bounds are %.2g: bounds are too wide", worst)
	}
}

func sortedKeys(m map[string][]float64) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestBoundElsewhere: there is no bound where rounding decides what takes part or where sums may
// overflow, and none is needed where nothing is scored.
func TestBoundElsewhere(t *testing.T) {
	x := rowsOf([]float32{1, 2}, []float32{2, -1}, []float32{3, 1})
	long, short := rowsOf([]float32{1e25, 0}, []float32{0, 1e25}, []float32{1e24, 1e24}), rowsOf([]float32{1e-24, 0}, []float32{0, 1e-24}, []float32{1e-25, 1e-25})
	pair := Batch{Q: x, K: x, Labels: []int{0, 1, 1}}
	for _, c := range []struct {
		name string
		l    Loss
		b    Batch
		want float64
	}{
		{"false negatives", &InfoNCE{FalseNegatives: FalseNegatives{Similar: 0.5}}, pair, 0},
		{"active rows", &SigLIP{Reduction: MeanActive}, pair, 0},
		{"a loss of one's own", &Custom{Score: crossEntropyRow}, pair, 0},
		{"norms beyond float32", &InfoNCE{DotProduct: true, Temperature: 1}, Batch{Q: long, K: short}, math.Inf(1)},
		{"norms beyond float32", &SigLIP{DotProduct: true, Temperature: 1}, Batch{Q: long, K: short}, math.Inf(1)},
		{"no rows", &InfoNCE{}, Batch{}, 0},
		{"no positives", &SupCon{}, Batch{Q: x, Labels: []int{0, 1, 2}}, 0},
		{"weights of 0", &InfoNCE{}, Batch{Q: x, K: x, Weights: make([]float32, 3)}, 0},
		{"weights of 0", &HCL{Concentration: 1, Reduction: Sum}, Batch{Q: x, K: x, Weights: make([]float32, 3)}, 0},
	} {
		if r := evaluate(t, c.name, c.l, c.b, nil, 1); r.Bound != c.want {
			t.Errorf("%T with %s: bound %v, want %v", c.l, c.name, r.Bound, c.want)
		}
	}
}
