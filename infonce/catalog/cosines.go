package catalog

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// cosineLosses are the losses of cosines and labels, whose exponents grow with a scale.
func cosineLosses() []Loss { return []Loss{circle(), multiSimilarity(), arcFace(), cosFace()} }

// byScale completes a case of a scale with what all of them share.
func byScale(s Settings, c Case) []Case {
	c.Cosine = true
	c.Name += fmt.Sprintf("/scale=%v,margin=%v", s.Scale, s.Margin)
	return []Case{c}
}

// classes is the shape of labelled rows and the centres of fewer classes.
var classes = Shape{Keys: func(n int) int { return n/2 + 2 }, Classes: true}

// manyClasses is the shape of labelled rows and the centres of as many classes.
var manyClasses = Shape{Keys: same, Classes: true}

func circle() Loss {
	truth := func(margin, scale float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.Circle(mat(b.Q), b.Labels, float64(margin), float64(scale))
		}
	}
	return Loss{
		Name:  "Circle",
		About: "all pairs of each labelled anchor, weighed by how similar they are",
		Uses:  []Use{{"Circle, Multi-Similarity", "`Circle`", "Q, Labels", "Sun et al. 2020"}},
		Commands: []Command{{Name: "circle", Title: "Circle loss", Labelled: true, New: func(s Settings) (infonce.Loss, *float32) {
			return &infonce.Circle{Workers: s.Workers}, nil
		}}},
		Varies: ByScale,
		Cases: func(s Settings) []Case {
			γ, m := float64(s.Scale), float64(s.Margin)
			return byScale(s, Case{
				Name: "Circle", Shape: Shape{Labels: true}, Detached: true, Oracle: truth(s.Margin, s.Scale),
				New: func(workers int) infonce.Loss {
					return &infonce.Circle{Margin: s.Margin, Scale: s.Scale, Workers: workers}
				},
				// Exponents of both sums change by up to 4γ times a change of a cosine. Slopes are
				// up to γ(2 + m) of positives and γ(1 + m) of negatives, times at most min(1, L).
				Rounding: Rounding{Beta: γ * (3 + 2*m), Tolerance: cosineTolerance(8*γ, func(_ infonce.Batch, loss float64) float64 {
					return γ * (3 + 2*m) * min(1, loss)
				})},
			})
		},
		Golden: []Case{
			{Name: "Circle", New: always(&infonce.Circle{}), Shape: Shape{Labels: true}},
			{Name: "Circle/scale=30/margin=0.4/precision=bfloat16", New: always(&infonce.Circle{Scale: 30, Margin: 0.4, Precision: simd.BFloat16}), Shape: Shape{Labels: true}},
		},
		Bench: []Case{{
			Name: "Circle", Shape: Shape{Labels: true}, Flops: dense, Detached: true,
			New:      func(workers int) infonce.Loss { return &infonce.Circle{Workers: workers} },
			Oracle:   truth(0.25, 256),
			Rounding: Rounding{Beta: 256},
		}},
	}
}

func multiSimilarity() Loss {
	truth := func(alpha, beta, base float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.MultiSimilarity(mat(b.Q), b.Labels, float64(alpha), float64(beta), float64(base))
		}
	}
	return Loss{
		Name:  "MultiSimilarity",
		About: "all pairs of each labelled anchor, weighed by how similar they are",
		Uses:  []Use{{"Circle, Multi-Similarity", "`MultiSimilarity`", "Q, Labels", "Wang et al. 2019"}},
		Commands: []Command{{Name: "multi-similarity", Title: "Multi-Similarity", Labelled: true, New: func(s Settings) (infonce.Loss, *float32) {
			return &infonce.MultiSimilarity{Workers: s.Workers}, nil
		}}},
		Varies: ByScale,
		Cases: func(s Settings) []Case {
			γ := float64(s.Scale)
			return byScale(s, Case{
				Name: "MultiSimilarity", Shape: Shape{Labels: true}, Oracle: truth(s.Scale/5, s.Scale, s.Margin),
				New: func(workers int) infonce.Loss {
					return &infonce.MultiSimilarity{Alpha: s.Scale / 5, Beta: s.Scale, Base: s.Margin, Workers: workers}
				},
				// The slopes of either sum are at most 1, and at most the scale times its part of
				// the loss.
				Rounding: Rounding{Beta: γ, Tolerance: cosineTolerance(γ, func(_ infonce.Batch, loss float64) float64 { return min(2, γ*loss) })},
			})
		},
		Golden: []Case{
			{Name: "MultiSimilarity", New: always(&infonce.MultiSimilarity{}), Shape: Shape{Labels: true}},
			{Name: "MultiSimilarity/alpha=20/beta=10/reduction=sum", New: always(&infonce.MultiSimilarity{Alpha: 20, Beta: 10, Base: 0.1, Reduction: infonce.Sum}), Shape: Shape{Labels: true}},
		},
		Bench: []Case{{
			Name: "MultiSimilarity", Shape: Shape{Labels: true}, Flops: dense,
			New:    func(workers int) infonce.Loss { return &infonce.MultiSimilarity{Workers: workers} },
			Oracle: truth(2, 50, 0.5),
		}},
	}
}

