package golden

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

func infonceEntries() []Entry {
	// Each loss sees batches of one and of several strips.
	loss := func(name string, l infonce.Loss, shape func(n int) (keys, negatives int)) Entry {
		return Entry{"infonce", name, func(h *Hash) {
			s := newSource(4)
			for _, c := range [][2]int{{1, 3}, {7, 8}, {50, 33}, {260, 16}} {
				n, d := c[0], c[1]
				keys, negatives := shape(n)
				b := infonce.Batch{Q: s.matrix(n, d), K: s.matrix(keys, d), Negatives: s.matrix(negatives, d), Labels: make([]int, n)}
				for i := range b.Labels {
					b.Labels[i] = s.IntN(1 + n/4)
				}
				g := infonce.Batch{Q: simd.NewMatrix(n, d), K: simd.NewMatrix(keys, d), Negatives: simd.NewMatrix(negatives, d)}
				r, err := l.Evaluate(b, &g, 0.5)
				if err != nil {
					panic(err) // the inputs are fixed: only a broken loss can fail
				}
				h.Float64s([]float64{r.Loss, r.DTemperature})
				h.Ints([]int{r.Valid, r.Active, r.ZeroNorm})
				h.Float32s(g.Q.Data)
				h.Float32s(g.K.Data)
				h.Float32s(g.Negatives.Data)
			}
		}}
	}
	pairs := func(n int) (int, int) { return n, 0 }
	return []Entry{
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
		loss("NTXent", &infonce.NTXent{}, pairs),
		loss("NTXent/precision=bfloat16", &infonce.NTXent{Precision: simd.BFloat16}, pairs),
		loss("NTXent/temperature=0.01", &infonce.NTXent{Temperature: 0.01}, pairs),
		loss("NTXent/similarity=dot", &infonce.NTXent{DotProduct: true, Temperature: 1}, pairs),
		loss("Triplet", &infonce.Triplet{}, func(n int) (int, int) { return n, n }),
		loss("Triplet/squared/swap", &infonce.Triplet{Squared: true, Swap: true, Normalize: true}, func(n int) (int, int) { return n, n }),
		loss("Triplet/soft", &infonce.Triplet{Soft: true}, func(n int) (int, int) { return n, n }),
		loss("BatchHard", &infonce.BatchHard{}, pairs),
		loss("BatchHard/squared/soft", &infonce.BatchHard{Squared: true, Soft: true, Normalize: true}, pairs),
	}
}
