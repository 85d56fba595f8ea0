package catalog

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// dense counts three matrix products of rows × rows × d: the logits and both gradients.
func dense(rows, d float64) float64 { return 6 * rows * rows * d }

// denseViews is dense for two views of n samples.
func denseViews(n, d float64) float64 { return dense(2*n, d) }

// byTemperature completes the cases of a temperature with what all of them share.
func byTemperature(s Settings, cases []Case) []Case {
	for i := range cases {
		c := &cases[i]
		c.Beta, c.Cosine = 1/float64(s.Temperature), !s.DotProduct
		c.Name += fmt.Sprintf("/temperature=%v", s.Temperature)
		if s.DotProduct {
			c.Name += "/dot"
		}
	}
	return cases
}

// pairs is the shape of as many rows of K as of Q.
var pairs = Shape{Keys: same}

// more is for k rows more than Q has.
func more(k int) func(n int) int { return func(n int) int { return n + k } }

// hard is the shape of two hard negatives for each pair.
var hard = Shape{Keys: same, Negatives: func(n int) int { return 2 * n }}

// weighted returns s with weights and IDs.
func (s Shape) weighted() Shape {
	s.Weights, s.IDs = true, true
	return s
}

// softmaxLosses are the losses of rows of logits that go through a softmax.
func softmaxLosses() []Loss {
	return []Loss{infoNCE(), nPair(), ntXent(), dcl(), hcl(), supCon()}
}

