package images

import "fmt"

// SplitClasses splits m by class, so that what is learned from train can be tried on
// classes never seen, as verification of faces wants: the images of every class c with
// c mod every = every − 1 are in test, those of the others in train, both in the order of m. Labels
// and Classes are those of m. It returns an error if m has no labels, or one set would have no image.
// It panics if every is below 2.
func SplitClasses(m Set, every int) (train, test Set, err error) {
	if every < 2 {
		panic(fmt.Sprintf("images: every class of %d to test on", every))
	}
	if m.Labels == nil {
		return Set{}, Set{}, fmt.Errorf("images: labels: got none, want those of at least %d classes to split by", every)
	}
	var in, out []int
	for i, label := range m.Labels {
		if label%every == every-1 {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	if len(in) == 0 || len(out) == 0 {
		return Set{}, Set{}, fmt.Errorf("images: classes: got %d to test on and %d to train on of %d images, want images of both", len(in), len(out), m.Len())
	}
	return m.Subset(out), m.Subset(in), nil
}

// splitFifth splits m into every fifth image and the others.
func splitFifth(m Set) (others, fifth Set) {
	var in, out []int
	for i := range m.Len() {
		if i%5 == 4 {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	return m.Subset(out), m.Subset(in)
}
