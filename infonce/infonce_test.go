package infonce_test

import (
	"math"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// near reports whether got is within rel of want, relative to it.
func near(got, want, rel float64) bool { return math.Abs(got-want) <= rel*math.Abs(want) }

// rowsOf returns a matrix with the given rows.
func rowsOf(rows ...[]float32) simd.Matrix {
	m := simd.NewMatrix(len(rows), len(rows[0]))
	for i, r := range rows {
		copy(m.Row(i), r)
	}
	return m
}

// oneHot returns n rows of d zeros, but for x at column i mod d of row i.
func oneHot(n, d int, x float32) simd.Matrix {
	m := simd.NewMatrix(n, d)
	for i := range n {
		m.Row(i)[i%d] = x
	}
	return m
}

// simplex returns n unit rows, any two with the product −1/(n−1), as the Cholesky
// factor of their products. Large terms come last in each product, so float32 sums them well.
func simplex(n int) simd.Matrix {
	m := simd.NewMatrix(n, n-1)
	for k := range n - 1 {
		rest := float64(n - 1 - k)
		a := math.Sqrt(float64(n) * rest / ((rest + 1) * float64(n-1)))
		m.Row(k)[k] = float32(a)
		for i := k + 1; i < n; i++ {
			m.Row(i)[k] = float32(-a / rest)
		}
	}
	return m
}

// centred returns n·e_i − 1 for each i < n: a simplex too, whose products are all whole numbers.
func centred(n int) simd.Matrix {
	m := simd.NewMatrix(n, n)
	for i := range n {
		for j := range n {
			m.Row(i)[j] = -1
		}
		m.Row(i)[i] = float32(n - 1)
	}
	return m
}

// TestCollapse: where all rows are equal the losses with a temperature are the logarithm of the
// number of candidates, at any temperature, and have no gradient.
func TestCollapse(t *testing.T) {
	for _, temperature := range []float32{1e-4, 0.01, 0.025, 0.07, 1, 1e4} {
		for _, v := range append(softmaxVariants(temperature, false), softmaxVariants(temperature, true)...) {
			const n, d = 64, 3
			b := Batch{Q: simd.NewMatrix(n, d), K: simd.NewMatrix(v.KeyRows(n), d), Negatives: simd.NewMatrix(v.NegativeRows(n), d)}
			candidates := b.K.Rows
			switch {
			case v.Queries == 2:
				candidates = 2*n - 1
			case v.Paired:
				candidates = 1 + b.Negatives.Rows/n
			case b.Negatives.Rows > 0:
				candidates = 1 + b.Negatives.Rows
			}
			// Products of these are small integers: dot products in any order are exact, and
			// so logits are equal.
			each(b, func(_, _ int, row []float32) { copy(row, []float32{1, 2, 3}) })
			check.EachLevel(t, func(t *testing.T) {
				g := gradFor(b)
				r := evaluate(t, v.Name, v.New(1), b, &g, 1)
				tol := 1e-7
				if v.Cosine && b.Negatives.Rows > 0 {
					// The positive is another kind of dot product, and may differ in the last bits
					// of 1.
					tol += 4 * ulp * v.Beta
				}
				if want := math.Log(float64(candidates)); !near(r.Loss, want, tol) {
					t.Errorf("%s: loss %v, want ln %d = %v", v.Name, r.Loss, candidates, want)
				}
				// Candidates pull a query with the same force in sum as its positive, up to
				// rounding. A key is pulled along the query, which unit rows do not feel.
				limit := v.Beta * largest(b.K) * 64 * ulp
				each(b, func(p, i int, _ []float32) {
					if p > 0 && !v.Cosine {
						return
					}
					for _, x := range part(g, p).Row(i) {
						if math.Abs(float64(x)) > limit {
							t.Fatalf("%s: gradient %v of row %d of part %d", v.Name, x, i, p)
						}
					}
				})
			})
		}
	}
}

// TestSimplexOptimum: at the minimum the losses have their closed form, down to 1e-6.
func TestSimplexOptimum(t *testing.T) {
	infoNCE := func(τ float32, dot bool) Loss { return &InfoNCE{Temperature: τ, DotProduct: dot} }
	clip := func(τ float32, dot bool) Loss { return &InfoNCE{Temperature: τ, DotProduct: dot, Symmetric: true} }
	ntXent := func(τ float32, dot bool) Loss { return &NTXent{Temperature: τ, DotProduct: dot} }
	for _, c := range []struct {
		name      string
		loss      func(τ float32, dot bool) Loss
		n         int
		τ         float32
		negatives float64 // for each other sample
		want      float64
		digits    float64 // to which that is printed
	}{
		{"InfoNCE", infoNCE, 8, 0.1, 1, 7.61580815e-5, 1e-9},
		{"InfoNCE", infoNCE, 64, 0.1, 1, 2.43742191e-3, 1e-9},
		{"InfoNCE", infoNCE, 64, 0.5, 1, 2.22567203, 1e-9},
		{"InfoNCE", infoNCE, 512, 0.05, 1, 1.01282221e-6, 1e-9},
		{"CLIP", clip, 64, 0.1, 1, 2.43742191e-3, 1e-9},
		{"NTXent", ntXent, 64, 0.5, 2, 2.86330924, 1e-9},
		{"NTXent", ntXent, 512, 0.07, 2, 6.20823e-4, 1e-6},
	} {
		if testing.Short() && c.n > 64 && c.negatives > 1 {
			continue
		}
		others := float64(c.n - 1)
		exact := func(τ float64) float64 {
			return math.Log1p(c.negatives * others * math.Exp(-float64(c.n)/others/τ))
		}
		if !near(exact(float64(c.τ)), c.want, 1e-6+c.digits) { // float32 does not hold the decimal temperature
			t.Fatalf("%s N=%d τ=%v: the formula gives %v, printed is %v", c.name, c.n, c.τ, exact(float64(c.τ)), c.want)
		}
		x, y := simplex(c.n), centred(c.n)
		length := float32(c.n * (c.n - 1)) // squared, of the rows of y
		check.EachLevel(t, func(t *testing.T) {
			if testing.Short() && c.n > 64 && cpu.Active() == cpu.Generic {
				return
			}
			b := Batch{Q: x, K: x}
			if r := evaluate(t, c.name, c.loss(c.τ, false), b, nil, 1); !near(r.Loss, exact(float64(c.τ)), maxValueError) {
				t.Errorf("%s N=%d τ=%v: loss %v, want %v: off by %.3g of it", c.name, c.n, c.τ, r.Loss, exact(float64(c.τ)), r.Loss/exact(float64(c.τ))-1)
			}
			τ := c.τ * length
			want := exact(float64(τ) / float64(length))
			if r := evaluate(t, c.name, c.loss(τ, true), Batch{Q: y, K: y}, nil, 1); !near(r.Loss, want, maxValueError) {
				t.Errorf("%s N=%d τ=%v, whole numbers: loss %v, want %v: off by %.3g of it", c.name, c.n, c.τ, r.Loss, want, r.Loss/want-1)
			}
			if c.n > 64 {
				return
			}
			// At the minimum all gradients vanish, next to β·(1−p)/N that a row could have.
			g := gradFor(b)
			evaluate(t, c.name, c.loss(c.τ, false), b, &g, 1)
			limit := 1e-5 * min(1, want) / float64(c.τ) / float64(c.n)
			for _, x := range slices.Concat(g.Q.Data, g.K.Data) {
				if math.Abs(float64(x)) > limit {
					t.Errorf("%s N=%d τ=%v: gradient %v at the minimum, allowed %.3g", c.name, c.n, c.τ, x, limit)
					break
				}
			}
		})
	}
	// Where large terms come first all later ones are rounded at their size, in one direction.
	v := softmaxVariants(0.05, false)[0]
	b := Batch{Q: centred(256), K: centred(256)}
	c := trial{variant: v, name: "centred rows", b: b, want: v.ask(b), scale: 1}
	c.tol = v.derived(b, c.want)
	c.run(t, v.New(0))
}

// TestSmallLoss: a loss of 1e-12 and its gradient keep their digits, where ln Σ − z has none.
func TestSmallLoss(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{2, 5} {
			for _, β := range []float32{4, 16, 27.5, 32, 64} {
				// Orthogonal unit rows: all similarities are 0 or 1.
				x := oneHot(n, n, 1)
				first := oneHot(1, n, 1)
				p := math.Exp(-float64(β))      // a candidate orthogonal to the query, next to the positive
				tol := 8*ulp + 4*ulp*float64(β) // 1/β is rounded, and so is β again
				for _, c := range []struct {
					name string
					loss Loss
					b    Batch
					want float64 // e^loss − 1
					pull float64 // on row 0 along axis 1, in units of β/n
				}{
					{"InfoNCE", &InfoNCE{Temperature: 1 / β}, Batch{Q: x, K: x}, float64(n-1) * p, p / (1 + float64(n-1)*p)},
					{"CLIP", &InfoNCE{Temperature: 1 / β, Symmetric: true}, Batch{Q: x, K: x}, float64(n-1) * p, p / (1 + float64(n-1)*p)},
					// The other sample's views count twice: as candidates of row 0, and it as one
					// of theirs.
					{"NTXent", &NTXent{Temperature: 1 / β}, Batch{Q: x, K: x}, float64(2*(n-1)) * p, 2 * p / (1 + float64(2*(n-1))*p)},
					{"negatives", &InfoNCE{Temperature: 1 / β}, Batch{Q: first, K: first, Negatives: oneHot(1, n, -1)}, p * p, 0},
					{"paired", &InfoNCE{Temperature: 1 / β, PairedNegatives: true}, Batch{Q: first, K: first, Negatives: x.Slice(1, n)}, float64(n-1) * p, float64(n) * p / (1 + float64(n-1)*p)},
				} {
					g := gradFor(c.b)
					r := evaluate(t, c.name, c.loss, c.b, &g, 1)
					if want := math.Log1p(c.want); !(math.Abs(r.Loss-want) <= 2*tol*want+0x1p-126) {
						t.Errorf("%s n=%d β=%v: loss %v, want %v: off by %.3g of it", c.name, n, β, r.Loss, want, r.Loss/want-1)
					}
					if want := float64(β) / float64(n) * c.pull; !near(float64(g.Q.Row(0)[1]), want, tol) {
						t.Errorf("%s n=%d β=%v: gradient %v, want %v: off by %.3g of it", c.name, n, β, g.Q.Row(0)[1], want, float64(g.Q.Row(0)[1])/want-1)
					}
				}
			}
		}
	})
}

