package dataset

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/simd"
)

// Sources of vectors choose samples as sources of images do: with the same seed and number of
// samples they choose the same.

// VectorViews is a source of views of n vectors a step, as [Views] is of images. Without Augment
// and Match the views of a vector are equal, which suits an encoder that makes them differ.
// VectorViews must not be used by two goroutines at the same time.
type VectorViews struct {
	Rows    Vectors
	Labels  []int // the class of each row; nil means unknown
	Augment augment.Vector
	Seed    uint64

	Each         int  // views of each row; 0 means 2
	NoDuplicates bool // all rows of a step differ in class; see [NoDuplicates]
	Match        bool // take the views after the first from other rows of the same class, if there are any
	Workers      int  // 0 means GOMAXPROCS; views do not depend on it

	chooser   chooser
	augmenter augment.VectorAugmenter
	labels    []int
}

// Next fills x with the views of a step.
func (s *VectorViews) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkRows(s.Rows, x.Cols, s.Labels, s.Match || s.NoDuplicates); err != nil {
		return nil, err
	}
	if err := s.Augment.Check(); err != nil {
		return nil, err
	}
	pick, err := s.chooser.choose(choice{
		size: s.Rows.Len(), each: s.ViewsPerSample(), things: "rows", labels: s.Labels, seed: s.Seed, distinct: s.NoDuplicates, match: s.Match,
	}, step, x.Rows)
	if err != nil {
		return nil, err
	}
	if s.Match {
		err = s.Rows.Gather(x, pick)
	} else {
		n := x.Rows / s.ViewsPerSample()
		err = s.Rows.Gather(x.Slice(0, n), pick[:n])
		for i := n; i < x.Rows; i++ {
			copy(x.Row(i), x.Row(i%n))
		}
	}
	if err != nil {
		return nil, err
	}
	s.augmenter.Apply(x, s.Augment, s.Seed, step, s.Workers)
	s.labels = appendLabels(s.labels[:0], s.Labels, pick)
	return s.labels, nil
}

// IDs returns the index in Rows of each row of the last step, or its class with Match; see
// [Identifier].
func (s *VectorViews) IDs() []int {
	if s.Match {
		return s.labels
	}
	return s.chooser.pick
}

// ViewsPerSample returns the number of views of a sample; see [Viewer].
func (s *VectorViews) ViewsPerSample() int { return cmp.Or(s.Each, 2) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *VectorViews) Bytes() int64 { return rowBytes(s.Rows) + 8*int64(len(s.Labels)) }

// VectorClasses is a source of vectors, PerClass of each of some classes, which a [PKSampler]
// chooses. VectorClasses must not be used by two goroutines at the same time.
type VectorClasses struct {
	Rows     Vectors
	Labels   []int // the class of each row
	Augment  augment.Vector
	Seed     uint64
	PerClass int // rows of each class; must divide the number of rows of a step; 0 means 4
	Workers  int // 0 means GOMAXPROCS; views do not depend on it

	pk        PKSampler
	pick      []int
	augmenter augment.VectorAugmenter
	labels    []int
}

// Next fills x with the samples of a step.
func (s *VectorClasses) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkRows(s.Rows, x.Cols, s.Labels, true); err != nil {
		return nil, err
	}
	if err := s.Augment.Check(); err != nil {
		return nil, err
	}
	s.pk.Labels, s.pk.PerClass, s.pk.Seed = s.Labels, s.PerClass, s.Seed
	s.pick = slices.Grow(s.pick[:0], x.Rows)[:x.Rows]
	if err := s.pk.Indices(step, s.pick); err != nil {
		return nil, err
	}
	if err := s.Rows.Gather(x, s.pick); err != nil {
		return nil, err
	}
	s.augmenter.Apply(x, s.Augment, s.Seed, step, s.Workers)
	s.labels = appendLabels(s.labels[:0], s.Labels, s.pick)
	return s.labels, nil
}

