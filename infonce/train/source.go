package train

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// A Source gives the samples of each step.
//
// Next fills x with the samples of a step, counted from 0, and returns the classes
// of its rows, or nil where it does not know them. What it returns is the
// source's and valid until the next call. The same step gives the same samples
// whatever was asked for before.
//
// x has 2n rows. A source of pairs fills row i with the first view of sample i and
// row n+i with the second.
type Source interface {
	Next(step int, x simd.Matrix) (labels []int, err error)
}

// An Identifier is a Source that knows which rows show the same thing, for a loss not to
// hold them apart. A [Trainer] asks where it has a Memory, in which samples come again.
type Identifier interface {
	// IDs returns a number for each row of the last step: equal where the rows show the
	// same thing. It is the source's, valid until the next call of Next; nil where
	// it does not know.
	IDs() []int
}

// Views gives two augmented views of each of n images. Within an epoch no image
// comes twice; an epoch ends where fewer than n images are left, and the next one
// has another order. Views must not be used by two goroutines at once.
type Views struct {
	Images  data.Images
	Augment Augmentation
	Seed    uint64

	// Distinct chooses images of which no two in a step are of the same class; see
	// [Distinct].
	Distinct bool

	// Match makes the second view one of another image of the same class, drawn
	// at random, where there is one.
	Match bool

	Workers int // 0 means GOMAXPROCS; the views do not depend on it

	views    views
	random   stream
	members  members
	order    order
	distinct Distinct
}

// Next fills x with the views of a step.
func (s *Views) Next(step int, x simd.Matrix) ([]int, error) {
	n := x.Rows / 2
	if err := checkImages(s.Images, x, s.Match || s.Distinct); err != nil {
		return nil, err
	}
	if 2*n != x.Rows {
		return nil, fmt.Errorf("%d rows, want an even number", x.Rows)
	}
	if n < 1 || n > s.Images.Len() {
		return nil, fmt.Errorf("%d samples a step, want 1 to %d, as many as there are images", n, s.Images.Len())
	}
	pick := slices.Grow(s.views.pick[:0], 2*n)[:n]
	if s.Distinct {
		s.distinct.IDs, s.distinct.Seed = s.Images.Labels, s.Seed
		if err := s.distinct.Indices(step, pick); err != nil {
			return nil, err
		}
	} else {
		copy(pick, s.order.batch(&s.random, s.Seed, step, n, s.Images.Len()))
	}
	pick = append(pick, pick...)
	if s.Match {
		s.members.group(s.Images.Labels)
		s.random.seed(s.Seed, forPartner, step, 0)
		for i, image := range pick[:n] {
			pick[n+i] = s.members.partner(&s.random, image)
		}
	}
	return s.views.fill(x, s.Images, pick, s.Augment, s.Seed, step, s.Workers)
}

// IDs returns the class of each row of the last step with Match, otherwise the image.
func (s *Views) IDs() []int {
	if s.Match {
		return s.views.labels
	}
	return s.views.pick
}

// Classes gives augmented views of PerClass images of each of some classes, which [PK]
// chooses. Classes must not be used by two goroutines at once.
type Classes struct {
	Images   data.Images // with labels
	Augment  Augmentation
	Seed     uint64
	PerClass int // 0 means 4; divides the number of rows
	Workers  int // 0 means GOMAXPROCS; the views do not depend on it

	views views
	pk    PK
}

// Next fills x with the views of a step.
func (s *Classes) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkImages(s.Images, x, true); err != nil {
		return nil, err
	}
	s.pk.Labels, s.pk.PerClass, s.pk.Seed = s.Images.Labels, s.PerClass, s.Seed
	pick := slices.Grow(s.views.pick[:0], x.Rows)[:x.Rows]
	if err := s.pk.Indices(step, pick); err != nil {
		return nil, err
	}
	return s.views.fill(x, s.Images, pick, s.Augment, s.Seed, step, s.Workers)
}

// checkImages returns an error unless rows of x can hold images of m, which are
// labelled where labels are needed.
func checkImages(m data.Images, x simd.Matrix, labelled bool) error {
	if size := m.Width * m.Height * m.Channels; x.Cols != size {
		return fmt.Errorf("images of %d×%d×%d = %d values, want the %d of a sample", m.Width, m.Height, m.Channels, size, x.Cols)
	}
	if labelled && m.Labels == nil {
		return fmt.Errorf("images without labels, want a class for each")
	}
	if m.Labels != nil && len(m.Labels) != m.Len() {
		return fmt.Errorf("%d labels, want one for each of %d images", len(m.Labels), m.Len())
	}
	return nil
}

// fill draws views of the picked images and returns their labels, if there are any.
func (v *views) fill(x simd.Matrix, m data.Images, pick []int, a Augmentation, seed uint64, step, workers int) ([]int, error) {
	strengths, err := a.strengths()
	if err != nil {
		return nil, err
	}
	v.dst, v.images, v.pick, v.augment, v.seed, v.step = x, m, pick, strengths, seed, step
	v.draw(workers)
	if m.Labels == nil {
		return nil, nil
	}
	v.labels = v.labels[:0]
	for _, i := range pick {
		v.labels = append(v.labels, m.Labels[i])
	}
	return v.labels, nil
}
