package golden

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/infonce/miner"
	"github.com/contrast-go/contrast/internal/bits"
	"github.com/contrast-go/contrast/simd"
)

// infonceEntries are the losses, in the cases that the catalog wants recorded, and the miners.
func infonceEntries() []Entry {
	entries := minerEntries()
	for _, l := range catalog.Losses() {
		for _, c := range l.Golden {
			entries = append(entries, Entry{"infonce", c.Name, func(h *bits.Hash) { addLoss(h, c) }})
		}
	}
	return entries
}

// addLoss adds the results of batches of one and of several strips.
func addLoss(h *bits.Hash, c catalog.Case) {
	s, l := newSource(4), c.New(0)
	for _, size := range [][2]int{{1, 3}, {7, 8}, {50, 33}, {260, 16}} {
		b := s.batch(c.Shape, size[0], size[1])
		g := infonce.Batch{Q: simd.NewMatrix(b.Q.Rows, b.Q.Cols), K: simd.NewMatrix(b.K.Rows, b.K.Cols), Negatives: simd.NewMatrix(b.Negatives.Rows, b.Negatives.Cols)}
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
}

// batch returns n rows of d numbers. Its order of random numbers is in the recorded hashes, and so
// are keys for losses of labelled rows, which do not read them.
func (s source) batch(shape catalog.Shape, n, d int) infonce.Batch {
	if shape.Labels {
		shape.Keys = func(n int) int { return n }
	}
	keys, negatives := shape.KeyRows(n), shape.NegativeRows(n)
	b := infonce.Batch{Q: s.matrix(n, d), K: s.matrix(keys, d), Negatives: s.matrix(negatives, d), Labels: make([]int, n)}
	for i := range b.Labels {
		b.Labels[i] = s.IntN(1 + n/4)
	}
	switch {
	case shape.Choices != nil: // labels of pairs, and weights
		for i := range b.Labels {
			b.Labels[i] = shape.Choices[s.IntN(2)]
			b.Weights = append(b.Weights, float32(1+s.IntN(5))/2)
		}
	case shape.Weights: // and identities
		for range n {
			b.Weights = append(b.Weights, float32(s.IntN(5))/2)
		}
		b.Weights[0] = 1
		for range keys + negatives {
			b.IDs = append(b.IDs, s.IntN(n))
		}
	case shape.Guide:
		b.Guide = &infonce.Batch{Q: s.matrix(n, 6), K: s.matrix(keys, 6), Negatives: s.matrix(negatives, 6)}
	case shape.Triplets:
		for range 2 * n {
			b.Triplets = append(b.Triplets, infonce.Triple{A: s.IntN(n), P: s.IntN(n), N: s.IntN(n)})
		}
	}
	return b
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
	for kind := miner.AllTriplets; kind <= miner.HardestTriplets; kind++ {
		entries = append(entries, mine("TripletMiner/"+kind.String(), func(h *bits.Hash, x simd.Matrix, labels []int) error {
			for _, limit := range []int{0, 40, 1000} {
				list, err := (&miner.Triplets{Kind: kind, Cap: limit, Seed: 3}).Mine(nil, x, labels)
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
		list, err := (&miner.DistanceWeighted{Seed: 3, Reach: 1.7}).Mine(nil, x, labels)
		for _, t := range list {
			h.Ints([]int{t.A, t.P, t.N})
		}
		return err
	}))
	return append(entries, mine("MultiSimilarityMiner", func(h *bits.Hash, x simd.Matrix, labels []int) error {
		list, err := (&miner.MultiSimilarity{}).Mine(nil, x, labels)
		for _, p := range list {
			h.Ints([]int{p.A, p.B})
		}
		return err
	}))
}
