// Package data reads and writes the files that training touches, and carries a
// small dataset of its own.
//
// [Glyphs] renders letters and digits from fonts that are part of the program,
// [OpenImages] reads images from a folder: the MNIST family, CIFAR-10 or files of images,
// a folder for each class; [SplitClasses] keeps classes apart. [OpenRows] and [WriteRows] move embeddings, [ReadLabels] and
// [ReadTriplets] what belongs to them, [ReadSafetensors] and [WriteSafetensors] float32 tensors, and
// [WriteAtomic] replaces a file so that a crash leaves either the old content or the new.
//
// Everything read is taken for hostile: sizes are checked against what the file
// can hold before memory is allocated, and a malformed file gives an error of
// one line that names the byte offset or the line, the rule, what was got and what was
// wanted.
package data

import "fmt"

// Images are images of one size, with a class each.
//
// Image i is the Width·Height·Channels bytes of Pixels from
// i·Width·Height·Channels on: rows from the top, in each row pixels from the
// left, in each pixel its channels. A byte is an intensity, 0 black and 255
// white.
//
// The zero value holds no image.
type Images struct {
	Width, Height, Channels int

	Pixels  []uint8
	Labels  []int    // Labels[i] is the class of image i; nil if unlabelled
	Classes []string // Classes[c] is the name of class c; nil if unlabelled
}

// size returns the bytes of one image.
func (m Images) size() int { return m.Width * m.Height * m.Channels }

// Len returns the number of images.
func (m Images) Len() int {
	if m.size() == 0 {
		return 0
	}
	return len(m.Pixels) / m.size()
}

// At returns the pixels of image i, sharing the memory of m.
// It panics if there is no image i.
func (m Images) At(i int) []uint8 {
	if i < 0 || i >= m.Len() {
		panic(fmt.Sprintf("data: image %d of %d", i, m.Len()))
	}
	n := m.size()
	return m.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// Subset returns a copy of the given images, in the given order; an index may
// occur more than once. It panics if there is no image of one of the indices.
func (m Images) Subset(indices []int) Images {
	sub := m
	sub.Pixels = make([]uint8, 0, len(indices)*m.size())
	for _, i := range indices {
		sub.Pixels = append(sub.Pixels, m.At(i)...)
	}
	if m.Labels != nil {
		sub.Labels = make([]int, len(indices))
		for j, i := range indices {
			sub.Labels[j] = m.Labels[i]
		}
	}
	return sub
}
