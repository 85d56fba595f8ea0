package infonce_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// A variant is a loss with its settings, the shape of what it reads, and its truth.
type variant struct {
	name      string
	new       func(workers int) Loss
	truth     func(b Batch) (float64, ref.Grad)
	queries   int // rows that enter the mean for each row of Q; 0 where that depends on the labels
	keys      func(n int) int
	negs      func(n int) int
	labels    bool
	choices   []int // labels of pairs
	triplets  bool  // lists of rows of Q
	symmetric bool
	beta      float64 // 0 where there is no temperature
	cosine    bool    // rows are normalised inside
	paired    bool    // negatives belong to one query
	ids       bool    // the batch has some
	weights   bool    // the batch has some
	mass      float64 // at most Σ|∂L/∂z|; 0 where it is 2·min(1, L), as for a mean of cross-entropies
	sums      bool    // Σ|∂L/∂z| is at most L, which is a sum over all logits
	steep     float64 // how many times as much as that of a softmax the gradient changes with the logits; 0 means 1
	bias      float64 // of the logits
	signed    bool    // the loss may be negative
	indexed   bool    // what takes part depends on the indices of rows
	squared   bool    // distances are
	products  bool    // distances come from products
	smooth    bool    // the slope of a loss of distances changes with them
	picks     bool    // negatives by distance, some of which may be equal but for rounding
	classes   bool    // labels are rows of K

	// tolerance is what follows from rounding, for losses with neither temperature nor triplets.
	tolerance func(b Batch, want truth) tolerance
}

func none(int) int   { return 0 }
func same(n int) int { return n }

// mat returns m in float64.
func mat(m simd.Matrix) ref.Mat { return ref.FromFloat32(m.Rows, m.Cols, m.Stride, m.Data) }

// softmaxVariants are the losses with a temperature.
func softmaxVariants(temperature float32, dot bool) []variant {
	τ := float64(temperature)
	infoNCE := func(symmetric, paired bool) func(int) Loss {
		return func(workers int) Loss {
			return &InfoNCE{Temperature: temperature, DotProduct: dot, Symmetric: symmetric, PairedNegatives: paired, Workers: workers}
		}
	}
	two := func(f func(q, k ref.Mat, temperature float64, normalize bool) (float64, ref.Grad)) func(Batch) (float64, ref.Grad) {
		return func(b Batch) (float64, ref.Grad) { return f(mat(b.Q), mat(b.K), τ, !dot) }
	}
	three := func(f func(q, k, n ref.Mat, temperature float64, normalize bool) (float64, ref.Grad)) func(Batch) (float64, ref.Grad) {
		return func(b Batch) (float64, ref.Grad) { return f(mat(b.Q), mat(b.K), mat(b.Negatives), τ, !dot) }
	}
	vs := []variant{
		{name: "InfoNCE", new: infoNCE(false, false), truth: two(ref.InfoNCE), queries: 1, keys: same, negs: none},
		{name: "InfoNCE/keys", new: infoNCE(false, false), truth: two(ref.InfoNCE), queries: 1, keys: func(n int) int { return n + n/2 + 3 }, negs: none},
		{name: "InfoNCE/symmetric", symmetric: true, new: infoNCE(true, false), truth: two(ref.CLIP), queries: 1, keys: same, negs: none},
		{name: "InfoNCE/negatives", new: infoNCE(false, false), truth: three(ref.InfoNCESharedNegatives), queries: 1, keys: same, negs: func(n int) int { return n + n/3 + 2 }},
		{name: "InfoNCE/paired", paired: true, new: infoNCE(false, true), truth: three(ref.InfoNCEPairedNegatives), queries: 1, keys: same, negs: func(n int) int { return 5 * n }},
		{name: "NTXent", truth: two(ref.NTXent), queries: 2, keys: same, negs: none, new: func(workers int) Loss {
			return &NTXent{Temperature: temperature, DotProduct: dot, Workers: workers}
		}},
	}
	for i := range vs {
		vs[i].beta, vs[i].cosine = 1/τ, !dot
		vs[i].name += fmt.Sprintf("/temperature=%v", temperature)
		if dot {
			vs[i].name += "/dot"
		}
	}
	return vs
}