// TestNoSaturation: a loss of 100 and 200 is that, and pulls with full force, where
// ln(e^z/Σ + tiny) stays at 87.3365 without a gradient.
func TestNoSaturation(t *testing.T) {
	q, orthogonal := rowsOf([]float32{1, 0}), rowsOf([]float32{0, 1})
	both := rowsOf([]float32{1, 0}, []float32{1, 0})
	check.EachLevel(t, func(t *testing.T) {
		for _, τ := range []float32{0.01, 0.005, 0.001} {
			want := 1/float64(τ) + math.Ln2
			for _, paired := range []bool{false, true} {
				b := Batch{Q: q, K: orthogonal, Negatives: both}
				g := gradFor(b)
				r := evaluate(t, "InfoNCE", &InfoNCE{Temperature: τ, PairedNegatives: paired}, b, &g, 1)
				if !near(r.Loss, want, 2*ulp) {
					t.Errorf("τ=%v: loss %v, want %v", τ, r.Loss, want)
				}
				// p is 1/2 for each negative, along the query; the positive pulls with 1/τ.
				if got := float64(g.Q.Row(0)[1]); !near(got, -1/float64(τ), 4*ulp) {
					t.Errorf("τ=%v: gradient %v, want %v", τ, got, -1/float64(τ))
				}
				if got := float64(g.K.Row(0)[0]); !near(got, -1/float64(τ), 4*ulp) {
					t.Errorf("τ=%v: gradient of the key %v, want %v", τ, got, -1/float64(τ))
				}
				if !near(r.DTemperature, -1/float64(τ)/float64(τ), 8*ulp) {
					t.Errorf("τ=%v: ∂L/∂τ %v, want %v", τ, r.DTemperature, -1/float64(τ)/float64(τ))
				}
			}
			// Two views that are orthogonal while the other sample's are equal to them.
			r := evaluate(t, "NTXent", &NTXent{Temperature: τ}, Batch{Q: both, K: rowsOf([]float32{0, 1}, []float32{0, 1})}, nil, 1)
			if want := 1 / float64(τ); !near(r.Loss, want, 2*ulp) {
				t.Errorf("NTXent τ=%v: loss %v, want %v", τ, r.Loss, want)
			}
		}
	})
}

