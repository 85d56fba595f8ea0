package infonce_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// A variant is a case of the catalog, and what a test knows about its error.
type variant struct{ catalog.Case }

// variants returns the wanted cases of the losses that vary by v.
func variants(v catalog.Variation, s catalog.Settings, wanted func(c catalog.Case) bool) []variant {
	var vs []variant
	for _, c := range catalog.Cases(v, s) {
		if wanted(c) {
			vs = append(vs, variant{c})
		}
	}
	return vs
}

// softmaxVariants are the plain means of cross-entropies.
func softmaxVariants(temperature float32, dot bool) []variant {
	return variants(catalog.ByTemperature, catalog.Settings{Temperature: temperature, DotProduct: dot}, func(c catalog.Case) bool {
		return !c.Loose && !c.Sums && c.Steep == 0
	})
}

// optionVariants are the options of the losses with a temperature, and the losses that differ from
// these in what takes part.
func optionVariants(temperature float32, dot bool) []variant {
	return variants(catalog.ByTemperature, catalog.Settings{Temperature: temperature, DotProduct: dot}, func(c catalog.Case) bool { return c.Loose })
}

// viewVariants are the losses of a sum over rows of logits that are not softmax alone, the sums
// over all logits first.
func viewVariants(temperature float32, dot bool) []variant {
	settings := catalog.Settings{Temperature: temperature, DotProduct: dot}
	sums := variants(catalog.ByTemperature, settings, func(c catalog.Case) bool { return !c.Loose && c.Sums })
	return append(sums, variants(catalog.ByTemperature, settings, func(c catalog.Case) bool {
		return !c.Loose && !c.Sums && c.Steep > 0
	})...)
}

// tripletVariants are the losses of one triplet a row, given or mined.
func tripletVariants(margin float32, normalize bool) []variant {
	return variants(catalog.ByMargin, catalog.Settings{Margin: margin, Normalize: normalize}, func(c catalog.Case) bool {
		return !c.Products && c.Choices == nil && !c.Triplets
	})
}

// pairVariants are the losses of pairs, of scores and of lists.
func pairVariants(margin float32, normalize bool) []variant {
	return variants(catalog.ByMargin, catalog.Settings{Margin: margin, Normalize: normalize}, func(c catalog.Case) bool {
		return !c.Products && (c.Choices != nil || c.Triplets)
	})
}

// distanceVariants are the losses of rows of distances.
func distanceVariants(margin float32, normalize bool) []variant {
	return variants(catalog.ByMargin, catalog.Settings{Margin: margin, Normalize: normalize}, func(c catalog.Case) bool { return c.Products })
}

// metricVariants are the losses of cosines and labels.
func metricVariants(scale, margin float32) []variant {
	return variants(catalog.ByScale, catalog.Settings{Scale: scale, Margin: margin}, func(catalog.Case) bool { return true })
}

// spreadVariants are the losses with settings of their own.
func spreadVariants() []variant {
	return variants(catalog.ByNothing, catalog.Settings{}, func(catalog.Case) bool { return true })
}

// allVariants are all losses and options, each in some settings.
func allVariants() []variant {
	vs := softmaxVariants(0.07, false)
	vs = append(vs, softmaxVariants(0.02, false)...) // beyond the reach of the common shift
	vs = append(vs, softmaxVariants(2, true)...)
	vs = append(vs, optionVariants(0.07, false)...)
	vs = append(vs, optionVariants(0.02, true)...)
	for _, normalize := range []bool{false, true} {
		vs = append(vs, tripletVariants(0.3, normalize)...)
		vs = append(vs, pairVariants(0.3, normalize)...)
		vs = append(vs, distanceVariants(0.3, normalize)...)
	}
	vs = append(vs, metricVariants(20, 0.3)...)
	vs = append(vs, viewVariants(0.07, false)...)
	vs = append(vs, viewVariants(0.5, true)...)
	return append(vs, spreadVariants()...)
}

// mat returns m in float64.
func mat(m simd.Matrix) ref.Mat { return ref.FromFloat32(m.Rows, m.Cols, m.Stride, m.Data) }

var gaps = testkit.Gaps

