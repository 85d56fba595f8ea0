package infonce_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

var (
	rowCounts = []int{1, 2, 3, 7, 48, 49, 97, 200}
	widths    = []int{1, 3, 7, 8, 15, 16, 17, 31, 127, 128, 1000}
)

// A trial is an evaluation with a known result.
type trial struct {
	variant
	name  string
	b     Batch
	want  truth
	tol   catalog.Tolerance
	base  Batch // where the gradient begins; a field without memory is not asked for
	scale float32
}

// run evaluates the trial with l and judges the result.
func (c trial) run(t *testing.T, l Loss) (Result, Batch) {
	t.Helper()
	g := copyBatch(c.base)
	r := evaluate(t, c.name, l, c.b, &g, c.scale)
	c.judge(t, c.name, c.b, r, g, c.base, c.scale, c.want, c.tol)
	return r, g
}

func copyBatch(b Batch) Batch {
	b.Q.Data, b.K.Data, b.Negatives.Data = slices.Clone(b.Q.Data), slices.Clone(b.K.Data), slices.Clone(b.Negatives.Data)
	return b
}

// TestTruth holds the losses to the published bounds, on independent rows of every shape.
func TestTruth(t *testing.T) {
	r := check.NewRand(1)
	var trials []trial
	add := func(v variant, n, d int) {
		b := v.batch(r, n, d, r.IntN(4), 0)
		if v.Beta > 0 && !v.Cosine {
			// Norms near 1, so that a temperature means the same as for cosines.
			for p := range 3 {
				m := part(b, p)
				for i := range m.Data {
					m.Data[i] /= float32(math.Sqrt(float64(d)))
				}
			}
		}
		c := trial{variant: v, name: fmt.Sprintf("%s n=%d d=%d", v.Name, n, d), b: b, want: v.ask(b), base: gradFor(b), scale: 1}
		c.tol = v.published(b, c.want)
		if d == 1 && (v.Cosine || v.Beta == 0) {
			// The gradient is 0, or is where both distances of a triplet pull one way or another:
			// no relative bound.
			c.tol.Row = v.derived(b, c.want).Row
		}
		trials = append(trials, c)
	}
	// A short test has each width with some counts of rows, and each count with some widths.
	skip := func(i, j int) bool {
		return testing.Short() && (rowCounts[i]*widths[j] > max(49*31, 2*widths[j]) || (i+2*j)%3 != 0)
	}
	temperatures := []float32{0.05, 0.07, 0.5, 1, 100}
	for i, n := range rowCounts {
		for j, d := range widths {
			if n*d > 200*128 || skip(i, j) {
				continue
			}
			k := i + j
			for m, v := range softmaxVariants(temperatures[k%5], k%2 == 1) {
				if n < 200 || (j+m)%6 == 0 { // the truth is slow
					add(v, n, d)
				}
			}
			for _, v := range tripletVariants([]float32{0, 0.3, 1.5}[k%3], k%2 == 1 && d > 1) {
				add(v, n, d)
			}
		}
	}
	// At 0.01 an error of one ulp in a similarity is 100 in the logit, so the bound
	// holds only next to a value that is not small.
	for _, dot := range []bool{false, true} {
		for _, v := range softmaxVariants(0.01, dot) {
			add(v, 48, 31)
			if trials[len(trials)-1].want.loss < 1 {
				t.Fatalf("%s: loss %v is too small for this test", v.Name, trials[len(trials)-1].want.loss)
			}
		}
	}
	r = check.NewRand(101)
	for i, n := range rowCounts {
		for j, d := range widths {
			if n*d > 49*128 || skip(i, j) {
				continue
			}
			k := i + j
			for _, v := range pairVariants([]float32{0, 0.3, 1.5}[k%3], k%2 == 1 && d > 1) {
				add(v, n, d)
				if c := &trials[len(trials)-1]; d == 1 || v.Triplets || strings.HasSuffix(v.Name, "/normalize") {
					// What triples do to a row may cancel, and so may distances of rounded rows and
					// of unit rows of one number.
					c.tol = v.derived(c.b, c.want)
				}
			}
		}
	}
	r = check.NewRand(102)
	for i, n := range rowCounts {
		for j, d := range widths {
			if k := i + j; n*d <= 97*128 && !skip(i, j) {
				for _, v := range append(viewVariants(temperatures[k%5], k%2 == 1), spreadVariants()...) {
					add(v, n, d)
				}
			}
		}
	}
	r = check.NewRand(113)
	for i, n := range rowCounts {
		for j, d := range widths {
			if k := i + j; n*d <= 97*128 && !skip(i, j) {
				for _, v := range metricVariants([]float32{10, 1, 5}[k%3], []float32{0.25, 0.5, 0.4}[k%3]) {
					add(v, n, d)
				}
			}
		}
	}
	r = check.NewRand(102)
	for i, n := range rowCounts {
		for j, d := range widths {
			if n*d > 97*128 || n > 49 && testing.Short() || skip(i, j) {
				continue
			}
			k := i + j
			for _, v := range distanceVariants([]float32{0, 0.3, 1.5}[k%3], k%2 == 1 && d > 1) {
				add(v, n, d)
				if c := &trials[len(trials)-1]; d == 1 {
					c.tol = v.derived(c.b, c.want) // what triplets do to a row may cancel
				}
			}
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range trials {
			c.run(t, c.New(1))
		}
	})
}

// TestSweep holds the losses to the derived bound with everything random: shapes, strides,
// temperature, how close positives are, scale, where gradients begin and which are asked for.
func TestSweep(t *testing.T) {
	count := 400
	if testing.Short() {
		count = 100
	}
	r := check.NewRand(2)
	float := func(lo, hi float32) float32 { return lo + float32(r.Float32()*(hi-lo)) }
	var trials []trial
	for i := range 2*count + count/2 {
		dot, normalize := r.IntN(3) == 0, r.IntN(2) == 0
		temperature := []float32{0.01, 0.025, 0.1, 0.5, 1, 50}[r.IntN(6)] * float(1, 2)
		vs := softmaxVariants(temperature, dot)
		if r.IntN(2) == 0 {
			vs = optionVariants(temperature, dot)
		}
		if r.IntN(3) == 0 {
			vs = tripletVariants(float(-0.5, 2), normalize)
		}
		if r.IntN(4) == 0 {
			vs = append(viewVariants(temperature, dot), spreadVariants()...)
		}
		if i >= count {
			vs = pairVariants(float(-0.5, 2), normalize)
		}
		if i >= count+count/2 {
			vs = metricVariants([]float32{1, 10, 64, 256, 2000}[r.IntN(5)], float(0.01, 1.5))
		}
		if i >= 2*count {
			vs = distanceVariants(float(-0.5, 2), normalize)
		}
		v := vs[r.IntN(len(vs))]
		n, d := 1+r.IntN(70), 2+r.IntN(90)
		b := v.batch(r, n, d, r.IntN(3), []float32{0, 0.01, 0.3, 1}[r.IntN(4)])
		c := trial{variant: v, b: b, want: v.ask(b), scale: []float32{1, -2, 0.125, 3.7}[r.IntN(4)]}
		c.name = fmt.Sprintf("trial %d: %s n=%d d=%d scale=%v", i, v.Name, n, d, c.scale)
		c.tol = v.derived(b, c.want)
		for p, m := range []*simd.Matrix{&c.base.Q, &c.base.K, &c.base.Negatives} {
			if x := part(b, p); r.IntN(4) > 0 {
				*m = gaps(x.Rows, x.Cols, r.IntN(3), r.Float32s(x.Rows*x.Cols, -1, 1))
			}
		}
		trials = append(trials, c)
	}
	check.EachLevel(t, func(t *testing.T) {
		for i, c := range trials {
			c.run(t, c.New(1+i%4))
		}
	})
}

