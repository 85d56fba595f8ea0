package dataset

import (
	"github.com/contrast-go/contrast/simd"
)

// A Source gives the samples of each step.
//
// Next fills x with the samples of a step, counted from 0, and returns the classes of its rows, or nil
// if it does not know them. The slice belongs to the source and is valid until the next call. The same
// step gives the same samples, whatever was asked for before.
//
// x has n rows for each view of a sample (train.Trainer.Views): a source fills row i with the
// first view of sample i, row n+i with the second, and so on.
type Source interface {
	Next(step int, x simd.Matrix) (labels []int, err error)
}

// An Identifier is a Source that knows which rows show the same thing, so that a loss does not push them
// apart. A train.Trainer asks it if it has a Queue, in which samples come again.
type Identifier interface {
	// IDs returns a number for each row of the last step: equal where the rows show the
	// same thing. It is the source's, valid until the next call of Next; nil where
	// it does not know.
	IDs() []int
}

// A Viewer is a source that says how many views of each sample it gives, for a trainer to
// compare with its own number.
type Viewer interface{ ViewsPerSample() int }

// A Sized source tells how many bytes of memory its data take.
type Sized interface{ Bytes() int64 }

// viewsOf returns the number of views that a field stands for.
func viewsOf(field int) int {
	if field == 0 {
		return 2
	}
	return field
}
