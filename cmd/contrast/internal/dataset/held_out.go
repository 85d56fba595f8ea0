package dataset

import (
	"fmt"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/simd"
)

// HeldOut is samples that a run did not train on: pairs, or samples with labels.
type HeldOut struct {
	What   string // they are, in words
	Images bool   // rows are pixels

	Q, K      simd.Matrix // pairs; K has no rows where samples have labels instead
	Documents []int       // equal where rows of K are; nil where all differ

	Labels  []int
	Classes []string // the names of labels

	Train       simd.Matrix // samples to train on, searched for neighbours; may have no rows
	TrainLabels []int
}

// EvalSeed draws the views of held-out samples. It is the same for every run, so that what
// is measured without an encoder depends on the data alone.
const EvalSeed = 0x5eed

// trainPerHeldOut bounds the samples to train on in a HeldOut, by those held out.
const trainPerHeldOut = 6

// HeldOut returns pairs; or rows with their classes, and some of those to train on; or two
// views of rows that come without labels.
func (d *Vectors) HeldOut(n, workers int) (*HeldOut, error) {
	if len(d.heldOut) == 0 {
		return nil, fmt.Errorf("%s: no %s are held out, want some", d.Name(), d.things())
	}
	some := pickInts(d.heldOut, Evenly(len(d.heldOut), n))
	h := &HeldOut{What: fmt.Sprintf("%d %s not trained on", len(some), d.things())}
	if len(some) < len(d.heldOut) {
		h.What = fmt.Sprintf("%d of %d %s not trained on", len(some), len(d.heldOut), d.things())
	}
	var err error
	switch {
	case d.kind == settings.Pairs:
		if h.Q, err = load(d.q, some); err == nil {
			h.K, err = load(d.k, some)
		}
		if d.same != nil {
			h.Documents = pickInts(d.same, some)
		}
	case d.kind == settings.Triplets:
		var anchors, positives []int
		for _, i := range some {
			anchors, positives = append(anchors, d.triplets[i][0]), append(positives, d.triplets[i][1])
		}
		h.Documents = positives
		if h.Q, err = load(d.q, anchors); err == nil {
			h.K, err = load(d.q, positives)
		}
	case d.labels != nil:
		h.Labels, h.Classes = d.labelsOf(some), d.classes
		if h.Q, err = load(d.q, some); err == nil && common(d.labelsOf(d.train), h.Labels) {
			near := pickInts(d.train, Evenly(len(d.train), trainPerHeldOut*n))
			h.Train, err = load(d.q, near)
			h.TrainLabels = d.labelsOf(near)
		}
	default:
		views := &dataset.VectorViews{Rows: &part{rows: d.q, pick: some}, Augment: d.augment, Seed: EvalSeed, Workers: workers}
		x := simd.NewMatrix(2*len(some), d.q.Dim())
		_, err = views.Next(0, x)
		h.Q, h.K = x.Slice(0, len(some)), x.Slice(len(some), x.Rows)
	}
	return h, err
}

// HeldOutBytes also counts the lists of rows, and what finds documents that are the same.
func (d *Vectors) HeldOutBytes(most, columns int) int64 {
	f := d.Facts()
	n := int64(min(len(d.heldOut), most))
	rows, wide := n, int64(max(f.Q, columns))
	numbers := n * int64(f.Q)
	switch {
	case d.labels != nil && d.kind == settings.Vectors:
		learned := min(int64(len(d.train)), int64(trainPerHeldOut*most))
		rows, numbers = rows+learned, numbers+learned*int64(f.Q)
	default:
		rows, numbers = 2*n, numbers+n*int64(f.K)
	}
	if d.kind == settings.Pairs && isScanned(d.k) {
		numbers += 4 * int64(d.k.Len())
	}
	return 4*(numbers+2*rows*wide) + 3*8*int64(len(d.train)+len(d.heldOut)) // the lists, and an epoch's order
}

// HeldOut returns images with their labels, and some of those to train on; or two views of
// images that come without labels.
func (d *Images) HeldOut(n, workers int) (*HeldOut, error) {
	some, near := Spread(d.Test, n), Spread(d.Train, trainPerHeldOut*n)
	if some.Labels == nil {
		h := &HeldOut{What: fmt.Sprintf("two views of %d images %s", some.Len(), d.Apart), Images: true}
		for i, x := range []*simd.Matrix{&h.Q, &h.K} {
			*x = simd.NewMatrix(some.Len(), len(some.At(0)))
			if err := augment.All(*x, some, d.augment, EvalSeed+uint64(i), workers); err != nil {
				return nil, err
			}
		}
		return h, nil
	}
	h := &HeldOut{
		What: fmt.Sprintf("%d images %s", some.Len(), d.Apart), Images: true,
		Q: Pixels(some), Labels: some.Labels, Classes: some.Classes,
	}
	if common(d.Train.Labels, some.Labels) {
		h.Train, h.TrainLabels = Pixels(near), near.Labels
	}
	return h, nil
}

// HeldOutBytes counts two sides, which is most.
func (d *Images) HeldOutBytes(most, columns int) int64 {
	n, size := min(d.Test.Len(), most), len(d.Test.At(0))
	return 4 * int64(2*n*(size+2*max(size, columns)))
}

// Pick returns the given rows of x.
func Pick(x simd.Matrix, rows []int) simd.Matrix {
	m := simd.NewMatrix(len(rows), x.Cols)
	for i, r := range rows {
		copy(m.Row(i), x.Row(r))
	}
	return m
}