// An edge changes a batch to a degenerate one.
type edge struct {
	name   string
	change func(b Batch)
	only   func(v variant) bool // nil: for all
	value  func(v variant) bool // only the value is compared
}

// each calls f for all rows.
func each(b Batch, f func(part, i int, row []float32)) {
	for p := range 3 {
		m := part(b, p)
		for i := range m.Rows {
			f(p, i, m.Row(i))
		}
	}
}

func scaled(by func(part, i int) float64) func(b Batch) {
	return func(b Batch) {
		each(b, func(p, i int, row []float32) {
			for j, v := range row {
				row[j] = float32(float64(v) * by(p, i))
			}
		})
	}
}

func constant(x float64) func(int, int) float64 { return func(int, int) float64 { return x } }

// A dot product of such rows over a temperature may exceed float32.
func bounded(v variant) bool { return v.Beta == 0 || v.Cosine }

var edges = []edge{
	{name: "as it comes", change: func(Batch) {}},
	{name: "positive is anchor", change: func(b Batch) {
		for i := range min(b.Q.Rows, b.K.Rows) {
			copy(b.K.Row(i), b.Q.Row(i))
		}
		if b.K.Rows == 0 && b.Q.Rows > 1 {
			copy(b.Q.Row(1), b.Q.Row(0))
		}
	}},
	{name: "negative is positive", change: func(b Batch) {
		if b.K.Rows > 1 {
			copy(b.K.Row(1), b.K.Row(0))
		}
		if b.Q.Rows == 0 {
			return
		}
		for i := range b.Negatives.Rows {
			copy(b.Negatives.Row(i), b.K.Row(i*b.Q.Rows/b.Negatives.Rows))
		}
	}},
	{name: "all rows equal", change: func(b Batch) {
		each(b, func(_, _ int, row []float32) { copy(row, b.Q.Row(0)) })
	}},
	{name: "keys opposite to queries", change: func(b Batch) {
		each(b, func(p, _ int, row []float32) {
			copy(row, b.Q.Row(0))
			if p > 0 {
				simd.Scale(row, -1, row)
			}
		})
	}},
	{name: "a zero row each", change: func(b Batch) {
		for p := range 3 {
			if m := part(b, p); m.Rows > 0 {
				clear(m.Row((p + 1) % m.Rows))
			}
		}
	},
		// All units are equally far from 0, up to rounding.
		only:  func(v variant) bool { return !(v.Picks && v.Cosine) },
		value: func(v variant) bool { return v.Labels && v.Cosine && v.Beta == 0 }},
	{name: "all rows zero", change: func(b Batch) { each(b, func(_, _ int, row []float32) { clear(row) }) }},
	{name: "norms of 1e-20", change: scaled(constant(1e-20))},
	{name: "norms of 1e20", change: scaled(constant(1e20)), only: bounded},
	{name: "norms of 1e37", change: scaled(constant(1e37)), only: func(v variant) bool { return v.Cosine }},
	{name: "norms of 1e±20", change: scaled(func(_, i int) float64 { return []float64{1e-20, 1e20}[i%2] }), only: bounded},
	{name: "norms of 1e-37", change: scaled(constant(1e-37)), only: func(v variant) bool { return v.Cosine }},
	{name: "subnormal", change: scaled(constant(0x1p-140))},
	{name: "no positives", change: func(b Batch) {
		for i := range b.Labels {
			b.Labels[i] = i
		}
	}, only: func(v variant) bool { return v.Labels }},
	{name: "no negatives", change: func(b Batch) { setAll(b.Labels, 5) }, only: func(v variant) bool { return v.Labels }},
	{name: "every candidate masked", change: func(b Batch) { setAll(b.IDs, 5) }, only: func(v variant) bool { return v.IDs }},
	{name: "all weights zero", change: func(b Batch) { clear(b.Weights) }, only: func(v variant) bool { return v.Weights }},
}

func setAll(x []int, v int) {
	for i := range x {
		x[i] = v
	}
}

// TestEdgeCases runs all losses on degenerate batches at temperatures from 1e-4 to 1e4.
func TestEdgeCases(t *testing.T) {
	variants := append(tripletVariants(0.3, false), tripletVariants(0.3, true)...)
	temperatures := []float32{1e-4, 0.01, 1, 1e4}
	if testing.Short() {
		temperatures = []float32{1e-4, 1}
	}
	for _, temperature := range temperatures {
		variants = append(variants, softmaxVariants(temperature, false)...)
		variants = append(variants, softmaxVariants(temperature, true)...)
	}
	variants = append(variants, optionVariants(1e-4, false)...)
	variants = append(variants, optionVariants(1, true)...)
	variants = append(variants, pairVariants(0.3, false)...)
	variants = append(variants, pairVariants(0.3, true)...)
	for _, scale := range []float32{1e-4, 1, 256, 1e4} {
		variants = append(variants, metricVariants(scale, 0.4)...)
	}
	variants = append(variants, distanceVariants(0.3, false)...)
	variants = append(variants, distanceVariants(0.3, true)...)
	variants = append(variants, viewVariants(1e-4, false)...)
	variants = append(variants, viewVariants(1, true)...)
	variants = append(variants, spreadVariants()...)
	r := check.NewRand(3)
	var trials []trial
	for i, v := range variants {
		for j, e := range edges {
			if e.only != nil && !e.only(v) {
				continue
			}
			for k, s := range []struct{ n, d int }{{1, 3}, {7, 5}, {20, 17}} {
				if k == 2 && testing.Short() && (i+j)%3 != 0 {
					continue
				}
				b := v.batch(r, s.n, s.d, 1, 0)
				e.change(b)
				c := trial{variant: v, name: fmt.Sprintf("%s, %s, n=%d", v.Name, e.name, s.n), b: b, want: v.ask(b), base: gradFor(b), scale: 1}
				c.tol = v.derived(b, c.want)
				if e.value != nil && e.value(v) {
					c.want.grad.DQ.Rows, c.want.grad.DK.Rows, c.want.grad.DNeg.Rows = 0, 0, 0
				}
				trials = append(trials, c)
			}
		}
	}
	first := make([]outcome, len(trials))
	check.EachLevel(t, func(t *testing.T) {
		for i, c := range trials {
			r, g := c.run(t, c.New(1))
			zeros := 0
			each(c.b, func(p, i int, row []float32) {
				if slices.ContainsFunc(row, func(v float32) bool { return v != 0 }) || !c.Cosine {
					return
				}
				zeros++
				if slices.ContainsFunc(part(g, p).Row(i), func(v float32) bool { return v != 0 }) {
					t.Errorf("%s: the gradient of a zero row is %v", c.name, part(g, p).Row(i))
				}
			})
			if r.ZeroNorm != zeros {
				t.Errorf("%s: ZeroNorm is %d, want %d", c.name, r.ZeroNorm, zeros)
			}
			got := outcome{r, g}
			if first[i].g.Q.Data == nil {
				first[i] = got
			}
			got.same(t, c.name, first[i])
			r, g = c.run(t, c.New(3))
			outcome{r, g}.same(t, c.name+", 3 workers", first[i])
		}
	})
}