// batch returns the catalog's batch for v, with rows that are gap numbers apart.
func (v variant) batch(r *check.Rand, n, d, gap int, spread float32) Batch {
	b := v.Batch(r, n, d, spread)
	b.Q = gaps(n, d, gap, b.Q.Data)
	b.K = gaps(b.K.Rows, d, gap, b.K.Data)
	b.Negatives = gaps(b.Negatives.Rows, d, 2*gap, b.Negatives.Data)
	return b
}

// gradFor returns zero matrices of the shapes of b.
func gradFor(b Batch) Batch {
	return Batch{Q: simd.NewMatrix(b.Q.Rows, b.Q.Cols), K: simd.NewMatrix(b.K.Rows, b.K.Cols), Negatives: simd.NewMatrix(b.Negatives.Rows, b.Negatives.Cols)}
}

// A truth is what ref says of a batch.
type truth struct {
	loss float64
	grad ref.Grad
}

func (v variant) ask(b Batch) truth {
	loss, grad := v.Oracle(b)
	return truth{loss, grad}
}

// evaluate is Evaluate of a valid batch.
func evaluate(t testing.TB, name string, l Loss, b Batch, grad *Batch, scale float32) Result {
	t.Helper()
	r, err := l.Evaluate(b, grad, scale)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// isZero reports whether r is the zero result.
func isZero(r Result) bool { return equal(r, Result{}) && len(r.Losses) == 0 }

// equal reports whether two results are equal apart from the losses of the terms.
func equal(x, y Result) bool {
	x.Losses, y.Losses = nil, nil
	return reflect.DeepEqual(x, y)
}

// ulp is the rounding error of float32 relative to a number.
const ulp = 0x1p-24

// Published bounds, for independent rows.
const (
	maxValueError    = 2e-6 // relative to the value
	maxGradientError = 1e-5 // relative to the largest element of the gradient
)

// published is the tolerance that the documentation states.
func (v variant) published(b Batch, want truth) catalog.Tolerance {
	size := [3]float64{}
	for p, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
		for _, g := range m.Data {
			size[p] = max(size[p], math.Abs(g))
		}
	}
	s := v.similarity(b)
	value := math.Abs(want.loss)
	if v.Signed {
		value = max(value, 1) // parts of either sign may cancel
	}
	rel := v.gradientError(b)
	return catalog.Tolerance{
		Value: maxValueError*value + v.distanceError(b),
		// The terms of a row add up to β²·s, and cancel between rows.
		Temperature: maxGradientError * max(math.Abs(want.grad.DTemperature), v.Beta*v.Beta*s),
		Bias:        maxGradientError * max(math.Abs(want.grad.DBias), v.force(want.loss)),
		Row:         func(p, _ int) float64 { return rel * size[p] },
	}
}

// reach returns the largest norm of what a row of Q, K or Negatives is compared with.
func (v variant) reach(b Batch, part int) float64 {
	switch {
	case v.Cosine:
		return 1
	case v.Queries == 2 || b.K.Rows == 0:
		return max(largest(b.Q), largest(b.K))
	case part == 0:
		return max(largest(b.K), largest(b.Negatives))
	}
	return largest(b.Q)
}

// similarity returns the largest similarity that the rows could have.
func (v variant) similarity(b Batch) float64 { return v.reach(b, 0) * v.reach(b, 1) }

