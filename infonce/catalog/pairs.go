package catalog

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// pairLosses are the losses of labelled pairs and of scores, and Custom.
func pairLosses() []Loss {
	return []Loss{contrastivePair(), cosineEmbedding(), marginRanking(), logisticRanking(), {
		Name:  "Custom",
		About: "any function of a row of logits, and [CheckGradient] for it",
		Uses:  []Use{{"your own, from rows of logits", "`Custom`", "Q, K", "[an example](infonce/example_custom_test.go)"}},
		Cases: func(Settings) []Case { return nil }, // it is what its function makes of it
	}}
}

// chosen returns s with pairs labelled one or other.
func (s Shape) chosen(one, other int) Shape {
	s.Choices = []int{one, other}
	return s
}

// weightedChoices is chosen with weights.
func (s Shape) weightedChoices(one, other int) Shape {
	s.Weights = true
	return s.chosen(one, other)
}

func contrastivePair() Loss {
	truth := func(s Settings, similar int, margin float64) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			loss, g := ref.ContrastivePair(unit(b.Q, s.Normalize), unit(b.K, s.Normalize), are(b.Labels, similar), margin)
			return loss, ref.Grad{DQ: raw(b.Q, g.DQ, s.Normalize), DK: raw(b.K, g.DK, s.Normalize)}
		}
	}
	return Loss{
		Name:   "ContrastivePair",
		About:  "pairs that are similar, or not",
		Uses:   []Use{{"contrastive pair, cosine embedding", "`ContrastivePair`", "Q, K, Labels", "Hadsell et al. 2006"}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			margin := 1.0
			if s.Margin > 0 {
				margin = float64(s.Margin)
			}
			option := func(name string, zeroIsSimilar bool) Case {
				similar := 1
				if zeroIsSimilar {
					similar = 0
				}
				return Case{
					Name: "ContrastivePair" + name, Shape: pairs.chosen(0, 1), Rounding: Rounding{Queries: 1, Loose: s.Normalize}, Oracle: truth(s, similar, margin),
					New: func(workers int) infonce.Loss {
						return &infonce.ContrastivePair{Margin: max(s.Margin, 0), ZeroIsSimilar: zeroIsSimilar, Normalize: s.Normalize, Workers: workers}
					},
				}
			}
			return byMargin(s, []Case{option("", false), option("/zero is similar", true)})
		},
		Golden: []Case{
			{Name: "ContrastivePair", New: always(&infonce.ContrastivePair{Margin: 3}), Shape: pairs.weightedChoices(0, 1)},
			{Name: "ContrastivePair/normalize", New: always(&infonce.ContrastivePair{Margin: 1.5, Normalize: true}), Shape: pairs.weightedChoices(0, 1)},
		},
		Bench: []Case{{
			Name: "ContrastivePair", Shape: pairs.chosen(0, 1), Flops: linear,
			New:    func(workers int) infonce.Loss { return &infonce.ContrastivePair{Margin: 10, Workers: workers} },
			Oracle: truth(Settings{}, 1, 10),
		}},
	}
}

func cosineEmbedding() Loss {
	truth := func(margin float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.CosineEmbedding(mat(b.Q), mat(b.K), are(b.Labels, 1), float64(margin))
		}
	}
	return Loss{
		Name:   "CosineEmbedding",
		About:  "pairs that are similar, or not",
		Uses:   []Use{{"contrastive pair, cosine embedding", "`CosineEmbedding`", "Q, K, Labels", "Hadsell et al. 2006"}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			if s.Normalize {
				return nil // it always does
			}
			margin := min(max(s.Margin-0.5, -1), 1)
			cases := byMargin(s, []Case{{
				Name: "CosineEmbedding", Shape: pairs.chosen(1, -1), Rounding: Rounding{Queries: 1}, Oracle: truth(margin),
				New: func(workers int) infonce.Loss { return &infonce.CosineEmbedding{Margin: margin, Workers: workers} },
			}})
			cases[0].Cosine = true
			return cases
		},
		Golden: []Case{
			{Name: "CosineEmbedding", New: always(&infonce.CosineEmbedding{}), Shape: pairs.weightedChoices(-1, 1)},
		},
		Bench: []Case{{
			Name: "CosineEmbedding", Shape: pairs.chosen(-1, 1), Flops: linear,
			New:    func(workers int) infonce.Loss { return &infonce.CosineEmbedding{Workers: workers} },
			Oracle: truth(0),
		}},
	}
}