// tripletVariants are the losses with a margin.
func tripletVariants(margin float32, normalize bool) []variant {
	var vs []variant
	add := func(name string, squared, swap, soft bool) {
		o := ref.TripletOptions{Margin: float64(margin), Squared: squared, Swap: swap, Soft: soft}
		if margin == 0 && !soft {
			o.Margin = 1
		}
		vs = append(vs, variant{
			name: "Triplet" + name, squared: squared, queries: 1, keys: same, negs: same,
			new: func(workers int) Loss {
				return &Triplet{Margin: margin, Squared: squared, Swap: swap, Soft: soft, Normalize: normalize, Workers: workers}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				a, p, n := unit(b.Q, normalize), unit(b.K, normalize), unit(b.Negatives, normalize)
				loss, g := ref.Triplet(a, p, n, o)
				return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize), DK: raw(b.K, g.DK, normalize), DNeg: raw(b.Negatives, g.DNeg, normalize)}
			},
		})
		if swap {
			return
		}
		vs = append(vs, variant{
			name: "BatchHard" + name, squared: squared, keys: none, negs: none, labels: true,
			new: func(workers int) Loss {
				return &BatchHard{Margin: margin, Squared: squared, Soft: soft, Normalize: normalize, Workers: workers}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				loss, g := ref.BatchHard(unit(b.Q, normalize), b.Labels, o)
				return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize)}
			},
		})
	}
	add("", false, false, false)
	add("/squared", true, false, false)
	add("/swap", false, true, false)
	add("/soft", false, false, true)
	add("/squared,swap,soft", true, true, true)
	for i := range vs {
		vs[i].cosine = normalize
		vs[i].name += fmt.Sprintf("/margin=%v", margin)
		if normalize {
			vs[i].name += "/normalize"
		}
	}
	return vs
}

func unit(m simd.Matrix, normalize bool) ref.Mat {
	if !normalize {
		return mat(m)
	}
	u, _ := ref.Normalize(mat(m))
	return u
}

func raw(m simd.Matrix, g ref.Mat, normalize bool) ref.Mat {
	if !normalize {
		return g
	}
	return ref.NormalizeGrad(mat(m), g)
}

// allVariants are all losses and options, each in one setting.
func allVariants() []variant {
	vs := softmaxVariants(0.07, false)
	vs = append(vs, softmaxVariants(0.02, false)...) // beyond the reach of the common shift
	vs = append(vs, softmaxVariants(2, true)...)
	vs = append(vs, optionVariants(0.07, false)...)
	vs = append(vs, optionVariants(0.02, true)...)
	vs = append(vs, tripletVariants(0.3, false)...)
	vs = append(vs, tripletVariants(0.3, true)...)
	vs = append(vs, pairVariants(0.3, false)...)
	vs = append(vs, pairVariants(0.3, true)...)
	vs = append(vs, metricVariants(20, 0.3)...)
	vs = append(vs, distanceVariants(0.3, false)...)
	vs = append(vs, distanceVariants(0.3, true)...)
	vs = append(vs, viewVariants(0.07, false)...)
	vs = append(vs, viewVariants(0.5, true)...)
	return append(vs, spreadVariants()...)
}

// gaps fills a matrix with n rows of d numbers, gap numbers apart. What lies between
// the rows is NaN, which would show in any result that it enters.
func gaps(n, d, gap int, x []float32) simd.Matrix {
	m := simd.Matrix{Rows: n, Cols: d, Stride: d + gap}
	if n == 0 {
		return m
	}
	m.Data = make([]float32, (n-1)*m.Stride+d)
	for i := range m.Data {
		m.Data[i] = float32(math.NaN())
	}
	for i := range n {
		copy(m.Row(i), x[i*d:(i+1)*d])
	}
	return m
}

// batch returns n rows of d normal numbers for v. With a spread above 0 row i of K is row i
// of Q plus spread times normal numbers; otherwise K is as random as the rest.
func (v variant) batch(r *check.Rand, n, d, gap int, spread float32) Batch {
	k, m := v.keys(n), v.negs(n)
	b := Batch{
		Q:         gaps(n, d, gap, r.Normals32(n*d)),
		K:         gaps(k, d, gap, r.Normals32(k*d)),
		Negatives: gaps(m, d, 2*gap, r.Normals32(m*d)),
	}
	if spread > 0 {
		for i := range min(n, k) {
			for j, q := range b.Q.Row(i) {
				b.K.Row(i)[j] = q + float32(spread*b.K.Row(i)[j])
			}
		}
	}
	if v.ids {
		b.IDs = make([]int, k+m)
		for i := range b.IDs {
			b.IDs[i] = r.IntN(n + 1)
		}
	}
	if v.weights {
		b.Weights = make([]float32, n)
		for i := range b.Weights {
			b.Weights[i] = []float32{0, 0.5, 1, 3}[r.IntN(4)]
		}
	}
	if v.labels {
		b.Labels = make([]int, n)
		for i := range b.Labels {
			b.Labels[i] = r.IntN(n/3+1) - 1
		}
	}
	if v.choices != nil {
		b.Labels = make([]int, n)
		for i := range b.Labels {
			b.Labels[i] = v.choices[r.IntN(len(v.choices))]
		}
	}
	if v.triplets {
		b.Triplets = make([]Triple, 2*n)
		for i := range b.Triplets {
			b.Triplets[i] = Triple{r.IntN(n), r.IntN(n), r.IntN(n)}
		}
	}
	if v.classes {
		b.Labels = make([]int, n)
		for i := range b.Labels {
			if b.Labels[i] = i; spread == 0 || i >= k {
				b.Labels[i] = r.IntN(k)
			}
		}
	}
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
	loss, grad := v.truth(b)
	return truth{loss, grad}
}

