// Package tile is the engine of the losses: it computes matrices of logits or distances in strips
// that stay in the cache, shows them to a kernel row by row, and multiplies what the kernel leaves
// with the rows again, for their gradients. No matrix of n×n numbers is stored as a whole.
//
//   - [Embeddings] hold the rows that are compared, and their gradients.
//   - [Sweep] walks over the logits of queries and keys. A [RowKernel] turns each row of them into
//     losses
//     and derivatives; a [ColumnKernel] also sees their columns.
//   - [OneSided] and [TwoSided] are the kernels of a softmax over rows, and over rows and columns.
//     [Streamed] does what a sweep with OneSided does, where even copies of the rows are too large.
//   - [Distances] is a sweep over Euclidean distances, which a [DistanceScorer] is shown.
//   - [NearestSearch] finds the farthest positive and the nearest negative of each row.
//
// It knows nothing of batches, reductions and settings, and checks nothing: that is done above it,
// by the losses and the drivers of their families in package infonce.
package tile