// derived is the tolerance that follows from the rounding of the logits, for any batch.
//
// A similarity is a chain of d roundings of partial sums up to s. Most of them cancel;
// with what normalisation leaves they are (4 + √d/2)·s ulps. Times β, and with the
// rounding of β and of the shifted logit, it is the error δ of a logit. With it p
// changes by 2δ relative to itself, and as ∂L/∂z = G, where Σ|G| = 2·(1−p) of the positive,
// the loss changes by 2δ·(1−p), where 1−p is at most min(1, L). A gradient β·G·k
// changes by 2δ of the sum of |G|, and by another chain of roundings. Where p is below the
// normal float32, its error is absolute.
func (v variant) derived(b Batch, want truth) catalog.Tolerance {
	if v.Tolerance != nil {
		return v.Tolerance(b, want.loss)
	}
	if v.Beta == 0 {
		return v.derivedTriplet(b, want)
	}
	s, d, n := v.similarity(b), float64(b.Q.Cols), float64(b.Q.Rows)
	δ := v.Beta*s*ulp*(8+math.Sqrt(d)/2) + 2*ulp*v.Bias
	const tiny = 0x1p-126
	// Roundings in the subnormal range: some, and one of each term of a chain.
	subnormal := 0x1p-145 + float64(max(b.Q.Rows, b.K.Rows, b.Negatives.Rows))*0x1p-149
	mass := v.force(want.loss) + tiny
	rowMass := 2*min(1/n, want.loss) + tiny // Σ|G| over a row alone
	if v.Mass > 0 || v.Weights || v.Sums {
		rowMass = mass
	}
	steep := max(v.Steep, 1)
	chain := func(m int) float64 { return (8 + math.Sqrt(float64(m))) * ulp }
	inputs := []simd.Matrix{b.Q, b.K, b.Negatives}
	norms := [3][]float64{}
	for p, m := range inputs {
		_, norms[p] = ref.Normalize(mat(m))
	}
	own := b.Negatives.Rows > 0 // each query has a key of its own
	return catalog.Tolerance{
		Value:       1e-7*math.Abs(want.loss) + (δ+v.rounding())*mass + n*tiny,
		Temperature: v.Beta * (v.Beta*s*mass*(2*steep*δ+chain(b.Q.Cols)) + n*subnormal),
		Bias:        mass * (2*δ + chain(b.K.Rows)),
		Row: func(p, i int) float64 {
			m, other, rel := mass, v.reach(b, p), 2*steep*δ+chain(max(b.Q.Rows, b.K.Rows, b.Negatives.Rows))
			// In a loss over rows only, each query is in one term, and so is a key of its own.
			if v.Queries == 1 && !v.twoSided() && (p == 0 || p == 1 && own || p == 2 && v.Paired) {
				m = rowMass
			}
			if v.Cosine && norms[p][i] > 0 {
				other /= norms[p][i]
				rel += 0x1p-149 / norms[p][i] // the digits of a subnormal norm
			}
			return v.Beta * (m*other*rel + subnormal)
		},
	}
}

// force returns a bound of Σ|∂L/∂z|.
func (v variant) force(loss float64) float64 {
	loss = math.Abs(loss)
	if v.Sums {
		return loss
	}
	return max(v.Mass, 2*min(1, loss))
}

// rounding is the relative error of sums of exponentials, where a loss has more than one of them or
// a product.
func (v variant) rounding() float64 {
	if v.Sums || v.Steep > 0 {
		return 8 * ulp
	}
	return 0
}

// derivedTriplet is derived for the losses with a margin. Their distances are sums in
// float64, so only normalisation and the gradient round.
func (v variant) derivedTriplet(b Batch, want truth) catalog.Tolerance {
	size := [3]float64{}
	norms := [3][]float64{}
	for p, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
		_, norms[p] = ref.Normalize(mat([]simd.Matrix{b.Q, b.K, b.Negatives}[p]))
		for i := range m.Rows {
			for _, g := range m.Row(i) {
				if v.Cosine {
					g *= norms[p][i] // with respect to the unit row
				}
				size[p] = max(size[p], math.Abs(g))
			}
		}
	}
	// What is left where the pulls on a row cancel: those of a few triplets, each of a
	// unit vector, or twice a difference of rows.
	pull := 1.0
	if v.Squared && v.Cosine {
		pull = 4
	} else if v.Squared {
		pull = 4 * max(largest(b.Q), largest(b.K), largest(b.Negatives))
	}
	pull *= 64 * ulp / float64(max(b.Q.Rows, 1))
	rel := v.gradientError(b)
	// The exponential of the soft margin has no digits below the normal float32.
	t := catalog.Tolerance{Value: 1e-6*want.loss + 0x1p-126 + v.distanceError(b), Row: func(p, i int) float64 { return rel*size[p] + pull }}
	if v.Cosine {
		t.Value += 16 * ulp
		t.Row = func(p, i int) float64 {
			if norms[p][i] == 0 {
				return 0
			}
			return (rel*size[p] + pull + size[p]*0x1p-149/norms[p][i]) / norms[p][i]
		}
	}
	return t
}

// largest returns the largest norm of the rows of m.
func largest(m simd.Matrix) float64 {
	_, norms := ref.Normalize(mat(m))
	return slices.Max(append(norms, 0))
}

