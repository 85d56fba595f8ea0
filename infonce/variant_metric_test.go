package infonce_test

import (
	"fmt"
	"math"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// metricVariants are the losses of cosines and labels. Their exponents grow with a scale.
func metricVariants(scale, margin float32) []variant {
	γ, m := float64(scale), float64(margin)
	α := float64(scale / 5)
	classes := func(n int) int { return n/2 + 2 }
	vs := []variant{
		{name: "Circle", keys: none, negs: none, labels: true, beta: γ * (3 + 2*m),
			new:   func(w int) Loss { return &Circle{Margin: margin, Scale: scale, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) { return ref.Circle(mat(b.Q), b.Labels, m, γ) },
			// Exponents of both sums change by up to 4γ times a change of a cosine. Slopes are up to γ(2 + m) of positives
			// and γ(1 + m) of negatives, times at most min(1, L).
			tolerance: cosineTolerance(8*γ, func(_ Batch, loss float64) float64 { return γ * (3 + 2*m) * min(1, loss) })},
		{name: "MultiSimilarity", keys: none, negs: none, labels: true, beta: γ,
			new: func(w int) Loss { return &MultiSimilarity{Alpha: scale / 5, Beta: scale, Base: margin, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) {
				return ref.MultiSimilarity(mat(b.Q), b.Labels, α, γ, m)
			},
			// The slopes of either sum are at most 1, and at most the scale times its part of the loss.
			tolerance: cosineTolerance(γ, func(_ Batch, loss float64) float64 { return min(2, γ*loss) })},
		{name: "ArcFace", keys: classes, negs: none, classes: true, beta: γ,
			new:       func(w int) Loss { return &ArcFace{Margin: margin, Scale: scale, Workers: w} },
			truth:     func(b Batch) (float64, ref.Grad) { return ref.ArcFace(mat(b.Q), mat(b.K), b.Labels, m, γ) },
			tolerance: cosineTolerance(γ, func(b Batch, loss float64) float64 { return γ * min(1, loss) * (1 + steepest(b, m)) })},
		{name: "CosFace", keys: classes, negs: none, classes: true, beta: γ,
			new:       func(w int) Loss { return &CosFace{Margin: margin, Scale: scale, Workers: w} },
			truth:     func(b Batch) (float64, ref.Grad) { return ref.CosFace(mat(b.Q), mat(b.K), b.Labels, m, γ) },
			tolerance: cosineTolerance(γ, func(_ Batch, loss float64) float64 { return 2 * γ * min(1, loss) })},
	}
	for i := range vs {
		vs[i].cosine = true
		vs[i].name += fmt.Sprintf("/scale=%v,margin=%v", scale, margin)
	}
	return vs
}

// cosineTolerance is what follows from the rounding of cosines, as in derived: exponents change by up to steep
// times an error of a cosine, and the slopes of the loss by cosines add up to at most force.
func cosineTolerance(steep float64, force func(b Batch, loss float64) float64) func(b Batch, want truth) tolerance {
	return func(b Batch, want truth) tolerance {
		const tiny = 0x1p-126
		cosine := ulp * (8 + math.Sqrt(float64(b.Q.Cols))/2)
		f := force(b, want.loss) + tiny
		rel := 2*steep*cosine + (8+math.Sqrt(float64(max(b.Q.Rows, b.K.Rows))))*ulp
		norms := [2][]float64{}
		for p := range norms {
			_, norms[p] = ref.Normalize(mat(part(b, p)))
		}
		return tolerance{
			value: 1e-7*want.loss + 2*cosine*f + float64(b.Q.Rows)*tiny,
			row: func(p, i int) float64 {
				norm := norms[p][i]
				if norm == 0 {
					return 0
				}
				return (f*(rel+0x1p-149/norm) + 0x1p-140) / norm
			},
		}
	}
}

// steepest returns the largest slope of cos(θ + m) by cos θ over the rows of b and their classes, among angles
// that are not 0.
func steepest(b Batch, m float64) float64 {
	q, _ := ref.Normalize(mat(b.Q))
	k, _ := ref.Normalize(mat(b.K))
	steepest := 1.0
	for i, y := range b.Labels {
		square := 0.0
		for j, x := range q.Row(i) {
			square += (x - k.Row(y)[j]) * (x - k.Row(y)[j])
		}
		if sine := math.Sqrt(square * (1 - square/4)); sine > 0 {
			steepest = max(steepest, 1+math.Sin(m)/sine)
		}
	}
	return steepest
}
