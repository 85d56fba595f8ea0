package infonce_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
)

// withReduction returns l with its reduction set.
func withReduction(l Loss, r Reduction) Loss {
	reflect.ValueOf(l).Elem().FieldByName("Reduction").Set(reflect.ValueOf(r))
	return l
}

// term returns the batch of the loss of term i alone.
func term(b Batch, i int) Batch {
	if b.Triplets != nil {
		return Batch{Q: b.Q, Triplets: b.Triplets[i : i+1]}
	}
	one := Batch{Q: b.Q.Slice(i, i+1), K: b.K.Slice(i, i+1), Labels: b.Labels}
	if b.Negatives.Rows > 0 {
		one.Negatives = b.Negatives.Slice(i, i+1)
	}
	if len(b.Labels) > 0 {
		one.Labels = b.Labels[i : i+1]
	}
	return one
}

// TestTermReductions: a loss of independent terms is the weighted mean, the weighted sum or the
// mean over the active ones of the losses of the terms alone, and so is its gradient.
func TestTermReductions(t *testing.T) {
	const n = 23
	r := check.NewRand(110)
	var vs []variant
	for _, normalize := range []bool{false, true} {
		for _, v := range pairVariants(0.3, normalize) {
			if !strings.HasPrefix(v.Name, "MarginLoss") { // its triplets have two terms each: TestMarginLossReductions
				vs = append(vs, v)
			}
		}
		for _, v := range tripletVariants(0.3, normalize) {
			if !v.Labels {
				vs = append(vs, v)
			}
		}
	}
	for _, v := range vs {
		d := 9
		if v.Choices != nil && v.NegativeRows(1) == 0 && !v.Cosine {
			d = 1 // one score a row
		}
		b := v.batch(r, n, d, 1, 0)
		terms := max(n, len(b.Triplets))
		weights := r.Float32s(terms, 0, 2)
		weights[3], weights[7] = 0, 1e-30
		for _, reduction := range []Reduction{Mean, Sum, MeanActive} {
			for _, w := range [][]float32{nil, weights} {
				var want truth
				want.grad = ref.Grad{DQ: ref.NewMat(n, d), DK: ref.NewMat(b.K.Rows, d), DNeg: ref.NewMat(b.Negatives.Rows, d)}
				sum, of, active := 0.0, 0.0, 0
				losses := make([]float64, terms)
				for i := range terms {
					weight := WeightOf(w, i)
					loss, g := v.Oracle(term(b, i))
					losses[i] = loss
					if loss > 0 {
						active++
					}
					if reduction != MeanActive || loss > 0 {
						of += weight
					}
					sum += weight * loss
					for p, m := range []ref.Mat{g.DQ, g.DK, g.DNeg} {
						into := [...]ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg}[p]
						for k, x := range m.Data {
							if b.Triplets == nil {
								k += i * d
							}
							into.Data[k] += weight * x
						}
					}
				}
				if reduction == Sum {
					of = 1
				}
				want.loss = sum / of
				for _, m := range []ref.Mat{want.grad.DQ, want.grad.DK, want.grad.DNeg} {
					for k := range m.Data {
						m.Data[k] /= of
					}
				}
				b.Weights = w
				name := v.Name + " " + reduction.String()
				l := withReduction(v.New(2), reduction)
				c := trial{variant: v, name: name, b: b, want: want, base: gradFor(b), scale: 0.5}
				c.tol = v.derived(b, want)
				c.tol.Value *= max(1, want.loss) // of a sum
				got, _ := c.run(t, l)
				if got.Valid != terms || got.Active != active || len(got.Losses) != terms {
					t.Errorf("%s: %d of %d active, %d losses, want %d of %d", name, got.Active, got.Valid, len(got.Losses), active, terms)
					continue
				}
				for i, x := range got.Losses {
					if math.Abs(x-losses[i]) > 1e-6*losses[i]+16*ulp {
						t.Errorf("%s: loss %v of term %d, want %v", name, x, i, losses[i])
					}
				}
			}
		}
	}
}

// TestTermsWithoutWeight: weights that are all 0 make a loss of 0 and no gradient, and not 0/0.
func TestTermsWithoutWeight(t *testing.T) {
	r := check.NewRand(111)
	for _, v := range append(tripletVariants(0.3, true), pairVariants(0.3, false)...) {
		b := v.batch(r, 12, 5, 0, 0)
		b.Weights = make([]float32, max(12, len(b.Triplets)))
		for _, reduction := range []Reduction{Mean, Sum, MeanActive} {
			g := gradFor(b)
			got := evaluate(t, v.Name, withReduction(v.New(1), reduction), b, &g, 1)
			if got.Loss != 0 || got.Valid == 0 || slices.Max(got.Losses) == 0 {
				t.Errorf("%s, %v: %+v, want a loss of 0", v.Name, reduction, got)
			}
			each(g, func(p, i int, row []float32) {
				if slices.ContainsFunc(row, func(v float32) bool { return v != 0 }) {
					t.Errorf("%s, %v: gradient %v without weight", v.Name, reduction, row)
				}
			})
		}
	}
}

// TestExtremeWeights: weights far from 1 whose products with anything else would leave float32 have
// the result of weights of 1.
func TestExtremeWeights(t *testing.T) {
	r := check.NewRand(112)
	for _, v := range slices.Concat(tripletVariants(0.3, false), pairVariants(0.3, false), distanceVariants(0.3, false)) {
		b := v.batch(r, 12, 5, 0, 0)
		want := gradFor(b)
		loss := evaluate(t, v.Name, v.New(1), b, &want, 1).Loss
		for _, w := range []float32{0x1p-140, 0x1p120} {
			b.Weights = make([]float32, max(12, len(b.Triplets)))
			for i := range b.Weights {
				b.Weights[i] = w
			}
			g := gradFor(b)
			if got := evaluate(t, v.Name, v.New(1), b, &g, 1); !near(got.Loss, loss, 1e-12) {
				t.Errorf("%s, weights of %v: loss %v, want %v", v.Name, w, got.Loss, loss)
			}
			for p := range 3 {
				for k, x := range part(g, p).Data {
					if y := part(want, p).Data[k]; math.Abs(float64(x-y)) > 4*ulp*math.Abs(float64(y)) {
						t.Fatalf("%s, weights of %v: gradient %v of part %d, want %v", v.Name, w, x, p, y)
					}
				}
			}
		}
	}
}