// Bytes returns the size of the data in memory; see [Sized].
func (s *VectorClasses) Bytes() int64 { return rowBytes(s.Rows) + 8*int64(len(s.Labels)) }

// VectorPairs is a source of n queries and, below them, their documents: row i of Queries belongs
// to row i of Documents. If one is narrower than the other, its rows are padded with zeros. Within
// an epoch no pair comes twice. VectorPairs must not be used by two goroutines at the same time.
type VectorPairs struct {
	Queries, Documents Vectors
	Augment            augment.Vector // of both
	Seed               uint64

	// DocumentIDs are equal for documents that are the same; nil means that all differ.
	DocumentIDs []int

	NoDuplicates bool // all documents of a step differ; see [NoDuplicates]
	Workers      int  // 0 means GOMAXPROCS; samples do not depend on it

	chooser   chooser
	augmenter augment.VectorAugmenter
	ids       []int
}

// Next fills x with the pairs of a step. It returns, for the rows of both halves, the ID of the
// document, or the index of the pair if there are no IDs.
func (s *VectorPairs) Next(step int, x simd.Matrix) ([]int, error) {
	if err := s.check(x.Cols); err != nil {
		return nil, err
	}
	pick, err := s.chooser.choose(choice{
		size: s.Queries.Len(), each: 2, things: "pairs", labels: s.DocumentIDs, seed: s.Seed, distinct: s.NoDuplicates,
	}, step, x.Rows)
	if err != nil {
		return nil, err
	}
	n := x.Rows / 2
	if err := gatherNarrow(s.Queries, x.Slice(0, n), pick[:n]); err != nil {
		return nil, err
	}
	if err := gatherNarrow(s.Documents, x.Slice(n, 2*n), pick[n:]); err != nil {
		return nil, err
	}
	if s.augmenter.Width == nil && s.Queries.Dim() != s.Documents.Dim() {
		s.augmenter.Width = s.width
	}
	s.augmenter.Apply(x, s.Augment, s.Seed, step, s.Workers)
	if s.DocumentIDs == nil {
		s.ids = append(s.ids[:0], pick...)
	} else {
		s.ids = appendLabels(s.ids[:0], s.DocumentIDs, pick)
	}
	return s.ids, nil
}

// width returns the width of the sample in a row of x.
func (s *VectorPairs) width(row int) int {
	if row < len(s.chooser.pick)/2 {
		return s.Queries.Dim()
	}
	return s.Documents.Dim()
}

// IDs returns what the last [VectorPairs.Next] returned; see [Identifier].
func (s *VectorPairs) IDs() []int { return s.ids }

// ViewsPerSample returns the number of views of a sample; see [Viewer].
func (s *VectorPairs) ViewsPerSample() int { return 2 }

func (s *VectorPairs) check(cols int) error {
	if s.Queries == nil || s.Documents == nil {
		return fmt.Errorf("no queries or no documents")
	}
	if q, d := s.Queries.Len(), s.Documents.Len(); q != d {
		return fmt.Errorf("%d queries and %d documents, want as many", q, d)
	}
	if q, d := s.Queries.Dim(), s.Documents.Dim(); max(q, d) != cols {
		return fmt.Errorf("queries of %d and documents of %d numbers, want the %d of a sample", q, d, cols)
	}
	if s.DocumentIDs == nil && s.NoDuplicates {
		return fmt.Errorf("documents without IDs, want one for each")
	}
	if s.DocumentIDs != nil && len(s.DocumentIDs) != s.Documents.Len() {
		return fmt.Errorf("%d IDs, want one for each of %d documents", len(s.DocumentIDs), s.Documents.Len())
	}
	return s.Augment.Check()
}

// Bytes returns the size of the data in memory; see [Sized].
func (s *VectorPairs) Bytes() int64 {
	total := rowBytes(s.Queries) + 8*int64(len(s.DocumentIDs))
	q, inMemory := s.Queries.(Table)
	d, alike := s.Documents.(Table)
	if inMemory && alike && q.Overlaps(d.Matrix) {
		return total
	}
	return total + rowBytes(s.Documents)
}

