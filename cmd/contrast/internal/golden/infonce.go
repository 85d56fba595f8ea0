package golden

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/bits"
	"github.com/contrast-go/contrast/simd"
)

func infonceEntries() []Entry {
	// Each loss sees batches of one and of several strips.
	with := func(name string, l infonce.Loss, shape func(n int) (keys, negatives int), options func(s source, b *infonce.Batch)) Entry {
		return Entry{"infonce", name, func(h *bits.Hash) {
			s := newSource(4)
			for _, c := range [][2]int{{1, 3}, {7, 8}, {50, 33}, {260, 16}} {
				n, d := c[0], c[1]
				keys, negatives := shape(n)
				b := infonce.Batch{Q: s.matrix(n, d), K: s.matrix(keys, d), Negatives: s.matrix(negatives, d), Labels: make([]int, n)}
				for i := range b.Labels {
					b.Labels[i] = s.IntN(1 + n/4)
				}
				if options != nil {
					options(s, &b)
				}
				g := infonce.Batch{Q: simd.NewMatrix(n, d), K: simd.NewMatrix(keys, d), Negatives: simd.NewMatrix(negatives, d)}
				r, err := l.Evaluate(b, &g, 0.5)
				if err != nil {
					panic(err) // the inputs are fixed: only a broken loss can fail
				}
				h.Float64s([]float64{r.Loss, r.DTemperature})
				if r.DBias != 0 {
					h.Float64s([]float64{r.DBias})
				}
				h.Ints([]int{r.Valid, r.Active, r.ZeroNorm})
				h.Float32s(g.Q.Data)
				h.Float32s(g.K.Data)
				h.Float32s(g.Negatives.Data)
			}
		}}
	}
	loss := func(name string, l infonce.Loss, shape func(n int) (keys, negatives int)) Entry {
		return with(name, l, shape, nil)
	}
	pairs := func(n int) (int, int) { return n, 0 }
	hard := func(n int) (int, int) { return n, 2 * n }
	// weighted gives weights and identities.
	weighted := func(s source, b *infonce.Batch) {
		for range b.Q.Rows {
			b.Weights = append(b.Weights, float32(s.IntN(5))/2)
		}
		b.Weights[0] = 1
		for range b.K.Rows + b.Negatives.Rows {
			b.IDs = append(b.IDs, s.IntN(b.Q.Rows))
		}
	}
	guided := func(s source, b *infonce.Batch) {
		b.Guide = &infonce.Batch{Q: s.matrix(b.Q.Rows, 6), K: s.matrix(b.K.Rows, 6), Negatives: s.matrix(b.Negatives.Rows, 6)}
	}
	three := func(n int) (int, int) { return n, n }
	// paired gives labels of pairs, one and other, and weights.
	paired := func(one, other int) func(s source, b *infonce.Batch) {
		return func(s source, b *infonce.Batch) {
			for i := range b.Labels {
				b.Labels[i] = one + (other-one)*s.IntN(2)
				b.Weights = append(b.Weights, float32(1+s.IntN(5))/2)
			}
		}
	}
	listed := func(s source, b *infonce.Batch) {
		for range 2 * b.Q.Rows {
			n := b.Q.Rows
			b.Triplets = append(b.Triplets, infonce.Triple{A: s.IntN(n), P: s.IntN(n), N: s.IntN(n)})
		}
	}
	return append(minerEntries(), []Entry{
		loss("InfoNCE", &infonce.InfoNCE{}, pairs),
		loss("InfoNCE/keys=more", &infonce.InfoNCE{}, func(n int) (int, int) { return n + 9, 0 }),
		loss("InfoNCE/similarity=dot", &infonce.InfoNCE{DotProduct: true, Temperature: 1}, pairs),
		loss("InfoNCE/negatives=shared", &infonce.InfoNCE{}, func(n int) (int, int) { return n, n + 5 }),
		loss("InfoNCE/negatives=paired", &infonce.InfoNCE{PairedNegatives: true}, func(n int) (int, int) { return n, 3 * n }),
		loss("InfoNCE/precision=bfloat16", &infonce.InfoNCE{Precision: simd.BFloat16}, pairs),
		loss("CLIP/precision=bfloat16", &infonce.InfoNCE{Symmetric: true, Precision: simd.BFloat16}, pairs),
		loss("CLIP", &infonce.InfoNCE{Symmetric: true}, pairs),
		loss("CLIP/temperature=0.01", &infonce.InfoNCE{Symmetric: true, Temperature: 0.01}, pairs),
		loss("CLIP/similarity=dot", &infonce.InfoNCE{Symmetric: true, DotProduct: true, Temperature: 1}, pairs),
		with("InfoNCE/weights/ids", &infonce.InfoNCE{}, pairs, weighted),
		with("InfoNCE/negatives=both/weights/ids", &infonce.InfoNCE{InBatch: true, Temperature: 0.05}, hard, weighted),
		with("InfoNCE/guide", &infonce.InfoNCE{InBatch: true, FalseNegatives: infonce.FalseNegatives{Rule: infonce.RelativeMargin, Margin: 0.1}}, hard, guided),
		loss("InfoNCE/smoothing", &infonce.InfoNCE{LabelSmoothing: 0.1}, pairs),
		loss("InfoNCE/reduction=sum", &infonce.InfoNCE{Reduction: infonce.Sum}, pairs),
		with("CLIP/weights/ids", &infonce.InfoNCE{Symmetric: true}, pairs, weighted),
		with("CLIP/negatives=both/weights/ids/temperature=0.01", &infonce.InfoNCE{Symmetric: true, InBatch: true, Temperature: 0.01}, hard, weighted),
		loss("NTXent", &infonce.NTXent{}, pairs),
		with("NTXent/weights/ids", &infonce.NTXent{}, pairs, weighted),
		loss("SupCon", &infonce.SupCon{}, pairs),
		loss("SupCon/inside", &infonce.SupCon{Inside: true}, pairs),
		loss("SupCon/temperature=0.01", &infonce.SupCon{Temperature: 0.01}, pairs),
		loss("SupCon/inside/temperature=0.01", &infonce.SupCon{Inside: true, Temperature: 0.01}, pairs),
		loss("DCL", &infonce.DCL{}, pairs),
		loss("DCL/sigma", &infonce.DCL{Sigma: 0.5, Temperature: 0.01}, pairs),
		loss("DCL/oneway", &infonce.DCL{OneWay: true}, pairs),
		loss("SigLIP", &infonce.SigLIP{}, pairs),
		loss("SigLIP/keys=more/bias=0", &infonce.SigLIP{NoBias: true}, func(n int) (int, int) { return n + 9, 0 }),
		loss("SigLIP/similarity=dot", &infonce.SigLIP{DotProduct: true, Temperature: 1, Bias: -3}, pairs),
		loss("SigLIP/precision=bfloat16", &infonce.SigLIP{Precision: simd.BFloat16}, pairs),
		with("SigLIP/weights/ids", &infonce.SigLIP{}, pairs, weighted),
		loss("HCL", &infonce.HCL{Concentration: 1, PriorPositive: 0.01}, pairs),
		loss("HCL/prior=0/temperature=0.01", &infonce.HCL{Concentration: 0.5, Temperature: 0.01}, pairs),
		with("HCL/concentration=0/weights/ids", &infonce.HCL{PriorPositive: 0.1}, pairs, weighted),
		loss("NPair", &infonce.NPair{Regularization: 0.02}, pairs),
		loss("AlignUniform", &infonce.AlignUniform{}, pairs),
		loss("AlignUniform/alpha=1/t=3", &infonce.AlignUniform{Alpha: 1, T: 3, Alignment: 2, Uniformity: 0.5}, pairs),
		loss("AlignUniform/alone", &infonce.AlignUniform{}, func(int) (int, int) { return 0, 0 }),
		loss("NTXent/precision=bfloat16", &infonce.NTXent{Precision: simd.BFloat16}, pairs),
		loss("NTXent/temperature=0.01", &infonce.NTXent{Temperature: 0.01}, pairs),
		loss("NTXent/similarity=dot", &infonce.NTXent{DotProduct: true, Temperature: 1}, pairs),
		loss("Triplet", &infonce.Triplet{}, func(n int) (int, int) { return n, n }),
		loss("Triplet/squared/swap", &infonce.Triplet{Squared: true, Swap: true, Normalize: true}, func(n int) (int, int) { return n, n }),
		loss("Triplet/soft", &infonce.Triplet{Soft: true}, func(n int) (int, int) { return n, n }),
		loss("Triplet/reduction=active/epsilon", &infonce.Triplet{Reduction: infonce.MeanActive, CoordinateEpsilon: 1e-6}, three),
		with("Triplet/list", &infonce.Triplet{}, func(int) (int, int) { return 0, 0 }, listed),
		with("Triplet/list/squared/swap", &infonce.Triplet{Squared: true, Swap: true, Normalize: true}, func(int) (int, int) { return 0, 0 }, listed),
		with("ContrastivePair", &infonce.ContrastivePair{Margin: 3}, pairs, paired(0, 1)),
		with("ContrastivePair/normalize", &infonce.ContrastivePair{Margin: 1.5, Normalize: true}, pairs, paired(0, 1)),
		with("CosineEmbedding", &infonce.CosineEmbedding{}, pairs, paired(-1, 1)),
		with("MarginRanking/scores", &infonce.MarginRanking{Margin: 0.5}, pairs, paired(-1, 1)),
		with("MarginRanking/embeddings", &infonce.MarginRanking{Margin: 0.5}, three, paired(-1, 1)),
		with("LogisticRanking/scores", &infonce.LogisticRanking{}, pairs, paired(-1, 1)),
		with("LogisticRanking/embeddings/normalize", &infonce.LogisticRanking{Normalize: true}, three, paired(-1, 1)),
		loss("BatchHard", &infonce.BatchHard{}, pairs),
		loss("Circle", &infonce.Circle{}, pairs),
		loss("Circle/scale=30/margin=0.4/precision=bfloat16", &infonce.Circle{Scale: 30, Margin: 0.4, Precision: simd.BFloat16}, pairs),
		loss("MultiSimilarity", &infonce.MultiSimilarity{}, pairs),
		loss("MultiSimilarity/alpha=20/beta=10/reduction=sum", &infonce.MultiSimilarity{Alpha: 20, Beta: 10, Base: 0.1, Reduction: infonce.Sum}, pairs),
		loss("ArcFace", &infonce.ArcFace{}, pairs),
		loss("ArcFace/scale=16/margin=1.5", &infonce.ArcFace{Scale: 16, Margin: 1.5}, pairs),
		loss("CosFace", &infonce.CosFace{}, pairs),
		loss("CosFace/scale=16/margin=0.1", &infonce.CosFace{Scale: 16, Margin: 0.1}, pairs),
		loss("BatchHard/squared/soft", &infonce.BatchHard{Squared: true, Soft: true, Normalize: true}, pairs),
		loss("BatchAll", &infonce.BatchAll{}, pairs),
		loss("BatchAll/squared/all", &infonce.BatchAll{Squared: true, All: true, Normalize: true}, pairs),
		loss("BatchAll/soft", &infonce.BatchAll{Soft: true}, pairs),
		loss("SemiHard", &infonce.SemiHard{}, pairs),
		loss("SemiHard/squared/farthest", &infonce.SemiHard{Squared: true, Farthest: true, Normalize: true}, pairs),
		loss("MarginLoss", &infonce.MarginLoss{Boundary: 3}, pairs),
		loss("MarginLoss/normalize/all", &infonce.MarginLoss{Normalize: true, All: true}, pairs),
		with("MarginLoss/list", &infonce.MarginLoss{Boundary: 3}, func(int) (int, int) { return 0, 0 }, listed),
		loss("Lifted", &infonce.Lifted{}, pairs),
		loss("Lifted/margin=0.2/normalize/reduction=sum", &infonce.Lifted{Margin: 0.2, Normalize: true, Reduction: infonce.Sum}, pairs),
	}...)
}