// evaluate is Evaluate of a batch that must be right.
func evaluate(t testing.TB, name string, l Loss, b Batch, grad *Batch, scale float32) Result {
	t.Helper()
	r, err := l.Evaluate(b, grad, scale)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// isZero reports whether r says nothing at all.
func isZero(r Result) bool { return equal(r, Result{}) && len(r.Losses) == 0 }

// equal reports whether two results agree in all but the losses of the terms.
func equal(x, y Result) bool {
	x.Losses, y.Losses = nil, nil
	return reflect.DeepEqual(x, y)
}

// ulp is the rounding error of float32 relative to a number.
const ulp = 0x1p-24

// Published bounds, for rows that know nothing of each other.
const (
	maxValueError    = 2e-6 // relative to the value
	maxGradientError = 1e-5 // relative to the largest element of the gradient
)

// A tolerance is how far a result may be from the truth.
type tolerance struct {
	value, temperature, bias float64
	row                      func(part int, i int) float64 // of an element of row i of the gradient of Q, K or Negatives
}

// published is the tolerance that the documentation states.
func (v variant) published(b Batch, want truth) tolerance {
	size := [3]float64{}
	for p, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
		for _, g := range m.Data {
			size[p] = max(size[p], math.Abs(g))
		}
	}
	s := v.similarity(b)
	value := math.Abs(want.loss)
	if v.signed {
		value = max(value, 1) // parts of either sign may cancel
	}
	rel := v.gradientError(b)
	return tolerance{
		value: maxValueError*value + v.distanceError(b),
		// The terms of a row add up to β²·s, and cancel between rows.
		temperature: maxGradientError * max(math.Abs(want.grad.DTemperature), v.beta*v.beta*s),
		bias:        maxGradientError * max(math.Abs(want.grad.DBias), v.force(want.loss)),
		row:         func(p, _ int) float64 { return rel * size[p] },
	}
}