func infoNCE() Loss {
	// Few candidates are left out, by their indices.
	hashed := func(i, j int) bool { return (7*i+3*j)%5 < 2 }
	smoothed := ref.RowOptions{Smoothing: float64(float32(0.2))}
	command := func(l *infonce.InfoNCE, s Settings) (infonce.Loss, *float32) {
		l.Temperature, l.Workers = s.Temperature, s.Workers
		return l, &l.Temperature
	}
	return Loss{
		Name:  "InfoNCE",
		About: "each query against its key and the other keys of the batch, one way or both (CLIP), or against explicit negatives",
		Uses: []Use{
			{"InfoNCE, in-batch negatives", "`InfoNCE`", "Q, K", "van den Oord et al. 2018"},
			{"… both ways (CLIP)", "`InfoNCE{Symmetric: true}`", "Q, K", "Radford et al. 2021"},
			{"… with a queue, or negatives of each query", "`InfoNCE`, `PairedNegatives`", "Q, K, Negatives", "He et al. 2020"},
			{"multiple-negatives ranking", "`InfoNCE{InBatch: true}`", "Q, K, Negatives", "Henderson et al. 2017"},
		},
		Commands: []Command{
			{Name: "infonce", Title: "InfoNCE", New: func(s Settings) (infonce.Loss, *float32) {
				return command(&infonce.InfoNCE{InBatch: true}, s)
			}},
			{Name: "clip", Title: "InfoNCE both ways (CLIP)", New: func(s Settings) (infonce.Loss, *float32) {
				return command(&infonce.InfoNCE{Symmetric: true}, s)
			}},
			// With an EMA decay of 0 it collapses, as He et al. (2020, section 4.1) found.
			{Name: "moco", Title: "InfoNCE against a queue (MoCo)", Defaults: map[string]any{"queue": 1024, "ema": 0.995}, New: func(s Settings) (infonce.Loss, *float32) {
				return command(&infonce.InfoNCE{}, s)
			}},
		},
		Varies: ByTemperature,
		Cases: func(s Settings) []Case {
			// option makes a case of one query a row from a loss with its options.
			option := func(name string, l infonce.InfoNCE, truth oracle, shape Shape, r Rounding) Case {
				l.Temperature, l.DotProduct = s.Temperature, s.DotProduct
				r.Queries, r.Symmetric, r.Paired = 1, l.Symmetric, l.PairedNegatives
				return Case{Name: name, Oracle: truth, Shape: shape, Rounding: r, New: func(workers int) infonce.Loss {
					l := l
					l.Workers = workers
					return &l
				}}
			}
			loose := Rounding{Loose: true}
			mass := func(m float64) Rounding { return Rounding{Loose: true, Mass: m} }
			return byTemperature(s, []Case{
				option("InfoNCE", infonce.InfoNCE{}, pairOracle(ref.InfoNCE, s), pairs, Rounding{}),
				option("InfoNCE/keys", infonce.InfoNCE{}, pairOracle(ref.InfoNCE, s), Shape{Keys: func(n int) int { return n + n/2 + 3 }}, Rounding{}),
				option("InfoNCE/symmetric", infonce.InfoNCE{Symmetric: true}, pairOracle(ref.CLIP, s), pairs, Rounding{}),
				option("InfoNCE/negatives", infonce.InfoNCE{}, negativesOracle(ref.InfoNCESharedNegatives, s),
					Shape{Keys: same, Negatives: func(n int) int { return n + n/3 + 2 }}, Rounding{}),
				option("InfoNCE/paired", infonce.InfoNCE{PairedNegatives: true}, negativesOracle(ref.InfoNCEPairedNegatives, s),
					Shape{Keys: same, Negatives: func(n int) int { return 5 * n }}, Rounding{}),
				option("InfoNCE/smoothing", infonce.InfoNCE{LabelSmoothing: 0.2}, rowsOracle(smoothed, s), Shape{Keys: more(2)}, mass(4)),
				option("InfoNCE/symmetric,smoothing", infonce.InfoNCE{Symmetric: true, LabelSmoothing: 0.2}, bothOracle(smoothed, s),
					Shape{Keys: same, Weights: true}, mass(4)),
				option("InfoNCE/weights,ids", infonce.InfoNCE{}, rowsOracle(ref.RowOptions{}, s), pairs.weighted(), loose),
				option("InfoNCE/symmetric,weights,ids", infonce.InfoNCE{Symmetric: true}, bothOracle(ref.RowOptions{}, s), pairs.weighted(), loose),
				option("InfoNCE/inBatch,ids", infonce.InfoNCE{InBatch: true}, rowsOracle(ref.RowOptions{}, s),
					Shape{Keys: same, Negatives: hard.Negatives, IDs: true}, loose),
				option("InfoNCE/inBatch,smoothing", infonce.InfoNCE{InBatch: true, LabelSmoothing: 0.2}, rowsOracle(smoothed, s),
					Shape{Keys: same, Negatives: more(1)}, mass(4)),
				option("InfoNCE/symmetric,inBatch", infonce.InfoNCE{Symmetric: true, InBatch: true}, bothOracle(ref.RowOptions{}, s), hard, loose),
				option("InfoNCE/negatives,weights,ids", infonce.InfoNCE{},
					ownKeyOracle(func(b infonce.Batch, i, j int) bool { return b.IDs[i] == b.IDs[b.K.Rows+j] }, s),
					Shape{Keys: same, Negatives: more(3)}.weighted(), loose),
				option("InfoNCE/paired,weights,ids", infonce.InfoNCE{PairedNegatives: true},
					ownKeyOracle(func(b infonce.Batch, i, j int) bool { return j/4 != i || b.IDs[i] == b.IDs[b.K.Rows+j] }, s),
					Shape{Keys: same, Negatives: func(n int) int { return 4 * n }}.weighted(), loose),
				option("InfoNCE/exclude", infonce.InfoNCE{Exclude: hashed}, rowsOracle(ref.RowOptions{Drop: hashed}, s),
					Shape{Keys: more(5)}, Rounding{Loose: true, Indexed: true}),
				option("InfoNCE/negatives,exclude", infonce.InfoNCE{Exclude: hashed},
					ownKeyOracle(func(_ infonce.Batch, i, j int) bool { return hashed(i, j) }, s),
					Shape{Keys: same, Negatives: more(5)}, Rounding{Loose: true, Indexed: true}),
				option("InfoNCE/sum", infonce.InfoNCE{Reduction: infonce.Sum}, rowsOracle(ref.RowOptions{Sum: true}, s),
					Shape{Keys: same, Weights: true}, mass(1000)),
			})
		},
		Golden: []Case{
			{Name: "InfoNCE", New: always(&infonce.InfoNCE{}), Shape: pairs},
			{Name: "InfoNCE/keys=more", New: always(&infonce.InfoNCE{}), Shape: Shape{Keys: more(9)}},
			{Name: "InfoNCE/similarity=dot", New: always(&infonce.InfoNCE{DotProduct: true, Temperature: 1}), Shape: pairs},
			{Name: "InfoNCE/negatives=shared", New: always(&infonce.InfoNCE{}), Shape: Shape{Keys: same, Negatives: more(5)}},
			{Name: "InfoNCE/negatives=paired", New: always(&infonce.InfoNCE{PairedNegatives: true}), Shape: Shape{Keys: same, Negatives: func(n int) int { return 3 * n }}},
			{Name: "InfoNCE/precision=bfloat16", New: always(&infonce.InfoNCE{Precision: simd.BFloat16}), Shape: pairs},
			{Name: "InfoNCE/weights/ids", New: always(&infonce.InfoNCE{}), Shape: pairs.weighted()},
			{Name: "InfoNCE/negatives=both/weights/ids", New: always(&infonce.InfoNCE{InBatch: true, Temperature: 0.05}), Shape: hard.weighted()},
			{Name: "InfoNCE/guide", New: always(&infonce.InfoNCE{InBatch: true, FalseNegatives: infonce.FalseNegatives{Rule: infonce.RelativeMargin, Margin: 0.1}}),
				Shape: Shape{Keys: same, Negatives: hard.Negatives, Guide: true}},
			{Name: "InfoNCE/smoothing", New: always(&infonce.InfoNCE{LabelSmoothing: 0.1}), Shape: pairs},
			{Name: "InfoNCE/reduction=sum", New: always(&infonce.InfoNCE{Reduction: infonce.Sum}), Shape: pairs},
			{Name: "CLIP", New: always(&infonce.InfoNCE{Symmetric: true}), Shape: pairs},
			{Name: "CLIP/precision=bfloat16", New: always(&infonce.InfoNCE{Symmetric: true, Precision: simd.BFloat16}), Shape: pairs},
			{Name: "CLIP/temperature=0.01", New: always(&infonce.InfoNCE{Symmetric: true, Temperature: 0.01}), Shape: pairs},
			{Name: "CLIP/similarity=dot", New: always(&infonce.InfoNCE{Symmetric: true, DotProduct: true, Temperature: 1}), Shape: pairs},
			{Name: "CLIP/weights/ids", New: always(&infonce.InfoNCE{Symmetric: true}), Shape: pairs.weighted()},
			{Name: "CLIP/negatives=both/weights/ids/temperature=0.01", New: always(&infonce.InfoNCE{Symmetric: true, InBatch: true, Temperature: 0.01}), Shape: hard.weighted()},
		},
		Bench: []Case{
			{Name: "InfoNCE", Shape: pairs, Flops: dense,
				New:    func(workers int) infonce.Loss { return &infonce.InfoNCE{Workers: workers} },
				Oracle: pairOracle(ref.InfoNCE, Settings{Temperature: 0.07})},
			{Name: "CLIP", Shape: pairs, Flops: dense,
				New:    func(workers int) infonce.Loss { return &infonce.InfoNCE{Symmetric: true, Workers: workers} },
				Oracle: pairOracle(ref.CLIP, Settings{Temperature: 0.07})},
			{Name: "MNR", Shape: Shape{Keys: same, Negatives: same}, // multiple-negatives ranking, one hard negative a query
				New: func(workers int) infonce.Loss {
					return &infonce.InfoNCE{InBatch: true, Temperature: 0.05, Workers: workers}
				},
				Oracle: rowsOracle(ref.RowOptions{}, Settings{Temperature: 0.05}),
				Flops:  func(n, d float64) float64 { return 2 * dense(n, d) }},
		},
	}
}

