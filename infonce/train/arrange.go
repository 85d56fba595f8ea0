package train

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// Pairs arranges a batch for losses of two views: row i of Q is the first view of sample i, row i
// of K the second.
func Pairs(z simd.Matrix, labels []int) infonce.Batch {
	n := z.Rows / 2
	return infonce.Batch{Q: z.Slice(0, n), K: z.Slice(n, 2*n)}
}

// Labelled arranges a batch for losses that read labels: Q has all rows. The source must know the
// labels.
func Labelled(z simd.Matrix, labels []int) infonce.Batch {
	return infonce.Batch{Q: z, Labels: labels}
}

// Triplets arranges a batch for losses of an anchor, a positive and a negative: row i of Q, K and
// Negatives is the first, second and third view of sample i, as dataset.VectorTriplets gives them.
func Triplets(z simd.Matrix, labels []int) infonce.Batch {
	n := z.Rows / 3
	return infonce.Batch{Q: z.Slice(0, n), K: z.Slice(n, 2*n), Negatives: z.Slice(2*n, 3*n)}
}