// reach returns the largest norm of what a row of Q, K or Negatives is compared with.
func (v variant) reach(b Batch, part int) float64 {
	switch {
	case v.cosine:
		return 1
	case v.queries == 2 || b.K.Rows == 0:
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
// A similarity is a chain of d roundings, of which most cancel, of partial sums up to s;
// with what normalisation leaves that is (4 + √d/2)·s ulps. Times β, and with the
// rounding of β and of the shifted logit, it is the error δ of a logit. With it p
// changes by 2δ relative to itself, and as ∂L/∂z = G, where Σ|G| = 2·(1−p) of the positive,
// the loss changes by 2δ·(1−p), of which 1−p is at most min(1, L). A gradient β·G·k
// changes by 2δ of the sum of |G|, and by another chain of roundings. Where p is below the
// normal float32, its error is absolute.
func (v variant) derived(b Batch, want truth) tolerance {
	if v.tolerance != nil {
		return v.tolerance(b, want)
	}
	if v.beta == 0 {
		return v.derivedTriplet(b, want)
	}
	s, d, n := v.similarity(b), float64(b.Q.Cols), float64(b.Q.Rows)
	δ := v.beta*s*ulp*(8+math.Sqrt(d)/2) + 2*ulp*v.bias
	const tiny = 0x1p-126
	// Roundings in the subnormal range: some, and one of each term of a chain.
	subnormal := 0x1p-145 + float64(max(b.Q.Rows, b.K.Rows, b.Negatives.Rows))*0x1p-149
	mass := v.force(want.loss) + tiny
	rowMass := 2*min(1/n, want.loss) + tiny // Σ|G| over a row alone
	if v.mass > 0 || v.weights || v.sums {
		rowMass = mass
	}
	steep := max(v.steep, 1)
	chain := func(m int) float64 { return (8 + math.Sqrt(float64(m))) * ulp }
	inputs := []simd.Matrix{b.Q, b.K, b.Negatives}
	norms := [3][]float64{}
	for p, m := range inputs {
		_, norms[p] = ref.Normalize(mat(m))
	}
	own := b.Negatives.Rows > 0 // each query has a key of its own
	return tolerance{
		value:       1e-7*math.Abs(want.loss) + (δ+v.rounding())*mass + n*tiny,
		temperature: v.beta * (v.beta*s*mass*(2*steep*δ+chain(b.Q.Cols)) + n*subnormal),
		bias:        mass * (2*δ + chain(b.K.Rows)),
		row: func(p, i int) float64 {
			m, other, rel := mass, v.reach(b, p), 2*steep*δ+chain(max(b.Q.Rows, b.K.Rows, b.Negatives.Rows))
			// In a loss over rows only, each query is in one term, and so is a key of its own.
			if v.queries == 1 && !v.twoSided() && (p == 0 || p == 1 && own || p == 2 && v.paired) {
				m = rowMass
			}
			if v.cosine && norms[p][i] > 0 {
				other /= norms[p][i]
				rel += 0x1p-149 / norms[p][i] // the digits of a subnormal norm
			}
			return v.beta * (m*other*rel + subnormal)
		},
	}
}

// force returns a bound of Σ|∂L/∂z|.
func (v variant) force(loss float64) float64 {
	loss = math.Abs(loss)
	if v.sums {
		return loss
	}
	return max(v.mass, 2*min(1, loss))
}

// rounding is the relative error of sums of exponentials, where a loss has more than one of them or a product.
func (v variant) rounding() float64 {
	if v.sums || v.steep > 0 {
		return 8 * ulp
	}
	return 0
}

// derivedTriplet is derived for the losses with a margin. Their distances are sums in
// float64, so only normalisation and the gradient round.
func (v variant) derivedTriplet(b Batch, want truth) tolerance {
	size := [3]float64{}
	norms := [3][]float64{}
	for p, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
		_, norms[p] = ref.Normalize(mat([]simd.Matrix{b.Q, b.K, b.Negatives}[p]))
		for i := range m.Rows {
			for _, g := range m.Row(i) {
				if v.cosine {
					g *= norms[p][i] // with respect to the unit row
				}
				size[p] = max(size[p], math.Abs(g))
			}
		}
	}
	// What is left where the pulls on a row cancel: those of a few triplets, each of a
	// unit vector, or twice a difference of rows.
	pull := 1.0
	if v.squared && v.cosine {
		pull = 4
	} else if v.squared {
		pull = 4 * max(largest(b.Q), largest(b.K), largest(b.Negatives))
	}
	pull *= 64 * ulp / float64(max(b.Q.Rows, 1))
	rel := v.gradientError(b)
	// The exponential of the soft margin has no digits below the normal float32.
	t := tolerance{value: 1e-6*want.loss + 0x1p-126 + v.distanceError(b), row: func(p, i int) float64 { return rel*size[p] + pull }}
	if v.cosine {
		t.value += 16 * ulp
		t.row = func(p, i int) float64 {
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
func (v variant) judge(t testing.TB, name string, b Batch, r Result, g, base Batch, scale float32, want truth, tol tolerance) {
	t.Helper()
	a := math.Abs(float64(scale))
	if !(math.Abs(r.Loss-want.loss) <= tol.value) {
		t.Errorf("%s: loss %v, want %v: off by %.3g, allowed %.3g", name, r.Loss, want.loss, math.Abs(r.Loss-want.loss), tol.value)
	}
	if r.Bound > 0 && !(math.Abs(r.Loss-want.loss) <= r.Bound) {
		t.Errorf("%s: loss %v, want %v: off by %.3g, certified %.3g", name, r.Loss, want.loss, math.Abs(r.Loss-want.loss), r.Bound)
	}
	if dt := float64(scale) * want.grad.DTemperature; !(math.Abs(r.DTemperature-dt) <= a*tol.temperature+ulp*math.Abs(dt)) {
		t.Errorf("%s: ∂L/∂τ %v, want %v: off by %.3g, allowed %.3g", name, r.DTemperature, dt, math.Abs(r.DTemperature-dt), a*tol.temperature)
	}
	if db := float64(scale) * want.grad.DBias; !(math.Abs(r.DBias-db) <= a*tol.bias+ulp*math.Abs(db)) {
		t.Errorf("%s: ∂L/∂b %v, want %v: off by %.3g, allowed %.3g", name, r.DBias, db, math.Abs(r.DBias-db), a*tol.bias)
	}
	for p, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
		got, from := part(g, p), part(base, p)
		if got.Data == nil {
			continue
		}
		for i := range m.Rows {
			allowed := a * tol.row(p, i)
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
func (v variant) twoSided() bool { return v.symmetric || v.queries == 2 }

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
