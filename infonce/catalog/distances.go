package catalog

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/miner"
	"github.com/contrast-go/contrast/internal/ref"
)

// hardDefaults are for the loss of the hardest triplets. In large batches the hardest positive of
// many is always farther than the hardest negative, so the loss falls by moving all embeddings to
// one point: they collapse.
var hardDefaults = map[string]any{"steps": 6000, "batch": 24, "lr": 0.002}

// distanceLosses are the losses of distances between rows.
func distanceLosses() []Loss {
	return []Loss{triplet(), batchAll(), batchHard(), semiHard(), marginLoss(), lifted()}
}

// byMargin completes the cases of a margin with what all of them share.
func byMargin(s Settings, cases []Case) []Case {
	for i := range cases {
		cases[i].Cosine = s.Normalize
		cases[i].Name += fmt.Sprintf("/margin=%v", s.Margin)
		if s.Normalize {
			cases[i].Name += "/normalize"
		}
	}
	return cases
}

// marginOr returns the margin, and the default of the loss where it is 0.
func (s Settings) marginOr(standard float32) float64 {
	if s.Margin == 0 {
		return float64(standard)
	}
	return float64(s.Margin)
}

// labelled is the shape of labelled rows.
var labelled = Shape{Labels: true}

// anchors is the shape of rows with a positive and a negative each.
var anchors = Shape{Keys: same, Negatives: same}

// linear counts a dot product of d numbers and both its gradients for each of n pairs.
func linear(n, d float64) float64 { return 6 * n * d }

// doubleLinear is linear with a negative for each pair.
func doubleLinear(n, d float64) float64 { return 2 * linear(n, d) }

func triplet() Loss {
	return Loss{
		Name:   "Triplet",
		About:  "anchor, positive and negative, given as rows or as a list",
		Uses:   []Use{{"triplet: margin, squared, swap, soft", "`Triplet`", "Q, K, Negatives, or Q, Triplets", "Schroff et al. 2015; Balntas et al. 2016"}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			rows := func(name string, squared, swap, soft bool) Case {
				o := ref.TripletOptions{Margin: float64(s.Margin), Squared: squared, Swap: swap, Soft: soft}
				if !soft {
					o.Margin = s.marginOr(1)
				}
				return Case{
					Name: "Triplet" + name, Shape: anchors, Rounding: Rounding{Queries: 1, Squared: squared}, Oracle: tripletOracle(s.Normalize, o),
					New: func(workers int) infonce.Loss {
						return &infonce.Triplet{Margin: s.Margin, Squared: squared, Swap: swap, Soft: soft, Normalize: s.Normalize, Workers: workers}
					},
				}
			}
			list := func(name string, squared, swap, soft bool) Case {
				margin := s.Margin
				if margin <= 0 {
					margin = 1
				}
				o := ref.TripletOptions{Margin: float64(margin), Squared: squared, Swap: swap, Soft: soft}
				return Case{
					Name: "Triplet/list" + name, Shape: Shape{Triplets: true}, Rounding: Rounding{Squared: squared, Loose: true}, Oracle: listOracle(s.Normalize, o),
					New: func(workers int) infonce.Loss {
						return &infonce.Triplet{Margin: margin, Squared: squared, Swap: swap, Soft: soft, Normalize: s.Normalize, Workers: workers}
					},
				}
			}
			return byMargin(s, []Case{
				rows("", false, false, false), rows("/squared", true, false, false), rows("/swap", false, true, false),
				rows("/soft", false, false, true), rows("/squared,swap,soft", true, true, true),
				list("", false, false, false), list("/squared,swap", true, true, false), list("/soft", false, false, true),
			})
		},
		Golden: []Case{
			{Name: "Triplet", New: always(&infonce.Triplet{}), Shape: anchors},
			{Name: "Triplet/squared/swap", New: always(&infonce.Triplet{Squared: true, Swap: true, Normalize: true}), Shape: anchors},
			{Name: "Triplet/soft", New: always(&infonce.Triplet{Soft: true}), Shape: anchors},
			{Name: "Triplet/reduction=active/epsilon", New: always(&infonce.Triplet{Reduction: infonce.MeanActive, CoordinateEpsilon: 1e-6}), Shape: anchors},
			{Name: "Triplet/list", New: always(&infonce.Triplet{}), Shape: Shape{Triplets: true}},
			{Name: "Triplet/list/squared/swap", New: always(&infonce.Triplet{Squared: true, Swap: true, Normalize: true}), Shape: Shape{Triplets: true}},
		},
		Bench: []Case{{
			Name: "Triplet", Shape: anchors, Flops: doubleLinear,
			New:    func(workers int) infonce.Loss { return &infonce.Triplet{Workers: workers} },
			Oracle: tripletOracle(false, ref.TripletOptions{Margin: 1}),
		}},
	}
}

