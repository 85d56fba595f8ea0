// Package infonce computes contrastive losses and their gradients, exactly and in memory that grows
// with the batch, not with its square.
//
// A loss is a struct whose zero value is the textbook loss. Evaluate returns the value and,
// where a gradient is asked for, adds it to matrices that the caller owns:
//
//	loss := infonce.InfoNCE{Temperature: 0.07}
//	grad := infonce.Batch{Q: simd.NewMatrix(n, d), K: simd.NewMatrix(n, d)}
//	result, err := loss.Evaluate(infonce.Batch{Q: q, K: k}, &grad, 1)
//
// The losses:
//
//   - [InfoNCE]: each query against its key and the other keys of the batch, one way or both
//     (CLIP), or against explicit negatives.
//   - [NPair]: dot products at temperature 1, with lengths held back.
//   - [NTXent]: two views of each sample, each view against all others (SimCLR).
//   - [DCL]: NT-Xent or InfoNCE without the positive among the candidates.
//   - [HCL]: NT-Xent with hard negatives weighted up and likely positives taken out.
//   - [SupCon]: each labelled row against all others, those of its label as positives.
//   - [SigLIP]: each query and key on their own, with a bias.
//   - [AlignUniform]: pairs close to each other, all rows spread over the sphere.
//   - [Triplet]: anchor, positive and negative, given as rows or as a list.
//   - [BatchAll]: all triplets of labelled rows.
//   - [BatchHard]: the hardest positive and negative of each labelled anchor.
//   - [SemiHard]: pairs of one label, each with the nearest negative that is farther.
//   - [MarginLoss]: pairs, or those of triplets, within and beyond a boundary that may be learned.
//   - [Lifted]: pairs of one label, each with all negatives of both rows.
//   - [Circle], [MultiSimilarity]: all pairs of each labelled anchor, weighed by how similar they
//     are.
//   - [ArcFace], [CosFace]: labelled rows against a centre for each class, with a margin.
//   - [ContrastivePair], [CosineEmbedding]: pairs that are similar, or not.
//   - [MarginRanking], [LogisticRanking]: pairs of scores, or of embeddings, one of which belongs
//     above the other (BPR, RankNet).
//   - [Custom]: any function of a row of logits, and [CheckGradient] for it.
//
// Package infonce/miner lists triplets and pairs of labelled rows, for Triplet, MarginLoss and
// other uses.
//
// Similarity matrices are computed in strips that stay in the cache and are never stored whole. A
// value or gradient has the same bits on every CPU and for any number of workers.
//
// A loss value keeps scratch memory between calls: in steady state Evaluate allocates nothing, and
// one value must not be used by two goroutines at once.
package infonce