func arcFace() Loss {
	truth := func(margin, scale float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.ArcFace(mat(b.Q), mat(b.K), b.Labels, float64(margin), float64(scale))
		}
	}
	return Loss{
		Name:   "ArcFace",
		About:  "labelled rows against a centre for each class, with a margin",
		Uses:   []Use{{"ArcFace, CosFace", "`ArcFace`", "Q, K: classes, Labels", "Deng et al. 2019"}},
		Varies: ByScale,
		Cases: func(s Settings) []Case {
			γ := float64(s.Scale)
			return byScale(s, Case{
				Name: "ArcFace", Shape: classes, Oracle: truth(s.Margin, s.Scale),
				New: func(workers int) infonce.Loss {
					return &infonce.ArcFace{Margin: s.Margin, Scale: s.Scale, Workers: workers}
				},
				Rounding: Rounding{Beta: γ, Tolerance: cosineTolerance(γ, func(b infonce.Batch, loss float64) float64 {
					return γ * min(1, loss) * (1 + steepest(b, float64(s.Margin)))
				})},
			})
		},
		Golden: []Case{
			{Name: "ArcFace", New: always(&infonce.ArcFace{}), Shape: manyClasses},
			{Name: "ArcFace/scale=16/margin=1.5", New: always(&infonce.ArcFace{Scale: 16, Margin: 1.5}), Shape: manyClasses},
		},
		Bench: []Case{{
			Name: "ArcFace", Shape: manyClasses, Flops: dense,
			New:      func(workers int) infonce.Loss { return &infonce.ArcFace{Workers: workers} },
			Oracle:   truth(0.5, 64),
			Rounding: Rounding{Beta: 64},
		}},
	}
}

func cosFace() Loss {
	truth := func(margin, scale float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.CosFace(mat(b.Q), mat(b.K), b.Labels, float64(margin), float64(scale))
		}
	}
	return Loss{
		Name:   "CosFace",
		About:  "labelled rows against a centre for each class, with a margin",
		Uses:   []Use{{"ArcFace, CosFace", "`CosFace`", "Q, K: classes, Labels", "Wang et al. 2018"}},
		Varies: ByScale,
		Cases: func(s Settings) []Case {
			γ := float64(s.Scale)
			return byScale(s, Case{
				Name: "CosFace", Shape: classes, Oracle: truth(s.Margin, s.Scale),
				New: func(workers int) infonce.Loss {
					return &infonce.CosFace{Margin: s.Margin, Scale: s.Scale, Workers: workers}
				},
				Rounding: Rounding{Beta: γ, Tolerance: cosineTolerance(γ, func(_ infonce.Batch, loss float64) float64 { return 2 * γ * min(1, loss) })},
			})
		},
		Golden: []Case{
			{Name: "CosFace", New: always(&infonce.CosFace{}), Shape: manyClasses},
			{Name: "CosFace/scale=16/margin=0.1", New: always(&infonce.CosFace{Scale: 16, Margin: 0.1}), Shape: manyClasses},
		},
		Bench: []Case{{
			Name: "CosFace", Shape: manyClasses, Flops: dense,
			New:      func(workers int) infonce.Loss { return &infonce.CosFace{Workers: workers} },
			Oracle:   truth(0.35, 64),
			Rounding: Rounding{Beta: 64},
		}},
	}
}