// TestEmptyBatch: a batch without queries has loss 0 and leaves all gradients alone, whatever the
// value computed before.
func TestEmptyBatch(t *testing.T) {
	r := check.NewRand(4)
	for _, v := range allVariants() {
		l := v.New(2)
		for _, n := range []int{0, 5, 0} {
			b := v.batch(r, n, 4, 0, 0)
			g := gradFor(b)
			if got := evaluate(t, v.Name, l, b, &g, 1); n == 0 && !isZero(got) {
				t.Errorf("%s: %+v, want all 0", v.Name, got)
			}
			each(g, func(p, i int, row []float32) {
				if n == 0 && slices.ContainsFunc(row, func(v float32) bool { return v != 0 }) {
					t.Errorf("%s: gradient %v of row %d of part %d of an empty batch", v.Name, row, i, p)
				}
			})
		}
	}
}

// TestZeroValues: the zero value has the standard temperature or margin.
func TestZeroValues(t *testing.T) {
	r := check.NewRand(5)
	b := Batch{Q: gaps(9, 6, 0, r.Normals32(54)), K: gaps(9, 6, 0, r.Normals32(54)), Negatives: gaps(9, 6, 0, r.Normals32(54)), Labels: []int{0, 0, 1, 1, 2, 2, 0, 1, 2}}
	pair := Batch{Q: b.Q, K: b.K}
	for _, c := range []struct {
		zero, same Loss
		b          Batch
	}{
		{&InfoNCE{}, &InfoNCE{Temperature: 0.07}, pair},
		{&NTXent{}, &NTXent{Temperature: 0.5}, pair},
		{&Triplet{}, &Triplet{Margin: 1}, b},
		{&BatchHard{}, &BatchHard{Margin: 1}, b},
		{&Circle{}, &Circle{Margin: 0.25, Scale: 256}, b},
		{&MultiSimilarity{}, &MultiSimilarity{Alpha: 2, Beta: 50, Base: 0.5}, b},
		{&ArcFace{}, &ArcFace{Margin: 0.5, Scale: 64}, b},
		{&CosFace{}, &CosFace{Margin: 0.35, Scale: 64}, b},
		{&BatchAll{}, &BatchAll{Margin: 1}, b},
		{&SigLIP{}, &SigLIP{Temperature: 0.1, Bias: -10}, pair},
		{&HCL{Concentration: 1}, &HCL{Concentration: 1, Temperature: 0.5}, pair},
		{&AlignUniform{}, &AlignUniform{Alpha: 2, T: 2, Alignment: 1, Uniformity: 1}, pair},
		{&SemiHard{}, &SemiHard{Margin: 1}, b},
		{&Lifted{}, &Lifted{Margin: 1}, b},
		{&MarginLoss{}, &MarginLoss{Boundary: 1.2, Margin: 0.2}, b},
		{&ContrastivePair{}, &ContrastivePair{Margin: 1}, Batch{Q: b.Q, K: b.Q, Labels: make([]int, 9)}},
	} {
		got, want := evaluate(t, "zero", c.zero, c.b, nil, 1), evaluate(t, "same", c.same, c.b, nil, 1)
		if !equal(got, want) || got.Loss == 0 {
			t.Errorf("%T: %+v, want %+v", c.zero, got, want)
		}
	}
}

// TestPartialGradients: a gradient does not depend on which others are asked for.
func TestPartialGradients(t *testing.T) {
	r := check.NewRand(6)
	for _, v := range allVariants() {
		b := v.batch(r, 30, 9, 1, 0.5)
		full := gradFor(b)
		l := v.New(2)
		want := evaluate(t, v.Name, l, b, &full, 0.5)
		bare := evaluate(t, v.Name, l, b, nil, 0.5)
		if bare.DTemperature != 0 {
			t.Errorf("%s: ∂L/∂τ is %v without a gradient", v.Name, bare.DTemperature)
		}
		bare.DTemperature, bare.DBias = want.DTemperature, want.DBias
		if !equal(bare, want) {
			t.Errorf("%s: %+v without gradient, want %+v", v.Name, bare, want)
		}
		for mask := range 8 {
			g := gradFor(b)
			for p, m := range []*simd.Matrix{&g.Q, &g.K, &g.Negatives} {
				if mask>>p&1 == 0 {
					*m = simd.Matrix{}
				}
			}
			got := evaluate(t, v.Name, l, b, &g, 0.5)
			if !equal(got, want) {
				t.Errorf("%s, gradients %03b: %+v, want %+v", v.Name, mask, got, want)
			}
			for p := range 3 {
				if part(g, p).Data != nil {
					check.SameBits(t, fmt.Sprintf("%s, gradients %03b, part %d", v.Name, mask, p), part(g, p).Data, part(full, p).Data)
				}
			}
		}
	}
}

// TestSharedMemory: gradients may be added to one matrix, and to the input itself.
func TestSharedMemory(t *testing.T) {
	r := check.NewRand(7)
	for _, v := range allVariants() {
		if v.KeyRows(10) != 10 {
			continue
		}
		b := v.batch(r, 10, 6, 0, 0)
		apart, both := gradFor(b), gradFor(b)
		want := evaluate(t, v.Name, v.New(1), b, &apart, 1)
		both.K = both.Q
		if got := evaluate(t, v.Name, v.New(1), b, &both, 1); !equal(got, want) {
			t.Errorf("%s: %+v into one matrix, want %+v", v.Name, got, want)
		}
		for i, x := range both.Q.Data {
			sum := float64(apart.Q.Data[i]) + float64(apart.K.Data[i])
			if math.Abs(float64(x)-sum) > 2*ulp*(math.Abs(sum)+math.Abs(float64(apart.Q.Data[i]))) {
				t.Errorf("%s: gradient %v of q and k together, want %v", v.Name, x, sum)
				break
			}
		}
		in := copyBatch(b)
		step := gradFor(b)
		step.Q = copyBatch(b).Q
		want = evaluate(t, v.Name, v.New(1), b, &step, -0.1)
		if got := evaluate(t, v.Name, v.New(1), in, &Batch{Q: in.Q}, -0.1); !equal(got, want) {
			t.Errorf("%s: %+v with the gradient added to Q itself, want %+v", v.Name, got, want)
		}
		check.SameBits(t, v.Name+": Q after a step in place", in.Q.Data, step.Q.Data)
	}
}

