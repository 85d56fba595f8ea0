// Package miner lists the triplets and pairs of a labelled batch that are worth learning from, for
// [infonce.Triplet], [infonce.MarginLoss] and losses of one's own:
//
//		violating := miner.Triplets{Kind: miner.ViolatingTriplets, Margin: 0.2, Cap: 100_000}
//		triplets, err := violating.Mine(nil, x, labels)
//		result, err := loss.Evaluate(infonce.Batch{Q: x, Triplets: triplets}, &grad, 1)
//
//	  - [Triplets]: all triplets, or the hard, semi-hard, easy or hardest ones.
//	  - [DistanceWeighted]: a negative for each pair of one label, drawn so that all distances are
//	    about equally frequent.
//	  - [MultiSimilarity]: pairs that are informative next to the other pairs of their anchor.
//
// Distances are computed strip by strip and never stored as a matrix. A list depends on the rows,
// the labels and the seed alone, and is the same on every CPU and for any number of workers.
//
// A miner keeps scratch memory between calls: in steady state Mine allocates nothing, and one value
// must not be used by two goroutines at once.
package miner
