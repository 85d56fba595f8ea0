package train

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// Pairs is for losses of two views: row i of Q is the first view of sample i, row i
// of K the second.
func Pairs(z simd.Matrix, labels []int) infonce.Batch {
	n := z.Rows / 2
	return infonce.Batch{Q: z.Slice(0, n), K: z.Slice(n, 2*n)}
}

// Labelled is for losses that read labels: all rows are in Q. The source must
// know the labels.
func Labelled(z simd.Matrix, labels []int) infonce.Batch {
	return infonce.Batch{Q: z, Labels: labels}
}

// Triplets is for losses of an anchor, a positive and a negative, such as those of [dataset.VectorTriplets]:
// row i of Q, of K and of Negatives is the first, the second and the third view of sample i.
func Triplets(z simd.Matrix, labels []int) infonce.Batch {
	n := z.Rows / 3
	return infonce.Batch{Q: z.Slice(0, n), K: z.Slice(n, 2*n), Negatives: z.Slice(2*n, 3*n)}
}