// TestNormalisedGradientOrthogonal: the length of a row does not matter, so the gradient has no
// part along it.
func TestNormalisedGradientOrthogonal(t *testing.T) {
	r := check.NewRand(8)
	check.EachLevel(t, func(t *testing.T) {
		for _, v := range allVariants() {
			if !v.Cosine {
				continue
			}
			b := v.batch(r, 40, 33, 0, 0.5)
			g := gradFor(b)
			evaluate(t, v.Name, v.New(1), b, &g, 1)
			each(b, func(p, i int, x []float32) {
				var along, g2, x2 float64
				for j, gj := range part(g, p).Row(i) {
					along += float64(gj) * float64(x[j])
					g2 += float64(gj) * float64(gj)
					x2 += float64(x[j]) * float64(x[j])
				}
				// What is projected away is at most the force of a row, β or 4, over the rows
				// that share a mean; of it the rounding stays.
				before := math.Sqrt(g2*x2) + 2*max(v.Beta, 4)/float64(b.Q.Rows)
				if math.Abs(along) > 8*ulp*before {
					t.Errorf("%s: x·∂L/∂x is %.3g for row %d of part %d, with |x|·|∂L/∂x| %.3g", v.Name, along, i, p, math.Sqrt(g2*x2))
				}
			})
		}
	})
}

// TestPermutation: permuting the rows permutes their gradients.
func TestPermutation(t *testing.T) {
	r := check.NewRand(9)
	for _, v := range allVariants() {
		if v.Indexed || v.Classes {
			continue
		}
		const n, d = 60, 12
		spread := float32(0.7)
		if v.Beta == 0 {
			spread = 0 // else few triplets are active
		}
		b := v.batch(r, n, d, 0, spread)
		order := r.Perm(n)
		move := func(m simd.Matrix, back bool) simd.Matrix {
			out := simd.NewMatrix(m.Rows, m.Cols)
			copy(out.Data, m.Data)
			of := m.Rows / n
			if of*n != m.Rows {
				of = 1 // rows past the n-th stay
			}
			for to, from := range order {
				for j := range of {
					if back {
						copy(out.Row(from*of+j), m.Row(to*of+j))
					} else if m.Rows > 0 {
						copy(out.Row(to*of+j), m.Row(from*of+j))
					}
				}
			}
			return out
		}
		g, h := gradFor(b), gradFor(b)
		want := evaluate(t, v.Name, v.New(1), b, &g, 1)
		c := Batch{Q: move(b.Q, false), K: move(b.K, false), Negatives: move(b.Negatives, false)}
		at := make([]int, n)
		for to, from := range order {
			at[from] = to
			if len(b.Labels) > 0 {
				c.Labels = append(c.Labels, b.Labels[from])
			}
			if v.IDs {
				c.IDs = append(c.IDs, b.IDs[from])
			}
			if v.Weights {
				c.Weights = append(c.Weights, b.Weights[from])
			}
		}
		if m := b.Negatives.Rows; v.IDs && m > 0 {
			of := m / n
			if of*n != m {
				of = 1
			}
			for _, from := range order {
				c.IDs = append(c.IDs, b.IDs[n+from*of:n+(from+1)*of]...)
			}
			c.IDs = append(c.IDs, b.IDs[n+of*n:]...)
		}
		for _, tr := range b.Triplets {
			c.Triplets = append(c.Triplets, Triple{at[tr.A], at[tr.P], at[tr.N]})
		}
		got := evaluate(t, v.Name, v.New(1), c, &h, 1)
		tol := v.published(b, truth{loss: want.Loss})
		if math.Abs(got.Loss-want.Loss) > tol.Value {
			t.Errorf("%s: loss %v after a permutation, %v before", v.Name, got.Loss, want.Loss)
		}
		for p := range 3 {
			x := part(g, p)
			if x.Rows == 0 {
				continue
			}
			y := move(part(h, p), true)
			var size, diff float64
			for i, w := range x.Data {
				size, diff = max(size, math.Abs(float64(w))), max(diff, math.Abs(float64(w)-float64(y.Data[i])))
			}
			if diff > maxGradientError*size || size == 0 {
				t.Errorf("%s: gradients of part %d differ by %.3g of %.3g after a permutation", v.Name, p, diff, size)
			}
		}
	}
}

// TestNonFinite: the error names the element that is not finite, and gradients are left alone.
func TestNonFinite(t *testing.T) {
	r := check.NewRand(10)
	for _, v := range allVariants() {
		op := v.Name[:strings.IndexByte(v.Name, '/')]
		for p, arg := range []string{"Q", "K", "Negatives"} {
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
				b := v.batch(r, 6, 20, 1, 0)
				m := part(b, p)
				if m.Rows == 0 {
					continue
				}
				i, j := r.IntN(m.Rows), r.IntN(m.Cols)
				m.Row(i)[j] = bad
				m.Row(m.Rows - 1)[m.Cols-1] = bad
				base := Batch{Q: gaps(b.Q.Rows, b.Q.Cols, 1, r.Normals32(b.Q.Rows*b.Q.Cols)), K: gaps(b.K.Rows, b.K.Cols, 0, r.Normals32(b.K.Rows*b.K.Cols))}
				g := copyBatch(base)
				res, err := v.New(1).Evaluate(b, &g, 1)
				var e *simd.NonFiniteError
				if !errors.As(err, &e) || !isZero(res) {
					t.Errorf("%s: %+v, %v with a %v in %s", v.Name, res, err, bad, arg)
					continue
				}
				want := fmt.Sprintf("infonce.%s: %s has %v at row %d, column %d, want finite numbers", op, arg, bad, i, j)
				if e.Op != "infonce."+op || e.Arg != arg || e.Row != i || e.Col != j || e.Error() != want {
					t.Errorf("%s: %q, want %q", v.Name, e.Error(), want)
				}
				for p := range 3 {
					check.SameBits(t, v.Name+": gradient after an error", part(g, p).Data, part(base, p).Data)
				}
			}
		}
	}
}