// always returns a constructor of l for cases in which the number of workers does not matter.
func always(l infonce.Loss) func(int) infonce.Loss { return func(int) infonce.Loss { return l } }

func nPair() Loss {
	regularized := func(λ float32) Case {
		return Case{
			Name: fmt.Sprintf("NPair/regularization=%v", λ), Shape: pairs, Rounding: Rounding{Queries: 1, Beta: 1}, Flops: dense,
			New:    func(workers int) infonce.Loss { return &infonce.NPair{Regularization: λ, Workers: workers} },
			Oracle: func(b infonce.Batch) (float64, ref.Grad) { return ref.NPair(mat(b.Q), mat(b.K), float64(λ)) },
		}
	}
	bench := regularized(0.02)
	bench.Rounding = Rounding{}
	bench.Name = "NPair"
	return Loss{
		Name:  "NPair",
		About: "dot products at temperature 1, with lengths held back",
		Uses:  []Use{{"N-pair", "`NPair`", "Q, K", "Sohn 2016"}},
		Cases: func(Settings) []Case { return []Case{regularized(0), regularized(0.02)} },
		Golden: []Case{
			{Name: "NPair", New: always(&infonce.NPair{Regularization: 0.02}), Shape: pairs},
		},
		Bench: []Case{bench},
	}
}

