// Package dataset opens what a run learns from and is evaluated on: images, or files of
// embeddings. It draws batches from one part and hands out the other.
package dataset

import (
	"fmt"
	"os"
	"slices"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/simd"
)

// A Dataset has samples to train on and samples that are held out.
type Dataset interface {
	Name() string     // as in the title of a picture
	Describe() string // in a line
	Facts() settings.Facts

	// Digest returns a hash of all that the weights of a run follow from, besides its settings.
	Digest() (string, error)

	// Batches returns what draws the batches of a run, and how its loss reads them.
	Batches(o Sampling) (dataset.Source, Arrangement, error)

	// HeldOut returns up to n of the samples that a run does not train on.
	HeldOut(n, workers int) (*HeldOut, error)

	// HoldOutAll moves all samples to those held out. It is for data that no run has trained on.
	HoldOutAll()

	// HeldOutBytes estimates the memory of HeldOut(n), and of embeddings with so many
	// columns of all samples in it, as they are and with norm 1.
	HeldOutBytes(n, columns int) int64
}

// An Arrangement turns the embeddings of a batch into what a loss reads.
type Arrangement = func(z simd.Matrix, labels []int) infonce.Batch

// A Sampling says how batches are drawn.
type Sampling struct {
	settings.Sampling
	ByLabel bool // several samples of each class, one view each
	Batch   int
	Seed    uint64
	Workers int // 0 means GOMAXPROCS; no batch depends on it
}

// FullName returns the name of a source as it is known where its files are not: with the
// format before a folder of images.
func FullName(data string) string {
	if format, _ := settings.CutFormat(data); format != "" || data == settings.Glyphs {
		return data
	}
	if info, err := os.Stat(data); err == nil && info.IsDir() {
		return settings.AnyImages + ":" + data
	}
	return data
}

// Open opens what s names, in full.
func Open(s settings.Source, a settings.Augmentation) (Dataset, error) {
	if s.Kind() == settings.Images {
		return openImages(s, a)
	}
	return openVectors(s, a)
}

// checkClasses returns an error if a batch of so many samples wants more classes than
// there are.
func (o *Sampling) checkClasses(labels []int) error {
	if classes := distinct(labels); o.Distinct && o.Batch > classes {
		return fmt.Errorf("--batch is %d, want at most %d, the number of classes, with --distinct", o.Batch, classes)
	}
	return nil
}

// perClass returns how many samples of a class a batch has.
func (o *Sampling) perClass(classes int) (int, error) {
	n := samplesPerClass(2*o.Batch, classes)
	if n == 0 {
		return 0, fmt.Errorf("--batch is %d, want one whose %d views are 2 or more of each of 2 to %d classes", o.Batch, 2*o.Batch, classes)
	}
	return n, nil
}

// samplesPerClass returns the fewest samples of a class, 2 or more, with which the rows of
// a batch show at least 2 classes and no more than there are, or 0 if there is no such number.
func samplesPerClass(rows, classes int) int {
	for n := 2; n <= rows/2; n++ {
		if rows%n == 0 && rows/n <= classes {
			return n
		}
	}
	return 0
}

// split divides the numbers from 0 to n−1 into those to train on and a share that is held
// out, spread evenly among them.
func split(n int, share float64) (train, heldOut []int) {
	for i := range n {
		if int(float64(i+1)*share) > int(float64(i)*share) {
			heldOut = append(heldOut, i)
		} else {
			train = append(train, i)
		}
	}
	return train, heldOut
}

// Evenly returns up to n of the numbers from 0 to all−1, the same distance apart.
func Evenly(all, n int) []int {
	picks := make([]int, min(all, n))
	for i := range picks {
		picks[i] = int(int64(i) * int64(all) / int64(len(picks)))
	}
	return picks
}

// distinct returns how many different labels there are.
func distinct(labels []int) int {
	labels = slices.Clone(labels)
	slices.Sort(labels)
	return len(slices.Compact(labels))
}

// common reports whether a label of a is one of b.
func common(a, b []int) bool {
	return slices.ContainsFunc(b, func(y int) bool { return slices.Contains(a, y) })
}

func pickInts(x, at []int) []int {
	y := make([]int, len(at))
	for i, a := range at {
		y[i] = x[a]
	}
	return y
}
