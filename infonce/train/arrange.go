package train

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
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

// Triplets is for losses of an anchor, a positive and a negative, such as those of [dataset.RowTriplets]:
// row i of Q, of K and of Negatives is the first, the second and the third view of sample i.
func Triplets(z simd.Matrix, labels []int) infonce.Batch {
	n := z.Rows / 3
	return infonce.Batch{Q: z.Slice(0, n), K: z.Slice(n, 2*n), Negatives: z.Slice(2*n, 3*n)}
}

// arrange shows z to the loss. By default that is Pairs, or rows that are labelled by
// their sample where these have more than two views.
func (t *Trainer) arrange(z simd.Matrix, labels []int) infonce.Batch {
	switch {
	case t.Arrange != nil:
		return t.Arrange(z, labels)
	case t.views() == 2:
		return Pairs(z, labels)
	}
	return Labelled(z, t.samples)
}

func (t *Trainer) views() int { return cmp.Or(t.Views, 2) }

// checkViews returns an error unless the parts agree on the number of views.
func (t *Trainer) checkViews() error {
	n := t.views()
	if n < 1 || n == 1 && t.Arrange == nil {
		return fmt.Errorf("%d views of a sample, want 2 or more, or an arrangement", n)
	}
	if _, ok := t.Encoder.(*nn.Dual); ok && n != 2 {
		return fmt.Errorf("%d views of a sample, want 2: the encoder has two towers", n)
	}
	if s, ok := t.Source.(dataset.Viewer); ok && s.ViewsPerSample() != n {
		return fmt.Errorf("the source gives %d views of each sample, want %d", s.ViewsPerSample(), n)
	}
	if n != 2 && (t.Keys != nil || t.Memory != nil) {
		return fmt.Errorf("%d views of a sample, want 2 with keys or a memory", n)
	}
	t.samples = t.samples[:0]
	for i := range n * t.Batch {
		t.samples = append(t.samples, i%t.Batch)
	}
	return nil
}
