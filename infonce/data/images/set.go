package images

import "fmt"

// A Set is images of one size, with a class each.
//
// Image i is the Width·Height·Channels bytes of Pixels that start at i·Width·Height·Channels: rows
// from the top, the pixels of a row from the left, the channels of a pixel. A byte is an intensity,
// 0 black and 255 white.
//
// The zero value holds no image.
type Set struct {
	Width, Height, Channels int

	Pixels  []uint8
	Labels  []int    // Labels[i] is the class of image i; nil if unlabelled
	Classes []string // Classes[c] is the name of class c; nil if unlabelled
}

// size returns the bytes of one image.
func (m Set) size() int { return m.Width * m.Height * m.Channels }

// Len returns the number of images.
func (m Set) Len() int {
	if m.size() == 0 {
		return 0
	}
	return len(m.Pixels) / m.size()
}

// At returns the pixels of image i, which share the memory of m. It panics if there is no image i.
func (m Set) At(i int) []uint8 {
	if i < 0 || i >= m.Len() {
		panic(fmt.Sprintf("images: image %d of %d", i, m.Len()))
	}
	n := m.size()
	return m.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// Subset returns a copy of the images with the given indices, in that order. An index may occur
// more than once. It panics if there is no such image.
func (m Set) Subset(indices []int) Set {
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