// orderCases are the cases of a loss of the order of scores, given or computed from embeddings.
func orderCases(name string, s Settings, new func(workers int) infonce.Loss, score func(x1, x2 ref.Mat, order []float64) (float64, ref.Grad)) []Case {
	embeddings := Case{
		Name: name + "/embeddings", New: new, Shape: anchors.chosen(1, -1), Rounding: Rounding{Queries: 1, Loose: s.Normalize}, Oracle: productsOracle(s.Normalize, score),
	}
	if s.Normalize {
		return byMargin(s, []Case{embeddings})
	}
	return byMargin(s, []Case{
		{Name: name + "/scores", New: new, Shape: pairs.chosen(1, -1), Rounding: Rounding{Queries: 1, Scores: true}, Oracle: scoresOracle(score)},
		embeddings,
	})
}

func marginRanking() Loss {
	score := func(margin float32) func(x1, x2 ref.Mat, order []float64) (float64, ref.Grad) {
		return func(x1, x2 ref.Mat, order []float64) (float64, ref.Grad) {
			return ref.MarginRanking(x1, x2, order, float64(margin))
		}
	}
	return Loss{
		Name:   "MarginRanking",
		About:  "pairs of scores, or of embeddings, one of which belongs above the other (BPR, RankNet)",
		Uses:   []Use{{"margin ranking, BPR and RankNet", "`MarginRanking`", "Q, K, or with Negatives", "Herbrich et al. 2000"}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			return orderCases("MarginRanking", s, func(workers int) infonce.Loss {
				return &infonce.MarginRanking{Margin: s.Margin, Normalize: s.Normalize, Workers: workers}
			}, score(s.Margin))
		},
		Golden: []Case{
			{Name: "MarginRanking/scores", New: always(&infonce.MarginRanking{Margin: 0.5}), Shape: pairs.weightedChoices(-1, 1)},
			{Name: "MarginRanking/embeddings", New: always(&infonce.MarginRanking{Margin: 0.5}), Shape: anchors.weightedChoices(-1, 1)},
		},
		Bench: []Case{{
			Name: "MarginRanking", Shape: pairs, // of scores, d a row
			New:    func(workers int) infonce.Loss { return &infonce.MarginRanking{Margin: 0.5, Workers: workers} },
			Oracle: scoresOracle(score(0.5)),
			Flops:  func(n, d float64) float64 { return linear(n, d) / 2 },
		}},
	}
}

func logisticRanking() Loss {
	return Loss{
		Name:   "LogisticRanking",
		About:  "pairs of scores, or of embeddings, one of which belongs above the other (BPR, RankNet)",
		Uses:   []Use{{"margin ranking, BPR and RankNet", "`LogisticRanking`", "Q, K, or with Negatives", "Rendle et al. 2009"}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			return orderCases("LogisticRanking", s, func(workers int) infonce.Loss {
				return &infonce.LogisticRanking{Normalize: s.Normalize, Workers: workers}
			}, ref.LogisticRanking)
		},
		Golden: []Case{
			{Name: "LogisticRanking/scores", New: always(&infonce.LogisticRanking{}), Shape: pairs.weightedChoices(-1, 1)},
			{Name: "LogisticRanking/embeddings/normalize", New: always(&infonce.LogisticRanking{Normalize: true}), Shape: anchors.weightedChoices(-1, 1)},
		},
		Bench: []Case{{
			Name: "BPR", Shape: anchors, Flops: doubleLinear,
			New:    func(workers int) infonce.Loss { return &infonce.LogisticRanking{Workers: workers} },
			Oracle: productsOracle(false, ref.LogisticRanking),
		}},
	}
}