// judge reports where r and g are not base plus scale times the truth. Without base, g began at 0.
func (v variant) judge(t testing.TB, name string, b Batch, r Result, g, base Batch, scale float32, want truth, tol catalog.Tolerance) {
	t.Helper()
	a := math.Abs(float64(scale))
	if !(math.Abs(r.Loss-want.loss) <= tol.Value) {
		t.Errorf("%s: loss %v, want %v: off by %.3g, allowed %.3g", name, r.Loss, want.loss, math.Abs(r.Loss-want.loss), tol.Value)
	}
	if r.Bound > 0 && !(math.Abs(r.Loss-want.loss) <= r.Bound) {
		t.Errorf("%s: loss %v, want %v: off by %.3g, certified %.3g", name, r.Loss, want.loss, math.Abs(r.Loss-want.loss), r.Bound)
	}
	if dt := float64(scale) * want.grad.DTemperature; !(math.Abs(r.DTemperature-dt) <= a*tol.Temperature+ulp*math.Abs(dt)) {
		t.Errorf("%s: ∂L/∂τ %v, want %v: off by %.3g, allowed %.3g", name, r.DTemperature, dt, math.Abs(r.DTemperature-dt), a*tol.Temperature)
	}
	if db := float64(scale) * want.grad.DBias; !(math.Abs(r.DBias-db) <= a*tol.Bias+ulp*math.Abs(db)) {
		t.Errorf("%s: ∂L/∂b %v, want %v: off by %.3g, allowed %.3g", name, r.DBias, db, math.Abs(r.DBias-db), a*tol.Bias)
	}
	for p, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
		got, from := part(g, p), part(base, p)
		if got.Data == nil {
			continue
		}
		for i := range m.Rows {
			allowed := a * tol.Row(p, i)
			for j, w := range m.Row(i) {
				w *= float64(scale)
				limit := allowed + ulp*math.Abs(w) + 0x1p-146
				if from.Data != nil {
					w += float64(from.Row(i)[j])
					limit += ulp * math.Abs(w)
				}
				x := float64(got.Row(i)[j])
				if math.Abs(w)+limit > math.MaxFloat32 && math.IsInf(x, 0) && (x > 0) == (w > 0) {
					continue // what is allowed to be beyond float32 is infinite
				}
				if !(math.Abs(x-w) <= limit) {
					t.Errorf("%s: gradient of %s[%d, %d] is %v, want %v: off by %.3g, allowed %.3g",
						name, [...]string{"Q", "K", "Negatives"}[p], i, j, x, w, math.Abs(x-w), limit)
					return
				}
			}
		}
	}
}

// part returns Q, K or Negatives.
func part(b Batch, i int) simd.Matrix { return [...]simd.Matrix{b.Q, b.K, b.Negatives}[i] }

// twoSided reports whether columns are normalised too.
func (v variant) twoSided() bool { return v.Symmetric || v.Queries == 2 }

// withBudget returns l with its memory budget set, if it has one.
func withBudget(l Loss, budget int64) Loss { return with(l, "MemoryBudget", budget) }

// withPrecision returns l with the precision of its products set, if it has one.
func withPrecision(l Loss, p simd.Precision) Loss { return with(l, "Precision", p) }

func with(l Loss, field string, value any) Loss {
	if f := reflect.ValueOf(l).Elem().FieldByName(field); f.IsValid() {
		f.Set(reflect.ValueOf(value))
	}
	return l
}

// distanceError returns the error of a difference of distances that come from products, and 0 for
// other losses. A dot product of d terms errs by (4 + √d/2) ulps of the largest square, and the
// square of a distance by twice that. Of distances above a quarter of the root of the sum of the
// squares it is an error of twice that relative to the norm; the others are measured.
func (v variant) distanceError(b Batch) float64 {
	if !v.Products {
		return 0
	}
	x := 1.0
	if !v.Cosine {
		x = largest(b.Q)
	}
	e := 2 * (4 + math.Sqrt(float64(b.Q.Cols))/2) * ulp
	if v.Squared {
		return 2 * e * x * x
	}
	return 4 * e * x
}

// gradientError returns the error of a gradient relative to its largest element. The slope of a
// soft margin changes by as much of itself as the margin changes, at most.
func (v variant) gradientError(b Batch) float64 {
	if v.Smooth {
		return maxGradientError + v.distanceError(b)
	}
	return maxGradientError
}