// TestBadSettings: invalid settings, and logits beyond float32, are errors that leave gradients
// alone.
func TestBadSettings(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := func() simd.Matrix { return gaps(3, 2, 0, []float32{1, 2, -2, 1, 1, -1}) }
	big := func(s float32) simd.Matrix { m := x(); simd.Scale(m.Data, s, m.Data); return m }
	pair := Batch{Q: x(), K: x()}
	three := Batch{Q: x(), K: x(), Negatives: x(), Labels: []int{0, 0, 1}}
	huge := Batch{Q: big(1e19), K: big(1e20)}
	for _, c := range []struct {
		loss Loss
		b    Batch
		want string
	}{
		{&InfoNCE{Temperature: -1}, pair, "infonce.InfoNCE: temperature is -1, want a finite number above 0"},
		{&InfoNCE{Temperature: nan}, pair, "infonce.InfoNCE: temperature is NaN, want a finite number above 0"},
		{&InfoNCE{Temperature: inf}, pair, "infonce.InfoNCE: temperature is +Inf, want a finite number above 0"},
		{&InfoNCE{Temperature: -inf}, pair, "infonce.InfoNCE: temperature is -Inf, want a finite number above 0"},
		{&InfoNCE{Temperature: -1e-40}, pair, "infonce.InfoNCE: temperature is -1e-40, want a finite number above 0"},
		{&NTXent{Temperature: -1}, pair, "infonce.NTXent: temperature is -1, want a finite number above 0"},
		{&NTXent{Temperature: nan}, pair, "infonce.NTXent: temperature is NaN, want a finite number above 0"},
		{&NTXent{Temperature: inf}, pair, "infonce.NTXent: temperature is +Inf, want a finite number above 0"},
		{&Triplet{Margin: nan}, three, "infonce.Triplet: margin is NaN, want a finite number"},
		{&Triplet{Margin: inf, Soft: true}, three, "infonce.Triplet: margin is +Inf, want a finite number"},
		{&BatchHard{Margin: nan}, three, "infonce.BatchHard: margin is NaN, want a finite number"},
		{&BatchHard{Margin: -inf}, three, "infonce.BatchHard: margin is -Inf, want a finite number"},
		{&Circle{Margin: nan}, three, "infonce.Circle: margin is NaN, want a finite number"},
		{&Circle{Scale: -1}, three, "infonce.Circle: scale is -1, want a finite number above 0"},
		{&Circle{Scale: 3e38, Margin: 0.9}, three, "infonce.Circle: exponents of scale 3e+38 and margin 0.9 exceed float32"},
		{&Circle{Reduction: 7}, three, "infonce.Circle: reduction is Reduction(7), want Mean, Sum or MeanActive"},
		{&MultiSimilarity{Alpha: -2}, three, "infonce.MultiSimilarity: alpha is -2, want a finite number above 0"},
		{&MultiSimilarity{Beta: inf}, three, "infonce.MultiSimilarity: beta is +Inf, want a finite number above 0"},
		{&MultiSimilarity{Base: nan}, three, "infonce.MultiSimilarity: base is NaN, want a finite number"},
		{&MultiSimilarity{Precision: 9}, three, "infonce.MultiSimilarity: precision is Precision(9), want Float32 or BFloat16"},
		{&ArcFace{Margin: 1.6}, three, "infonce.ArcFace: margin is 1.6, want an angle above 0 and up to π/2"},
		{&ArcFace{Margin: nan}, three, "infonce.ArcFace: margin is NaN, want an angle above 0 and up to π/2"},
		{&ArcFace{Scale: inf}, three, "infonce.ArcFace: scale is +Inf, want a finite number above 0"},
		{&CosFace{Margin: -inf}, three, "infonce.CosFace: margin is -Inf, want a finite number"},
		{&CosFace{Scale: nan}, three, "infonce.CosFace: scale is NaN, want a finite number above 0"},
		{&Triplet{Reduction: 3}, three, "infonce.Triplet: reduction is Reduction(3), want Mean, Sum or MeanActive"},
		{&Triplet{CoordinateEpsilon: -1}, three, "infonce.Triplet: CoordinateEpsilon is -1, want a finite number, 0 or above"},
		{&Triplet{RootEpsilon: nan}, three, "infonce.Triplet: RootEpsilon is NaN, want a finite number, 0 or above"},
		{&Triplet{}, Batch{Q: x(), Triplets: []Triple{{0, 1, 2}, {1, 3, 0}}}, "infonce.Triplet: triple 1 is {1 3 0}, want indices of 3 rows"},
		{&Triplet{}, Batch{Q: x(), Triplets: []Triple{{0, 1, -1}}}, "infonce.Triplet: triple 0 is {0 1 -1}, want indices of 3 rows"},
		{&Triplet{}, Batch{Q: x(), Triplets: []Triple{{0, 1, 2}}, Weights: []float32{-1}}, "infonce.Triplet: weight 0 is -1, want a finite number, 0 or above"},
		{&BatchAll{Margin: nan}, three, "infonce.BatchAll: margin is NaN, want a finite number"},
		{&MarginLoss{Boundary: inf}, three, "infonce.MarginLoss: Boundary is +Inf, want a finite number"},
		{&MarginLoss{Margin: nan}, three, "infonce.MarginLoss: Margin is NaN, want a finite number"},
		{&MarginLoss{}, Batch{Q: x(), Triplets: []Triple{{0, 1, 3}}}, "infonce.MarginLoss: triple 0 is {0 1 3}, want indices of 3 rows"},
		{&Lifted{Margin: nan}, three, "infonce.Lifted: margin is NaN, want a finite number"},
		{&SemiHard{Margin: inf}, three, "infonce.SemiHard: margin is +Inf, want a finite number"},
		{&SemiHard{Reduction: 4}, three, "infonce.SemiHard: reduction is Reduction(4), want Mean, Sum or MeanActive"},
		{&BatchAll{Reduction: 3}, three, "infonce.BatchAll: reduction is Reduction(3), want Mean, Sum or MeanActive"},
		{&BatchAll{}, Batch{Q: x(), Labels: []int{0, 0, 1}, Weights: []float32{0, 1, -1}}, "infonce.BatchAll: weight 2 is -1, want a finite number, 0 or above"},
		{&BatchHard{Reduction: 9}, three, "infonce.BatchHard: reduction is Reduction(9), want Mean, Sum or MeanActive"},
		{&BatchHard{}, Batch{Q: x(), Labels: []int{0, 0, 1}, Weights: []float32{0, 1, inf}}, "infonce.BatchHard: weight 2 is +Inf, want a finite number, 0 or above"},
		{&ContrastivePair{}, Batch{Q: x(), K: x(), Labels: []int{0, 1, 2}}, "infonce.ContrastivePair: label 2 is 2, want 0 or 1"},
		{&ContrastivePair{}, Batch{Q: x(), K: x(), Labels: []int{-1, 1, 1}}, "infonce.ContrastivePair: label 0 is -1, want 0 or 1"},
		{&ContrastivePair{Margin: -1}, Batch{Q: x(), K: x(), Labels: []int{0, 1, 1}}, "infonce.ContrastivePair: Margin is -1, want a number from 0 to"},
		{&ContrastivePair{PositiveMargin: inf}, Batch{Q: x(), K: x(), Labels: []int{0, 1, 1}}, "infonce.ContrastivePair: PositiveMargin is +Inf, want a number from 0 to"},
		{&ContrastivePair{}, Batch{Q: x(), K: x(), Labels: []int{0, 1, 1}, Weights: []float32{nan, 1, 1}}, "infonce.ContrastivePair: weight 0 is NaN, want a finite number, 0 or above"},
		{&CosineEmbedding{}, Batch{Q: x(), K: x(), Labels: []int{1, 0, -1}}, "infonce.CosineEmbedding: label 1 is 0, want 1 or -1"},
		{&CosineEmbedding{Margin: 2}, Batch{Q: x(), K: x(), Labels: []int{1, 1, -1}}, "infonce.CosineEmbedding: Margin is 2, want a number from -1 to 1"},
		{&MarginRanking{Margin: nan}, pair, "infonce.MarginRanking: Margin is NaN, want a number from"},
		{&MarginRanking{}, Batch{Q: x(), K: x(), Labels: []int{1, 0, -1}}, "infonce.MarginRanking: label 1 is 0, want 1 or -1"},
		{&LogisticRanking{}, Batch{Q: x(), K: x(), Negatives: x(), Labels: []int{1, 1, 7}}, "infonce.LogisticRanking: label 2 is 7, want 1 or -1"},
		{&InfoNCE{Symmetric: true}, three, "infonce.InfoNCE: Symmetric with Negatives: keys have no negatives of their own"},
		{&InfoNCE{DotProduct: true}, huge, "similarities over temperature exceed float32"},
		{&InfoNCE{DotProduct: true, Symmetric: true}, huge, "similarities over temperature exceed float32"},
		{&InfoNCE{DotProduct: true}, Batch{Q: big(1e19), K: big(1e20), Negatives: x()}, "similarities over temperature exceed float32"},
		{&InfoNCE{DotProduct: true}, Batch{Q: big(1e20), K: big(1e-20), Negatives: big(1e20)}, "similarities over temperature exceed float32"},
		{&InfoNCE{DotProduct: true, PairedNegatives: true}, Batch{Q: big(1e20), K: big(1e-20), Negatives: big(1e20)}, "similarities over temperature exceed float32"},
		{&InfoNCE{DotProduct: true}, Batch{Q: big(1e20), K: big(-1e20), Negatives: simd.NewMatrix(3, 2)}, "loss is +Inf: similarities over temperature exceed float32"},
		{&NTXent{DotProduct: true}, huge, "similarities over temperature exceed float32"},
		{&InfoNCE{Temperature: 1e-40}, pair, "similarities over temperature exceed float32"},
		{&InfoNCE{Temperature: 1e-40, MemoryBudget: -1}, pair, "similarities over temperature exceed float32"},
		{&InfoNCE{DotProduct: true, MemoryBudget: -1}, huge, "similarities over temperature exceed float32"},
		{&InfoNCE{Precision: 2}, pair, "infonce.InfoNCE: precision is Precision(2), want Float32 or BFloat16"},
		{&NTXent{Precision: 3}, pair, "infonce.NTXent: precision is Precision(3), want Float32 or BFloat16"},
		{&InfoNCE{InBatch: true, PairedNegatives: true}, three, "infonce.InfoNCE: InBatch with PairedNegatives: negatives are either for all queries or for one"},
		{&InfoNCE{LabelSmoothing: 1}, pair, "infonce.InfoNCE: label smoothing is 1, want a number from 0 to below 1"},
		{&InfoNCE{LabelSmoothing: nan}, pair, "infonce.InfoNCE: label smoothing is NaN, want a number from 0 to below 1"},
		{&InfoNCE{LabelSmoothing: 0.1, PairedNegatives: true}, three, "LabelSmoothing with PairedNegatives, IDs, FalseNegatives or Exclude: want all rows to have the same candidates"},
		{&InfoNCE{Reduction: MeanActive}, pair, "infonce.InfoNCE: reduction is MeanActive, want Mean or Sum: all rows of a softmax are active"},
		{&InfoNCE{Reduction: 3}, pair, "infonce.InfoNCE: reduction is Reduction(3), want Mean, Sum or MeanActive"},
		{&InfoNCE{}, Batch{Q: x(), K: x(), Weights: []float32{1, -1, 1}}, "infonce.InfoNCE: weight 1 is -1, want a finite number, 0 or above"},
		{&InfoNCE{}, Batch{Q: x(), K: x(), Weights: []float32{1, 1, nan}}, "infonce.InfoNCE: weight 2 is NaN, want a finite number, 0 or above"},
		{&InfoNCE{Symmetric: true, FalseNegatives: FalseNegatives{Similar: 0.9}}, pair, "FalseNegatives or Exclude with Symmetric or PairedNegatives"},
		{&InfoNCE{FalseNegatives: FalseNegatives{Rule: 3}}, pair, "rule of false negatives is 3, want NoMargin, AbsoluteMargin or RelativeMargin"},
		{&InfoNCE{FalseNegatives: FalseNegatives{Rule: AbsoluteMargin, Margin: -1}}, pair, "margin of false negatives is -1, want a finite number, 0 or above"},
		{&InfoNCE{FalseNegatives: FalseNegatives{Similar: nan}}, pair, "similarity of false negatives is NaN, want a finite number"},
		{&InfoNCE{FalseNegatives: FalseNegatives{Similar: 1}}, Batch{Q: x(), K: x(), Guide: &Batch{Q: x(), K: big(inf)}}, "infonce.InfoNCE: Guide.K has "},
		{&SupCon{Temperature: -1}, three, "infonce.SupCon: temperature is -1, want a finite number above 0"},
		{&DCL{Sigma: -1}, pair, "infonce.DCL: sigma is -1, want a finite number, 0 or above"},
		{&DCL{DotProduct: true}, huge, "similarities over temperature exceed float32"},
		{&DCL{DotProduct: true, OneWay: true}, huge, "similarities over temperature exceed float32"},
		{&SupCon{DotProduct: true}, Batch{Q: big(1e20), Labels: []int{0, 0, 1}}, "similarities over temperature exceed float32"},
		{&Custom{}, pair, "infonce.Custom: no Score"},
		{&SigLIP{Temperature: -1}, pair, "infonce.SigLIP: temperature is -1, want a finite number above 0"},
		{&SigLIP{Bias: nan}, pair, "infonce.SigLIP: bias is NaN, want a finite number"},
		{&SigLIP{Bias: inf}, pair, "infonce.SigLIP: bias is +Inf, want a finite number"},
		{&SigLIP{Reduction: 3}, pair, "infonce.SigLIP: reduction is Reduction(3), want Mean, Sum or MeanActive"},
		{&SigLIP{DotProduct: true}, huge, "similarities over temperature exceed float32"},
		{&HCL{Temperature: nan, Concentration: 1}, pair, "infonce.HCL: temperature is NaN, want a finite number above 0"},
		{&HCL{Temperature: -1}, pair, "infonce.HCL: temperature is -1, want a finite number above 0"},
		{&HCL{Concentration: -1}, pair, "infonce.HCL: concentration is -1, want a finite number, 0 or above"},
		{&HCL{Concentration: inf}, pair, "infonce.HCL: concentration is +Inf, want a finite number, 0 or above"},
		{&HCL{PriorPositive: 1}, pair, "infonce.HCL: prior is 1, want a number from 0 to below 1"},
		{&HCL{PriorPositive: nan}, pair, "infonce.HCL: prior is NaN, want a number from 0 to below 1"},
		{&HCL{PriorPositive: 0.1, Reduction: MeanActive}, pair, "infonce.HCL: reduction is MeanActive, want Mean or Sum"},
		{&HCL{PriorPositive: 0.1, Precision: 2}, pair, "infonce.HCL: precision is Precision(2), want Float32 or BFloat16"},
		{&HCL{PriorPositive: 0.1}, Batch{Q: x(), K: x(), Weights: []float32{1, nan, 1}}, "infonce.HCL: weight 1 is NaN, want a finite number, 0 or above"},
		{&HCL{PriorPositive: 0.1, DotProduct: true}, huge, "similarities over temperature exceed float32"},
		{&HCL{Concentration: 1e30, DotProduct: true}, Batch{Q: big(1e9), K: big(1e9)}, "similarities over temperature exceed float32"},
		{&NPair{Regularization: -1}, pair, "infonce.NPair: regularization is -1, want a finite number, 0 or above"},
		{&NPair{Regularization: nan}, pair, "infonce.NPair: regularization is NaN, want a finite number, 0 or above"},
		{&NPair{Reduction: MeanActive}, pair, "infonce.NPair: reduction is MeanActive, want Mean or Sum"},
		{&NPair{Precision: 2}, pair, "infonce.NPair: precision is Precision(2), want Float32 or BFloat16"},
		{&NPair{}, huge, "similarities over temperature exceed float32"},
		{&NPair{Regularization: 1}, Batch{Q: big(1e20), K: big(1e-20)}, "similarities over temperature exceed float32"},
		{&AlignUniform{Alpha: -1}, pair, "infonce.AlignUniform: alpha is -1, want a finite number above 0"},
		{&AlignUniform{Alpha: inf}, pair, "infonce.AlignUniform: alpha is +Inf, want a finite number above 0"},
		{&AlignUniform{T: 19.5}, pair, "infonce.AlignUniform: t is 19.5, want a number above 0 and at most 19"},
		{&AlignUniform{T: nan}, pair, "infonce.AlignUniform: t is NaN, want a number above 0 and at most 19"},
		{&AlignUniform{Alignment: -1}, pair, "infonce.AlignUniform: weight of the alignment is -1, want a finite number, 0 or above"},
		{&AlignUniform{Uniformity: inf}, pair, "infonce.AlignUniform: weight of the uniformity is +Inf, want a finite number, 0 or above"},
		{&AlignUniform{Precision: 2}, pair, "infonce.AlignUniform: precision is Precision(2), want Float32 or BFloat16"},
		{&InfoNCE{Temperature: 1e-40, Symmetric: true}, pair, "similarities over temperature exceed float32"},
		{&NTXent{Temperature: 1e-40}, pair, "similarities over temperature exceed float32"},
	} {
		g := Batch{Q: x(), K: x(), Negatives: x()}
		if c.b.Negatives.Rows == 0 {
			g.Negatives = simd.Matrix{}
		}
		r, err := c.loss.Evaluate(c.b, &g, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || !isZero(r) {
			t.Errorf("%+v: %+v, error %v, want one with %q", c.loss, r, err, c.want)
		}
		for p := range 3 {
			if m := part(g, p); m.Data != nil {
				check.SameBits(t, "gradient after an error", m.Data, x().Data)
			}
		}
	}
}

// TestShapes: each wrong shape panics with the two shapes that do not fit.
func TestShapes(t *testing.T) {
	m := simd.NewMatrix
	short := m(4, 2)
	short.Data = short.Data[:6]
	narrow := m(4, 2)
	narrow.Stride = 1
	labels := make([]int, 4)
	for _, c := range []struct {
		loss           Loss
		b              Batch
		grad           *Batch
		arg, got, want string
	}{
		{&InfoNCE{}, Batch{Q: short, K: m(4, 2)}, nil, "Q.Data", "of length 6", "at least 8 long"},
		{&InfoNCE{}, Batch{Q: narrow, K: m(4, 2)}, nil, "Q.Stride", "1", "at least 2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(4, 3)}, nil, "K", "4×3", "n×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(3, 2)}, nil, "K", "3×2", "4×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2)}, nil, "K", "0×0", "n×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: short}, nil, "K.Data", "of length 6", "at least 8 long"},
		{&InfoNCE{Symmetric: true}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(5, 2), Negatives: m(1, 2)}, nil, "K", "5×2", "4×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(6, 3)}, nil, "Negatives", "6×3", "n×2"},
		{&InfoNCE{PairedNegatives: true}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(6, 2)}, nil, "Negatives", "6×2", "a multiple of 4 rows"},
		{&InfoNCE{PairedNegatives: true}, Batch{Q: m(0, 2), K: m(0, 2), Negatives: m(6, 2)}, nil, "Negatives", "6×2", "a multiple of 0 rows"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(5, 2)}, &Batch{Q: m(5, 2)}, "grad.Q", "5×2", "4×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(5, 2)}, &Batch{K: m(4, 2)}, "grad.K", "4×2", "5×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(6, 2)}, &Batch{Negatives: m(6, 1)}, "grad.Negatives", "6×1", "6×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{Q: short}, "grad.Q.Data", "of length 6", "at least 8 long"},
		{&NTXent{}, Batch{Q: narrow, K: m(4, 2)}, nil, "Q.Stride", "1", "at least 2"},
		{&NTXent{}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&NTXent{}, Batch{Q: m(4, 2), K: m(4, 1)}, nil, "K", "4×1", "4×2"},
		{&NTXent{}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{Q: m(8, 2)}, "grad.Q", "8×2", "4×2"},
		{&NTXent{}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{K: m(2, 4)}, "grad.K", "2×4", "4×2"},
		{&InfoNCE{}, Batch{Q: m(4, 2), K: m(5, 2), IDs: labels}, nil, "IDs", "of length 4", "of length 5"},
		{&InfoNCE{}, Batch{Q: m(3, 2), K: m(3, 2), Weights: make([]float32, 4)}, nil, "Weights", "of length 4", "of length 3"},
		{&InfoNCE{InBatch: true}, Batch{Q: m(4, 2), K: m(5, 2), Negatives: m(1, 2)}, nil, "K", "5×2", "4×2"},
		{&InfoNCE{FalseNegatives: FalseNegatives{Similar: 1}}, Batch{Q: m(4, 2), K: m(4, 2), Guide: &Batch{Q: m(4, 3), K: m(4, 2)}}, nil, "Guide.K", "4×2", "4×3"},
		{&NTXent{}, Batch{Q: m(4, 2), K: m(4, 2), IDs: labels[:3]}, nil, "IDs", "of length 3", "of length 4"},
		{&SupCon{}, Batch{Q: m(4, 2), Labels: labels[:3]}, nil, "Labels", "of length 3", "of length 4"},
		{&SupCon{}, Batch{Q: m(4, 2), Labels: labels}, &Batch{Q: m(4, 1)}, "grad.Q", "4×1", "4×2"},
		{&DCL{}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&DCL{}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{K: m(4, 1)}, "grad.K", "4×1", "4×2"},
		{&SigLIP{}, Batch{Q: m(4, 2), K: m(3, 2)}, nil, "K", "3×2", "4×2"},
		{&SigLIP{}, Batch{Q: m(4, 2), K: m(5, 2), IDs: labels}, nil, "IDs", "of length 4", "of length 5"},
		{&SigLIP{}, Batch{Q: m(4, 2), K: m(5, 2)}, &Batch{K: m(4, 2)}, "grad.K", "4×2", "5×2"},
		{&HCL{}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&HCL{Concentration: 1}, Batch{Q: narrow, K: m(4, 2)}, nil, "Q.Stride", "1", "at least 2"},
		{&HCL{Concentration: 1}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&HCL{Concentration: 1}, Batch{Q: m(4, 2), K: m(4, 2), IDs: labels[:3]}, nil, "IDs", "of length 3", "of length 4"},
		{&HCL{Concentration: 1}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{Q: m(8, 2)}, "grad.Q", "8×2", "4×2"},
		{&HCL{Concentration: 1}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{K: m(2, 4)}, "grad.K", "2×4", "4×2"},
		{&NPair{}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&NPair{}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{K: m(4, 1)}, "grad.K", "4×1", "4×2"},
		{&AlignUniform{}, Batch{Q: m(4, 2), K: m(5, 2)}, nil, "K", "5×2", "4×2"},
		{&AlignUniform{}, Batch{Q: short}, nil, "Q.Data", "of length 6", "at least 8 long"},
		{&AlignUniform{}, Batch{Q: m(4, 2), K: m(4, 2)}, &Batch{Q: m(4, 3)}, "grad.Q", "4×3", "4×2"},
		{&Custom{Score: crossEntropyRow}, Batch{Q: m(4, 2), K: m(4, 3)}, nil, "K", "4×3", "n×2"},
		{&Triplet{}, Batch{Q: short, K: m(4, 2), Negatives: m(4, 2)}, nil, "Q.Data", "of length 6", "at least 8 long"},
		{&Triplet{}, Batch{Q: m(4, 2), K: m(5, 2), Negatives: m(4, 2)}, nil, "K", "5×2", "4×2"},
		{&Triplet{}, Batch{Q: m(4, 2), K: m(4, 2)}, nil, "Negatives", "0×0", "4×2"},
		{&Triplet{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(8, 2)}, nil, "Negatives", "8×2", "4×2"},
		{&Triplet{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(4, 2)}, &Batch{Q: m(4, 3)}, "grad.Q", "4×3", "4×2"},
		{&Triplet{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(4, 2)}, &Batch{K: m(3, 2)}, "grad.K", "3×2", "4×2"},
		{&Triplet{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(4, 2)}, &Batch{Negatives: m(3, 2)}, "grad.Negatives", "3×2", "4×2"},
		{&Triplet{}, Batch{Q: short, Triplets: []Triple{}}, nil, "Q.Data", "of length 6", "at least 8 long"},
		{&Triplet{}, Batch{Q: m(4, 2), Triplets: []Triple{}}, &Batch{Q: m(4, 3)}, "grad.Q", "4×3", "4×2"},
		{&Triplet{}, Batch{Q: m(4, 2), Triplets: []Triple{{0, 1, 2}}, Weights: make([]float32, 4)}, nil, "Weights", "of length 4", "of length 1"},
		{&BatchHard{}, Batch{Q: m(4, 2), Labels: labels, Weights: make([]float32, 3)}, nil, "Weights", "of length 3", "of length 4"},
		{&ContrastivePair{}, Batch{Q: m(4, 2), K: m(4, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&ContrastivePair{}, Batch{Q: m(4, 2), K: m(4, 3), Labels: labels}, nil, "K", "4×3", "4×2"},
		{&ContrastivePair{}, Batch{Q: m(4, 2), K: m(4, 2), Labels: labels}, &Batch{K: m(2, 2)}, "grad.K", "2×2", "4×2"},
		{&ContrastivePair{}, Batch{Q: m(4, 2), K: m(4, 2), Labels: labels, Weights: make([]float32, 1)}, nil, "Weights", "of length 1", "of length 4"},
		{&CosineEmbedding{}, Batch{Q: m(4, 2), K: m(4, 2), Labels: labels[:3]}, nil, "Labels", "of length 3", "of length 4"},
		{&CosineEmbedding{}, Batch{Q: m(0, 2), K: m(4, 2)}, nil, "K", "4×2", "0×2"},
		{&MarginRanking{}, Batch{Q: m(4, 2), K: m(4, 1)}, nil, "K", "4×1", "4×2"},
		{&MarginRanking{}, Batch{Q: m(4, 2), K: m(4, 2), Labels: labels[:3]}, nil, "Labels", "of length 3", "of length 4"},
		{&LogisticRanking{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(8, 2)}, nil, "Negatives", "8×2", "4×2"},
		{&LogisticRanking{}, Batch{Q: m(4, 2), K: m(4, 2), Negatives: m(4, 2)}, &Batch{Negatives: m(4, 1)}, "grad.Negatives", "4×1", "4×2"},
		{&SemiHard{}, Batch{Q: short, Labels: labels}, nil, "Q.Data", "of length 6", "at least 8 long"},
		{&MarginLoss{}, Batch{Q: m(4, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&MarginLoss{}, Batch{Q: m(4, 2), Triplets: []Triple{{0, 1, 2}}}, &Batch{Q: m(3, 2)}, "grad.Q", "3×2", "4×2"},
		{&Lifted{}, Batch{Q: m(4, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&SemiHard{}, Batch{Q: m(4, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&BatchAll{}, Batch{Q: narrow, Labels: labels}, nil, "Q.Stride", "1", "at least 2"},
		{&BatchAll{}, Batch{Q: m(3, 2), Labels: labels}, nil, "Labels", "of length 4", "of length 3"},
		{&BatchAll{}, Batch{Q: m(4, 2), Labels: labels, Weights: make([]float32, 3)}, nil, "Weights", "of length 3", "of length 4"},
		{&BatchAll{}, Batch{Q: m(4, 2), Labels: labels}, &Batch{Q: m(4, 1)}, "grad.Q", "4×1", "4×2"},
		{&BatchHard{}, Batch{Q: narrow, Labels: labels}, nil, "Q.Stride", "1", "at least 2"},
		{&BatchHard{}, Batch{Q: m(4, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&BatchHard{}, Batch{Q: m(3, 2), Labels: labels}, nil, "Labels", "of length 4", "of length 3"},
		{&BatchHard{}, Batch{Q: m(4, 2), Labels: labels}, &Batch{Q: m(4, 1)}, "grad.Q", "4×1", "4×2"},
		{&Circle{}, Batch{Q: narrow, Labels: labels}, nil, "Q.Stride", "1", "at least 2"},
		{&Circle{}, Batch{Q: m(4, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&Circle{}, Batch{Q: m(4, 2), Labels: labels}, &Batch{Q: m(4, 1)}, "grad.Q", "4×1", "4×2"},
		{&MultiSimilarity{}, Batch{Q: m(3, 2), Labels: labels}, nil, "Labels", "of length 4", "of length 3"},
		{&MultiSimilarity{}, Batch{Q: m(4, 2), Labels: labels, Weights: make([]float32, 3)}, nil, "Weights", "of length 3", "of length 4"},
		{&ArcFace{}, Batch{Q: m(4, 2), K: m(3, 2)}, nil, "Labels", "of length 0", "of length 4"},
		{&ArcFace{}, Batch{Q: m(4, 2), K: m(3, 1), Labels: labels}, nil, "K", "3×1", "n×2"},
		{&ArcFace{}, Batch{Q: m(4, 2), K: m(3, 2), Labels: labels}, &Batch{K: m(4, 2)}, "grad.K", "4×2", "3×2"},
		{&CosFace{}, Batch{Q: m(3, 2), K: m(3, 2), Labels: labels}, nil, "Labels", "of length 4", "of length 3"},
	} {
		func() {
			op := "infonce." + strings.TrimPrefix(fmt.Sprintf("%T", c.loss), "*infonce.")
			defer func() {
				e, ok := recover().(*simd.ShapeError)
				if want := (simd.ShapeError{Op: op, Arg: c.arg, Got: c.got, Want: c.want}); !ok || *e != want {
					t.Errorf("%s: panic with %v, want %v", op, e, &want)
				}
			}()
			r, err := c.loss.Evaluate(c.b, c.grad, 1)
			t.Errorf("%s: %+v, %v, want a panic: %s is %s, want %s", op, r, err, c.arg, c.got, c.want)
		}()
	}
}
