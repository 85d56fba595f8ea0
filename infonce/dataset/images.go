package dataset

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/simd"
)

// Views gives augmented views of each of n images. Within an epoch no image
// comes twice; an epoch ends where fewer than n images are left, and the next one
// has another order. Views must not be used by two goroutines at once.
type Views struct {
	Images  images.Set
	Augment augment.Image
	Seed    uint64

	// Each is how many views there are of an image; 0 means 2.
	Each int

	// NoDuplicates chooses images of which no two in a step are of the same class; see
	// [NoDuplicates].
	NoDuplicates bool

	// Match makes the views after the first ones of other images of the same class, drawn
	// at random, where there are any.
	Match bool

	Workers int // 0 means GOMAXPROCS; the views do not depend on it

	painter augment.Painter
	chooser chooser
}

// Next fills x with the views of a step.
func (s *Views) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkImages(s.Images, x, s.Match || s.NoDuplicates); err != nil {
		return nil, err
	}
	pick, err := s.chooser.choose(choice{
		size: s.Images.Len(), each: s.ViewsPerSample(), things: "images", labels: s.Images.Labels, seed: s.Seed, distinct: s.NoDuplicates, match: s.Match,
	}, step, x.Rows)
	if err != nil {
		return nil, err
	}
	return s.painter.Fill(x, s.Images, pick, s.Augment, s.Seed, step, s.Workers)
}

// IDs returns the class of each row of the last step with Match, otherwise the image.
func (s *Views) IDs() []int {
	if s.Match {
		return s.painter.Labels
	}
	return s.painter.Pick
}

// ViewsPerSample returns Each, or what it stands for; see [Viewer].
func (s *Views) ViewsPerSample() int { return viewsOf(s.Each) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *Views) Bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

// Classes gives augmented views of PerClass images of each of some classes, which [PKSampler]
// chooses. Classes must not be used by two goroutines at once.
type Classes struct {
	Images   images.Set // with labels
	Augment  augment.Image
	Seed     uint64
	PerClass int // 0 means 4; divides the number of rows
	Workers  int // 0 means GOMAXPROCS; the views do not depend on it

	painter augment.Painter
	pk      PKSampler
}

// Next fills x with the views of a step.
func (s *Classes) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkImages(s.Images, x, true); err != nil {
		return nil, err
	}
	s.pk.Labels, s.pk.PerClass, s.pk.Seed = s.Images.Labels, s.PerClass, s.Seed
	pick := slices.Grow(s.painter.Pick[:0], x.Rows)[:x.Rows]
	if err := s.pk.Indices(step, pick); err != nil {
		return nil, err
	}
	return s.painter.Fill(x, s.Images, pick, s.Augment, s.Seed, step, s.Workers)
}

// Bytes returns the size of the data in memory; see [Sized].
func (s *Classes) Bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

// checkImages returns an error unless rows of x can hold images of m, which are
// labelled where labels are needed.
func checkImages(m images.Set, x simd.Matrix, labelled bool) error {
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

func imageBytes(pixels int, labels []int) int64 { return int64(pixels) + 8*int64(len(labels)) }