func ntXent() Loss {
	return Loss{
		Name:  "NTXent",
		About: "two views of each sample, each view against all others (SimCLR)",
		Uses:  []Use{{"NT-Xent (SimCLR)", "`NTXent`", "Q, K: two views", "Chen et al. 2020"}},
		Commands: []Command{{Name: "ntxent", Title: "NT-Xent", New: func(s Settings) (infonce.Loss, *float32) {
			l := &infonce.NTXent{Temperature: s.Temperature, Workers: s.Workers}
			return l, &l.Temperature
		}}},
		Varies: ByTemperature,
		Cases: func(s Settings) []Case {
			new := func(workers int) infonce.Loss {
				return &infonce.NTXent{Temperature: s.Temperature, DotProduct: s.DotProduct, Workers: workers}
			}
			return byTemperature(s, []Case{
				{Name: "NTXent", New: new, Oracle: pairOracle(ref.NTXent, s), Shape: pairs, Rounding: Rounding{Queries: 2}},
				{Name: "NTXent/weights,ids", New: new, Oracle: viewsOracle(s), Shape: pairs.weighted(), Rounding: Rounding{Queries: 2, Loose: true}},
			})
		},
		Golden: []Case{
			{Name: "NTXent", New: always(&infonce.NTXent{}), Shape: pairs},
			{Name: "NTXent/weights/ids", New: always(&infonce.NTXent{}), Shape: pairs.weighted()},
			{Name: "NTXent/precision=bfloat16", New: always(&infonce.NTXent{Precision: simd.BFloat16}), Shape: pairs},
			{Name: "NTXent/temperature=0.01", New: always(&infonce.NTXent{Temperature: 0.01}), Shape: pairs},
			{Name: "NTXent/similarity=dot", New: always(&infonce.NTXent{DotProduct: true, Temperature: 1}), Shape: pairs},
		},
		Bench: []Case{{
			Name: "NTXent", Shape: pairs, Flops: denseViews,
			New:    func(workers int) infonce.Loss { return &infonce.NTXent{Workers: workers} },
			Oracle: pairOracle(ref.NTXent, Settings{Temperature: 0.5}),
		}},
	}
}

func dcl() Loss {
	truth := func(s Settings, sigma float64, oneWay bool) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.DCL(mat(b.Q), mat(b.K), float64(s.Temperature), sigma, !s.DotProduct, oneWay)
		}
	}
	return Loss{
		Name:  "DCL",
		About: "NT-Xent or InfoNCE without the positive among the candidates",
		Uses:  []Use{{"decoupled (DCL, DCLW)", "`DCL`, `Sigma`", "Q, K", "Yeh et al. 2022"}},
		Commands: []Command{{Name: "dcl", Title: "decoupled contrastive loss", New: func(s Settings) (infonce.Loss, *float32) {
			l := &infonce.DCL{Temperature: s.Temperature, Workers: s.Workers}
			return l, &l.Temperature
		}}},
		Varies: ByTemperature,
		Cases: func(s Settings) []Case {
			option := func(name string, sigma float32, oneWay bool) Case {
				r := Rounding{Queries: 2, Mass: 2, Signed: true, Loose: true}
				if sigma > 0 {
					r.Mass = 4
				}
				if oneWay {
					r.Queries = 1
				}
				return Case{Name: name, Shape: pairs, Rounding: r, Detached: sigma > 0, Oracle: truth(s, float64(sigma), oneWay), New: func(workers int) infonce.Loss {
					return &infonce.DCL{Temperature: s.Temperature, DotProduct: s.DotProduct, Sigma: sigma, OneWay: oneWay, Workers: workers}
				}}
			}
			return byTemperature(s, []Case{
				option("DCL", 0, false), option("DCL/sigma", 0.5, false), option("DCL/oneWay", 0, true), option("DCL/oneWay,sigma", 2, true),
			})
		},
		Golden: []Case{
			{Name: "DCL", New: always(&infonce.DCL{}), Shape: pairs},
			{Name: "DCL/sigma", New: always(&infonce.DCL{Sigma: 0.5, Temperature: 0.01}), Shape: pairs},
			{Name: "DCL/oneway", New: always(&infonce.DCL{OneWay: true}), Shape: pairs},
		},
		Bench: []Case{{
			Name: "DCL", Shape: pairs, Flops: denseViews,
			New:    func(workers int) infonce.Loss { return &infonce.DCL{Workers: workers} },
			Oracle: truth(Settings{Temperature: 0.1}, 0, false),
		}},
	}
}