// TestExactLogits: where the logits are exact, so is the rest, at temperatures down to 2^-13.
func TestExactLogits(t *testing.T) {
	r := check.NewRand(40)
	var trials []trial
	for _, τ := range []float32{0x1p-13, 0x1p-10, 0x1p-7} {
		for _, v := range softmaxVariants(τ, true) {
			for _, n := range []int{2, 7, 49} {
				const d = 12
				b := v.batch(r, n, d, 1, 0)
				each(b, func(_, _ int, row []float32) { copy(row, r.SmallInts(d, 16)) })
				// Logits are integers: similarities are integers times τ.
				for i := range n {
					simd.Scale(b.Q.Row(i), τ, b.Q.Row(i))
				}
				c := trial{variant: v, name: v.Name, b: b, base: gradFor(b), scale: 1}
				if v.Queries == 2 {
					// Both views at √τ would not be exact; so a power of two whose square is below
					// τ.
					h := float32(math.Ldexp(1, (math.Ilogb(float64(τ))-1)/2))
					for i := range n {
						simd.Scale(b.Q.Row(i), h/τ, b.Q.Row(i))
						simd.Scale(b.K.Row(i), h, b.K.Row(i))
					}
				}
				c.want = v.ask(b)
				c.tol = v.published(b, c.want)
				c.tol.Value += 0x1p-126
				c.tol.Row = func(row func(int, int) float64) func(int, int) float64 {
					return func(p, i int) float64 { return row(p, i) + 0x1p-126/float64(τ) }
				}(c.tol.Row)
				trials = append(trials, c)
			}
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range trials {
			c.run(t, c.New(1))
		}
	})
}

