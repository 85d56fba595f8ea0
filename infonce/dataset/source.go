package dataset

import (
	"github.com/contrast-go/contrast/simd"
)

// A Source gives the batch of each step.
type Source interface {
	// Next fills x with the samples of a step, counted from 0, and returns the labels of its rows,
	// or nil if it does not know them. The slice belongs to the source and is valid until the next
	// call. The same step gives the same samples, whatever was asked for before.
	//
	// With n samples a step, row i of x is the first view of sample i, row n+i the second, and so
	// on.
	Next(step int, x simd.Matrix) (labels []int, err error)
}

// An Identifier is a Source that knows which rows show the same thing, so that a loss does not use
// them as negatives of each other. A train.Trainer with a Queue, in which samples recur, needs
// that.
type Identifier interface {
	// IDs returns a number for each row of the last step, equal for rows that show the same thing,
	// or nil if the source does not know. The slice belongs to the source and is valid until the
	// next call of Next.
	IDs() []int
}

// A Viewer is a Source that tells the number of views that it gives of each sample, for a trainer
// to compare with its own.
type Viewer interface{ ViewsPerSample() int }

// A Sized source tells the memory that its data take in bytes.
type Sized interface{ Bytes() int64 }