func batchAll() Loss {
	truth := func(s Settings, o ref.TripletOptions, all bool) oracle {
		if o.Margin = float64(s.Margin); !o.Soft {
			o.Margin = s.marginOr(1)
		}
		return rowOracle(s.Normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) { return ref.BatchAll(x, b.Labels, o, all) })
	}
	return Loss{
		Name:  "BatchAll",
		About: "all triplets of labelled rows",
		Uses:  []Use{{"… of all, the hardest, or semi-hard ones", "`BatchAll`", "Q, Labels", "Hermans et al. 2017"}},
		Commands: []Command{{Name: "triplet-all", Title: "triplet, all of the batch", Labelled: true, Margin: true, New: func(s Settings) (infonce.Loss, *float32) {
			return &infonce.BatchAll{Margin: s.Margin, Normalize: true, Workers: s.Workers}, nil
		}}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			option := func(name string, squared, soft, all bool) Case {
				return Case{
					Name: "BatchAll" + name, Shape: labelled, Rounding: Rounding{Squared: squared, Smooth: soft, Products: true},
					Oracle: truth(s, ref.TripletOptions{Squared: squared, Soft: soft}, all),
					New: func(workers int) infonce.Loss {
						return &infonce.BatchAll{Margin: s.Margin, Squared: squared, Soft: soft, Normalize: s.Normalize, All: all, Workers: workers}
					},
				}
			}
			return byMargin(s, []Case{
				option("", false, false, false), option("/all", false, false, true), option("/squared", true, false, false),
				option("/soft", false, true, false), option("/squared,soft", true, true, false),
			})
		},
		Golden: []Case{
			{Name: "BatchAll", New: always(&infonce.BatchAll{}), Shape: labelled},
			{Name: "BatchAll/squared/all", New: always(&infonce.BatchAll{Squared: true, All: true, Normalize: true}), Shape: labelled},
			{Name: "BatchAll/soft", New: always(&infonce.BatchAll{Soft: true}), Shape: labelled},
		},
		Bench: []Case{
			{
				Name: "BatchAll", Shape: labelled, Flops: dense, // the mean over active triplets would jump where one ceases to be
				New:    func(workers int) infonce.Loss { return &infonce.BatchAll{All: true, Workers: workers} },
				Oracle: truth(Settings{}, ref.TripletOptions{}, true),
			},
			{
				Name: "BatchAllSoft", Shape: labelled, Flops: dense,
				New:    func(workers int) infonce.Loss { return &infonce.BatchAll{Soft: true, Workers: workers} },
				Oracle: truth(Settings{}, ref.TripletOptions{Soft: true}, false),
			},
		},
	}
}

func batchHard() Loss {
	truth := func(s Settings, o ref.TripletOptions) oracle {
		if o.Margin = float64(s.Margin); !o.Soft {
			o.Margin = s.marginOr(1)
		}
		return rowOracle(s.Normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) { return ref.BatchHard(x, b.Labels, o) })
	}
	return Loss{
		Name:  "BatchHard",
		About: "the hardest positive and negative of each labelled anchor",
		Uses:  []Use{{"… of all, the hardest, or semi-hard ones", "`BatchHard`", "Q, Labels", "Hermans et al. 2017"}},
		Commands: []Command{{Name: "triplet", Title: "triplet, hardest of the batch", Labelled: true, Margin: true, Defaults: hardDefaults, New: func(s Settings) (infonce.Loss, *float32) {
			return &infonce.BatchHard{Margin: s.Margin, Normalize: true, Workers: s.Workers}, nil
		}}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			option := func(name string, squared, soft bool) Case {
				return Case{
					Name: "BatchHard" + name, Shape: labelled, Rounding: Rounding{Squared: squared}, Oracle: truth(s, ref.TripletOptions{Squared: squared, Soft: soft}),
					New: func(workers int) infonce.Loss {
						return &infonce.BatchHard{Margin: s.Margin, Squared: squared, Soft: soft, Normalize: s.Normalize, Workers: workers}
					},
				}
			}
			return byMargin(s, []Case{option("", false, false), option("/squared", true, false), option("/soft", false, true)})
		},
		Golden: []Case{
			{Name: "BatchHard", New: always(&infonce.BatchHard{}), Shape: labelled},
			{Name: "BatchHard/squared/soft", New: always(&infonce.BatchHard{Squared: true, Soft: true, Normalize: true}), Shape: labelled},
		},
		Bench: []Case{{
			Name: "BatchHard", Shape: labelled, Flops: dense,
			New:    func(workers int) infonce.Loss { return &infonce.BatchHard{Workers: workers} },
			Oracle: truth(Settings{}, ref.TripletOptions{}),
		}},
	}
}