// TestCLIPSwap: queries and keys play the same part, so value and gradients have the same bits
// when they are swapped.
func TestCLIPSwap(t *testing.T) {
	r := check.NewRand(41)
	check.EachLevel(t, func(t *testing.T) {
		for _, vs := range [][]variant{softmaxVariants(0.07, false), softmaxVariants(0.02, false), softmaxVariants(1, true)} {
			for _, n := range []int{1, 5, 64, 130} {
				v := vs[2]
				b := v.batch(r, n, 20, 0, 0.5)
				got, want := outcomeOf(t, v.Name, v.New(1), Batch{Q: b.K, K: b.Q}), outcomeOf(t, v.Name, v.New(1), b)
				if math.Float64bits(got.r.Loss) != math.Float64bits(want.r.Loss) {
					t.Errorf("%s n=%d: loss %x after the swap, %x before", v.Name, n, got.r.Loss, want.r.Loss)
				}
				if !near(got.r.DTemperature, want.r.DTemperature, 1e-5) {
					t.Errorf("%s n=%d: ∂L/∂τ %v after the swap, %v before", v.Name, n, got.r.DTemperature, want.r.DTemperature)
				}
				for p, x := range []simd.Matrix{want.g.Q, want.g.K} {
					check.SameBits(t, v.Name, part(got.g, 1-p).Data, x.Data)
				}
			}
		}
	})
}

// TestExtraKeysAreNegatives: rows of K past those of Q are what Negatives are, in another place.
func TestExtraKeysAreNegatives(t *testing.T) {
	r := check.NewRand(42)
	const m, d = 6, 8
	k := gaps(m, d, 0, r.Normals32(m*d))
	b := Batch{Q: gaps(1, d, 0, r.Normals32(d)), K: k}
	c := Batch{Q: b.Q, K: k.Slice(0, 1), Negatives: k.Slice(1, m)}
	keys := outcomeOf(t, "keys", &InfoNCE{}, b)
	for _, paired := range []bool{false, true} {
		negatives := outcomeOf(t, "negatives", &InfoNCE{PairedNegatives: paired}, c)
		if !near(negatives.r.Loss, keys.r.Loss, maxValueError) {
			t.Errorf("paired %v: loss %v with negatives, %v with the same rows as keys", paired, negatives.r.Loss, keys.r.Loss)
		}
		var size, diff float64
		for i, x := range slices.Concat(negatives.g.K.Data, negatives.g.Negatives.Data) {
			w := float64(keys.g.K.Data[i])
			size, diff = max(size, math.Abs(w)), max(diff, math.Abs(float64(x)-w))
		}
		if diff > maxGradientError*size || size == 0 {
			t.Errorf("paired %v: gradients differ by %.3g of %.3g from those with the same rows as keys", paired, diff, size)
		}
	}
}

// TestInfoNCEChangedSettings: negatives of a call do not linger where the next one, with other
// settings, takes them for candidates like the keys.
func TestInfoNCEChangedSettings(t *testing.T) {
	r := check.NewRand(24)
	matrix := func(rows int) simd.Matrix { return gaps(rows, 8, 0, r.Normals32(rows*8)) }
	b := Batch{Q: matrix(20), K: matrix(20), Negatives: matrix(30)}
	stacked := InfoNCE{InBatch: true, LabelSmoothing: 0.1}
	want := outcomeOf(t, "fresh", &stacked, b)
	used := InfoNCE{}
	outcomeOf(t, "own candidates", &used, b)
	used.InBatch, used.LabelSmoothing = true, 0.1
	outcomeOf(t, "used before", &used, b).same(t, "used before", want)
}
