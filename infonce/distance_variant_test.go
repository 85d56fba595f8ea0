package infonce_test

import (
	"fmt"
	"math"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// distanceVariants are the losses of rows of distances.
func distanceVariants(margin float32, normalize bool) []variant {
	var vs []variant
	add := func(name string, o ref.TripletOptions, all bool) {
		o.Margin = float64(margin)
		if margin == 0 && !o.Soft {
			o.Margin = 1
		}
		vs = append(vs, variant{
			name: "BatchAll" + name, squared: o.Squared, smooth: o.Soft,
			new: func(workers int) Loss {
				return &BatchAll{Margin: margin, Squared: o.Squared, Soft: o.Soft, Normalize: normalize, All: all, Workers: workers}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				loss, g := ref.BatchAll(unit(b.Q, normalize), b.Labels, o, all)
				return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize)}
			},
		})
	}
	add("", ref.TripletOptions{}, false)
	add("/all", ref.TripletOptions{}, true)
	add("/squared", ref.TripletOptions{Squared: true}, false)
	add("/soft", ref.TripletOptions{Soft: true}, false)
	add("/squared,soft", ref.TripletOptions{Squared: true, Soft: true}, false)
	semiHard := func(name string, squared bool, fallback ref.Fallback) {
		o := ref.TripletOptions{Margin: float64(margin), Squared: squared}
		if margin == 0 {
			o.Margin = 1
		}
		vs = append(vs, variant{
			name: "SemiHard" + name, squared: squared, picks: true,
			new: func(workers int) Loss {
				return &SemiHard{Margin: margin, Squared: squared, Farthest: fallback == ref.Farthest, Normalize: normalize, Workers: workers}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				loss, g := ref.SemiHard(unit(b.Q, normalize), b.Labels, o, fallback)
				return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize)}
			},
		})
	}
	semiHard("", false, ref.Drop)
	semiHard("/squared", true, ref.Drop)
	semiHard("/farthest", false, ref.Farthest)
	semiHard("/squared,farthest", true, ref.Farthest)
	vs = append(vs, liftedVariant(margin, normalize), marginVariant(margin, normalize))
	for i := range vs {
		vs[i].keys, vs[i].negs, vs[i].labels, vs[i].products, vs[i].cosine = none, none, true, true, normalize
		vs[i].name += fmt.Sprintf("/margin=%v", margin)
		if normalize {
			vs[i].name += "/normalize"
		}
	}
	return vs
}

func liftedVariant(margin float32, normalize bool) variant {
	m := float64(margin)
	if margin == 0 {
		m = 1
	}
	return variant{
		name: "Lifted", smooth: true,
		new: func(workers int) Loss { return &Lifted{Margin: margin, Normalize: normalize, Workers: workers} },
		truth: func(b Batch) (float64, ref.Grad) {
			loss, g := ref.Lifted(unit(b.Q, normalize), b.Labels, m)
			return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize)}
		},
	}
}

func marginVariant(margin float32, normalize bool) variant {
	m, β := float64(margin), 1.25
	if margin == 0 {
		m = float64(float32(0.2))
	}
	return variant{
		name: "MarginLoss",
		new: func(workers int) Loss {
			return &MarginLoss{Boundary: float32(β), Margin: margin, Normalize: normalize, Workers: workers}
		},
		truth: func(b Batch) (float64, ref.Grad) {
			loss, g := ref.MarginPairs(unit(b.Q, normalize), b.Labels, β, m)
			return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize), DBias: g.DBias}
		},
	}
}

// distanceError returns the error of a difference of distances that come from products, and 0 for other losses. A dot
// product of d terms errs by (4 + √d/2) ulps of the largest square, and the square of a distance by twice that. Of
// distances above a quarter of the root of the sum of the squares it is an error of twice that relative to the norm;
// the others are measured.
func (v variant) distanceError(b Batch) float64 {
	if !v.products {
		return 0
	}
	x := 1.0
	if !v.cosine {
		x = largest(b.Q)
	}
	e := 2 * (4 + math.Sqrt(float64(b.Q.Cols))/2) * ulp
	if v.squared {
		return 2 * e * x * x
	}
	return 4 * e * x
}

// gradientError returns the error of a gradient relative to its largest element. The slope of a soft margin changes
// by as much of itself as the margin changes, at most.
func (v variant) gradientError(b Batch) float64 {
	if v.smooth {
		return maxGradientError + v.distanceError(b)
	}
	return maxGradientError
}