func semiHard() Loss {
	truth := func(s Settings, squared bool, fallback ref.Fallback) oracle {
		o := ref.TripletOptions{Margin: s.marginOr(1), Squared: squared}
		return rowOracle(s.Normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) { return ref.SemiHard(x, b.Labels, o, fallback) })
	}
	return Loss{
		Name:  "SemiHard",
		About: "pairs of one label, each with the nearest negative that is farther",
		Uses:  []Use{{"… of all, the hardest, or semi-hard ones", "`SemiHard`", "Q, Labels", "Schroff et al. 2015"}},
		Commands: []Command{{Name: "semi-hard", Title: "triplet, semi-hard", Labelled: true, Margin: true, New: func(s Settings) (infonce.Loss, *float32) {
			return &infonce.SemiHard{Margin: s.Margin, Normalize: true, Workers: s.Workers}, nil
		}}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			option := func(name string, squared bool, fallback ref.Fallback) Case {
				return Case{
					Name: "SemiHard" + name, Shape: labelled, Rounding: Rounding{Squared: squared, Picks: true, Products: true}, Oracle: truth(s, squared, fallback),
					New: func(workers int) infonce.Loss {
						return &infonce.SemiHard{Margin: s.Margin, Squared: squared, Farthest: fallback == ref.Farthest, Normalize: s.Normalize, Workers: workers}
					},
				}
			}
			return byMargin(s, []Case{
				option("", false, ref.Drop), option("/squared", true, ref.Drop),
				option("/farthest", false, ref.Farthest), option("/squared,farthest", true, ref.Farthest),
			})
		},
		Golden: []Case{
			{Name: "SemiHard", New: always(&infonce.SemiHard{}), Shape: labelled},
			{Name: "SemiHard/squared/farthest", New: always(&infonce.SemiHard{Squared: true, Farthest: true, Normalize: true}), Shape: labelled},
		},
		Bench: []Case{{
			Name: "SemiHard", Shape: labelled, Flops: dense, Detached: true, // a step changes negatives
			New:    func(workers int) infonce.Loss { return &infonce.SemiHard{Farthest: true, Workers: workers} },
			Oracle: truth(Settings{}, false, ref.Farthest),
		}},
	}
}

func marginLoss() Loss {
	return Loss{
		Name:  "MarginLoss",
		About: "pairs, or those of triplets, within and beyond a boundary that may be learned",
		Uses:  []Use{{"margin with a learnable boundary", "`MarginLoss`, `miner.DistanceWeighted`", "Q, Triplets, or Q, Labels", "Wu et al. 2017"}},
		Commands: []Command{{Name: "margin", Title: "margin, negatives drawn by distance", Labelled: true, Margin: true, Defaults: map[string]any{"margin": 0.2}, New: func(s Settings) (infonce.Loss, *float32) {
			return &drawnMargin{
				miner: miner.DistanceWeighted{Seed: s.Seed, Workers: s.Workers},
				loss:  infonce.MarginLoss{Margin: s.Margin, Normalize: true, Workers: s.Workers},
			}, nil
		}}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			const β = 1.25
			new := func(workers int) infonce.Loss {
				return &infonce.MarginLoss{Boundary: β, Margin: s.Margin, Normalize: s.Normalize, Workers: workers}
			}
			m := s.marginOr(0.2)
			return byMargin(s, []Case{
				{Name: "MarginLoss", New: new, Shape: labelled, Rounding: Rounding{Products: true}, Oracle: rowOracle(s.Normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) {
					return ref.MarginPairs(x, b.Labels, β, m)
				})},
				{Name: "MarginLoss/list", New: new, Shape: Shape{Triplets: true}, Rounding: Rounding{Loose: true}, Oracle: rowOracle(s.Normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) {
					return ref.MarginLoss(x, triples(b), β, m)
				})},
			})
		},
		Golden: []Case{
			{Name: "MarginLoss", New: always(&infonce.MarginLoss{Boundary: 3}), Shape: labelled},
			{Name: "MarginLoss/normalize/all", New: always(&infonce.MarginLoss{Normalize: true, All: true}), Shape: labelled},
			{Name: "MarginLoss/list", New: always(&infonce.MarginLoss{Boundary: 3}), Shape: Shape{Triplets: true}},
		},
		Bench: []Case{{
			Name: "MarginLoss", Shape: labelled, Flops: dense, // all pairs are active: the mean would jump where one ceases to be
			New: func(workers int) infonce.Loss {
				return &infonce.MarginLoss{Boundary: 16, Margin: 100, Workers: workers}
			},
			Oracle: func(b infonce.Batch) (float64, ref.Grad) { return ref.MarginPairs(mat(b.Q), b.Labels, 16, 100) },
		}},
	}
}