// gatherNarrow gathers rows that may be narrower than dst and pads them with zeros.
func gatherNarrow(r Vectors, dst simd.Matrix, pick []int) error {
	left := dst
	left.Cols = r.Dim()
	if err := r.Gather(left, pick); err != nil {
		return err
	}
	if left.Cols < dst.Cols {
		for i := range dst.Rows {
			clear(dst.Row(i)[left.Cols:])
		}
	}
	return nil
}

// VectorTriplets is a source of n anchors, below them their positives, and below those their
// negatives, for a train.Trainer with 3 Views that arranges train.Triplets. Within an epoch no
// triplet comes twice. VectorTriplets must not be used by two goroutines at the same time.
type VectorTriplets struct {
	Rows     Vectors
	Triplets [][3]int // indices of anchor, positive and negative in Rows; must not change
	Augment  augment.Vector
	Seed     uint64
	Workers  int // 0 means GOMAXPROCS; samples do not depend on it

	chooser   chooser
	augmenter augment.VectorAugmenter
	rows      []int
	checked   *[3]int // the address of the triplets that were checked
}

// Next fills x with the triplets of a step.
func (s *VectorTriplets) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkRows(s.Rows, x.Cols, nil, false); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	pick, err := s.chooser.choose(choice{size: len(s.Triplets), each: 3, things: "triplets", seed: s.Seed}, step, x.Rows)
	if err != nil {
		return nil, err
	}
	s.rows = s.rows[:0]
	for i, p := range pick {
		s.rows = append(s.rows, s.Triplets[p][3*i/len(pick)])
	}
	if err := s.Rows.Gather(x, s.rows); err != nil {
		return nil, err
	}
	s.augmenter.Apply(x, s.Augment, s.Seed, step, s.Workers)
	return nil, nil
}

// ViewsPerSample returns the number of views of a sample; see [Viewer].
func (s *VectorTriplets) ViewsPerSample() int { return 3 }

func (s *VectorTriplets) check() error {
	if err := s.Augment.Check(); err != nil {
		return err
	}
	if len(s.Triplets) == 0 {
		return fmt.Errorf("no triplets")
	}
	if s.checked == &s.Triplets[0] {
		return nil
	}
	for i, t := range s.Triplets {
		if min(t[0], t[1], t[2]) < 0 || max(t[0], t[1], t[2]) >= s.Rows.Len() {
			return fmt.Errorf("triplet %d is %v, want indices of %d rows", i, t, s.Rows.Len())
		}
	}
	s.checked = &s.Triplets[0]
	return nil
}

// Bytes returns the size of the data in memory; see [Sized].
func (s *VectorTriplets) Bytes() int64 { return rowBytes(s.Rows) + 24*int64(len(s.Triplets)) }

// appendLabels appends the labels of the picked samples, or returns nil if there are no labels.
func appendLabels(dst, labels, pick []int) []int {
	if labels == nil {
		return nil
	}
	for _, i := range pick {
		dst = append(dst, labels[i])
	}
	return dst
}

// rowBytes returns the memory that r takes.
func rowBytes(r Vectors) int64 {
	if t, ok := r.(Table); ok {
		return 4 * int64(len(t.Data))
	}
	return 0
}

// checkRows returns an error unless there are rows of cols numbers, and a label for each if there
// are labels or labels are needed.
func checkRows(r Vectors, cols int, labels []int, labelled bool) error {
	if r == nil {
		return fmt.Errorf("no rows")
	}
	if r.Dim() != cols {
		return fmt.Errorf("rows of %d numbers, want the %d of a sample", r.Dim(), cols)
	}
	if labelled && labels == nil {
		return fmt.Errorf("rows without labels, want a class for each")
	}
	if labels != nil && len(labels) != r.Len() {
		return fmt.Errorf("%d labels, want one for each of %d rows", len(labels), r.Len())
	}
	return nil
}
