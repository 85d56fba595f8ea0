package dataset

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/simd"
)

// Views is a source of augmented views of n images a step. Within an epoch no image comes twice; an
// epoch ends when fewer than n images are left, and the next one has another order. Views must not
// be used by two goroutines at the same time.
type Views struct {
	Images  images.Set
	Augment augment.Image
	Seed    uint64

	// Each is the number of views of each image; 0 means 2.
	Each int

	// NoDuplicates makes all images of a step differ in class; see [NoDuplicates].
	NoDuplicates bool

	// Match takes the views after the first from other images of the same class, drawn at random,
	// if there are any.
	Match bool

	Workers int // 0 means GOMAXPROCS; views do not depend on it

	augmenter augment.ImageAugmenter
	chooser   chooser
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
	return s.augmenter.Fill(x, s.Images, pick, s.Augment, s.Seed, step, s.Workers)
}

// IDs returns the image of each row of the last step, or its class with Match; see [Identifier].
func (s *Views) IDs() []int {
	if s.Match {
		return s.augmenter.Labels
	}
	return s.augmenter.Pick
}

// ViewsPerSample returns the number of views of each image; see [Viewer].
func (s *Views) ViewsPerSample() int { return cmp.Or(s.Each, 2) }

// Bytes returns the size of the data in memory; see [Sized].
func (s *Views) Bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

// Classes is a source of augmented views of images, PerClass of each of some classes, which a
// [PKSampler] chooses. Classes must not be used by two goroutines at the same time.
type Classes struct {
	Images   images.Set // with labels
	Augment  augment.Image
	Seed     uint64
	PerClass int // images of each class; must divide the number of rows; 0 means 4
	Workers  int // 0 means GOMAXPROCS; views do not depend on it

	augmenter augment.ImageAugmenter
	pk        PKSampler
}

// Next fills x with the views of a step.
func (s *Classes) Next(step int, x simd.Matrix) ([]int, error) {
	if err := checkImages(s.Images, x, true); err != nil {
		return nil, err
	}
	s.pk.Labels, s.pk.PerClass, s.pk.Seed = s.Images.Labels, s.PerClass, s.Seed
	pick := slices.Grow(s.augmenter.Pick[:0], x.Rows)[:x.Rows]
	if err := s.pk.Indices(step, pick); err != nil {
		return nil, err
	}
	return s.augmenter.Fill(x, s.Images, pick, s.Augment, s.Seed, step, s.Workers)
}

// Bytes returns the size of the data in memory; see [Sized].
func (s *Classes) Bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

// checkImages returns an error unless rows of x can hold images of m, and m has valid labels if it
// has any or labels are needed.
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