// A drawnMargin is MarginLoss with negatives drawn by distance. Each step uses the same random
// numbers, on other samples.
type drawnMargin struct {
	miner miner.DistanceWeighted
	loss  infonce.MarginLoss
	list  []infonce.Triple
}

func (l *drawnMargin) Evaluate(b infonce.Batch, grad *infonce.Batch, scale float32) (infonce.Result, error) {
	var err error
	if l.list, err = l.miner.Mine(l.list[:0], b.Q, b.Labels); err != nil {
		return infonce.Result{}, err
	}
	b.Triplets = l.list
	return l.loss.Evaluate(b, grad, scale)
}

// MemoryEstimate implements [infonce.MemoryEstimator]. The miner holds about as much as a search
// for the hardest rows, and lists a triplet for each ordered pair of one label.
func (l *drawnMargin) MemoryEstimate(b infonce.Batch) int64 {
	total := infonce.MemoryEstimate(&infonce.BatchHard{Normalize: true, Workers: l.miner.Workers}, b)
	count := make(map[int]int)
	pairs := 0
	for _, y := range b.Labels {
		pairs += 2 * count[y]
		count[y]++
	}
	b.Triplets = make([]infonce.Triple, max(pairs, b.Q.Rows))
	return total + 24*int64(len(b.Triplets)) + infonce.MemoryEstimate(&l.loss, b)
}

func lifted() Loss {
	truth := func(s Settings) oracle {
		return rowOracle(s.Normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) { return ref.Lifted(x, b.Labels, s.marginOr(1)) })
	}
	return Loss{
		Name:  "Lifted",
		About: "pairs of one label, each with all negatives of both rows",
		Uses:  []Use{{"lifted structure", "`Lifted`", "Q, Labels", "Song et al. 2016"}},
		Commands: []Command{{Name: "lifted", Title: "lifted structure", Labelled: true, Margin: true, Defaults: map[string]any{"margin": 1}, New: func(s Settings) (infonce.Loss, *float32) {
			return &infonce.Lifted{Margin: s.Margin, Workers: s.Workers}, nil
		}}},
		Varies: ByMargin,
		Cases: func(s Settings) []Case {
			return byMargin(s, []Case{{
				Name: "Lifted", Shape: labelled, Rounding: Rounding{Smooth: true, Products: true}, Oracle: truth(s),
				New: func(workers int) infonce.Loss {
					return &infonce.Lifted{Margin: s.Margin, Normalize: s.Normalize, Workers: workers}
				},
			}})
		},
		Golden: []Case{
			{Name: "Lifted", New: always(&infonce.Lifted{}), Shape: labelled},
			{Name: "Lifted/margin=0.2/normalize/reduction=sum", New: always(&infonce.Lifted{Margin: 0.2, Normalize: true, Reduction: infonce.Sum}), Shape: labelled},
		},
		Bench: []Case{{
			Name: "Lifted", Shape: labelled, Flops: dense,
			New:    func(workers int) infonce.Loss { return &infonce.Lifted{Workers: workers} },
			Oracle: truth(Settings{}),
		}},
	}
}