func hcl() Loss {
	truth := func(s Settings, concentration, prior float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.HCL(mat(b.Q), mat(b.K), float64(s.Temperature), float64(concentration), float64(prior), !s.DotProduct)
		}
	}
	return Loss{
		Name:  "HCL",
		About: "NT-Xent with hard negatives weighted up and likely positives taken out",
		Uses:  []Use{{"hard-negative, debiased (HCL)", "`HCL`", "Q, K", "Robinson et al. 2021; Chuang et al. 2020"}},
		Commands: []Command{{Name: "hcl", Title: "hard negatives (HCL)", New: func(s Settings) (infonce.Loss, *float32) {
			l := &infonce.HCL{Temperature: s.Temperature, Concentration: 1, PriorPositive: 0.01, Workers: s.Workers}
			return l, &l.Temperature
		}}},
		Varies: ByTemperature,
		Cases: func(s Settings) []Case {
			option := func(concentration, prior float32) Case {
				// The gradient of a logit is A·((1+c)·p − c·p′), where A is R/(R + (1−ρ−ρm)·e^z⁺),
				// above 1 where the prior takes a part of R; with it grows what a change of the
				// logits does.
				steep := 2 * float64(1+concentration)
				if prior > 0 {
					steep *= 10
				}
				return Case{
					Name: fmt.Sprintf("HCL/concentration=%v,prior=%v", concentration, prior), Shape: pairs,
					Rounding: Rounding{Queries: 2, Steep: steep, Mass: steep}, Oracle: truth(s, concentration, prior),
					New: func(workers int) infonce.Loss {
						return &infonce.HCL{Temperature: s.Temperature, Concentration: concentration, PriorPositive: prior, DotProduct: s.DotProduct, Workers: workers}
					},
				}
			}
			return byTemperature(s, []Case{option(1, 0), option(0, 0), option(0, 0.1), option(0.5, 0.05)})
		},
		Golden: []Case{
			{Name: "HCL", New: always(&infonce.HCL{Concentration: 1, PriorPositive: 0.01}), Shape: pairs},
			{Name: "HCL/prior=0/temperature=0.01", New: always(&infonce.HCL{Concentration: 0.5, Temperature: 0.01}), Shape: pairs},
			{Name: "HCL/concentration=0/weights/ids", New: always(&infonce.HCL{PriorPositive: 0.1}), Shape: pairs.weighted()},
		},
		Bench: []Case{{
			Name: "HCL", Shape: pairs, Flops: denseViews,
			New: func(workers int) infonce.Loss {
				return &infonce.HCL{Concentration: 1, PriorPositive: 0.01, Workers: workers}
			},
			Oracle: truth(Settings{Temperature: 0.5}, 1, 0.01),
		}},
	}
}

func supCon() Loss {
	truth := func(s Settings, inside bool) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.SupCon(mat(b.Q), b.Labels, float64(s.Temperature), !s.DotProduct, inside)
		}
	}
	return Loss{
		Name:  "SupCon",
		About: "each labelled row against all others, those of its label as positives",
		Uses:  []Use{{"supervised contrastive, both forms", "`SupCon`, `Inside`", "Q, Labels", "Khosla et al. 2020"}},
		Commands: []Command{{Name: "supcon", Title: "supervised contrastive loss", Labelled: true, New: func(s Settings) (infonce.Loss, *float32) {
			l := &infonce.SupCon{Temperature: s.Temperature, Workers: s.Workers}
			return l, &l.Temperature
		}}},
		Varies: ByTemperature,
		Cases: func(s Settings) []Case {
			option := func(name string, inside bool) Case {
				return Case{Name: name, Shape: Shape{Labels: true}, Rounding: Rounding{Mass: 2, Loose: true}, Oracle: truth(s, inside), New: func(workers int) infonce.Loss {
					return &infonce.SupCon{Temperature: s.Temperature, DotProduct: s.DotProduct, Inside: inside, Workers: workers}
				}}
			}
			return byTemperature(s, []Case{option("SupCon/outside", false), option("SupCon/inside", true)})
		},
		Golden: []Case{
			{Name: "SupCon", New: always(&infonce.SupCon{}), Shape: Shape{Labels: true}},
			{Name: "SupCon/inside", New: always(&infonce.SupCon{Inside: true}), Shape: Shape{Labels: true}},
			{Name: "SupCon/temperature=0.01", New: always(&infonce.SupCon{Temperature: 0.01}), Shape: Shape{Labels: true}},
			{Name: "SupCon/inside/temperature=0.01", New: always(&infonce.SupCon{Inside: true, Temperature: 0.01}), Shape: Shape{Labels: true}},
		},
		Bench: []Case{{
			Name: "SupCon", Shape: Shape{Labels: true}, Flops: dense,
			New:    func(workers int) infonce.Loss { return &infonce.SupCon{Workers: workers} },
			Oracle: truth(Settings{Temperature: 0.1}, false),
		}},
	}
}
