package images

import "fmt"

// SplitClasses splits m by class, so that what is learned from train can be tested on classes never
// seen, as for the verification of faces: the images of class c go to test if c mod every = every −
// 1, and to train otherwise, both in the order of m. Labels and Classes stay those of m.
//
// It returns an error if m has no labels, or one of the two sets would be empty. It panics if every
// is below 2.
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
		return Set{}, Set{}, fmt.Errorf("images: classes: got %d images to test on and %d to train on, want some of both: every %dth class is held out, so there must be %d classes at least", len(in), len(out), every, every)
	}
	return m.Subset(out), m.Subset(in), nil
}

// splitFifth returns every fifth image of m, the first being image 4, and the others.
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