// minerEntries are lists of triplets and pairs, all and bounded.
func minerEntries() []Entry {
	mine := func(name string, list func(h *bits.Hash, x simd.Matrix, labels []int) error) Entry {
		return Entry{"infonce", name, func(h *bits.Hash) {
			s := newSource(5)
			for _, n := range []int{1, 7, 90} {
				x, labels := s.matrix(n, 12), make([]int, n)
				for i := range labels {
					labels[i] = s.IntN(1 + n/4)
				}
				if err := list(h, x, labels); err != nil {
					panic(err)
				}
			}
		}}
	}
	var entries []Entry
	for kind := infonce.AllTriplets; kind <= infonce.HardestTriplets; kind++ {
		entries = append(entries, mine("TripletMiner/"+kind.String(), func(h *bits.Hash, x simd.Matrix, labels []int) error {
			for _, limit := range []int{0, 40, 1000} {
				list, err := (&infonce.TripletMiner{Kind: kind, Cap: limit, Seed: 3}).Mine(nil, x, labels)
				if err != nil {
					return err
				}
				for _, t := range list {
					h.Ints([]int{t.A, t.P, t.N})
				}
			}
			return nil
		}))
	}
	entries = append(entries, mine("DistanceWeightedMiner", func(h *bits.Hash, x simd.Matrix, labels []int) error {
		list, err := (&infonce.DistanceWeightedMiner{Seed: 3, Reach: 1.7}).Mine(nil, x, labels)
		for _, t := range list {
			h.Ints([]int{t.A, t.P, t.N})
		}
		return err
	}))
	return append(entries, mine("MultiSimilarityMiner", func(h *bits.Hash, x simd.Matrix, labels []int) error {
		list, err := (&infonce.MultiSimilarityMiner{}).Mine(nil, x, labels)
		for _, p := range list {
			h.Ints([]int{p.A, p.B})
		}
		return err
	}))
}
