package main

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/simd"
)

// A heldExam asks for the other sides of pairs that are held out, or for samples of the same class.
type heldExam struct{ *held }

func (d *rowCorpus) exam(workers int) (exam, error) {
	h, err := d.held(maxHeld, workers)
	return &heldExam{h}, err
}

// asked are the figures of an exam, which has room for some only.
var asked = []string{"knn", "recall@1", "map@r", "auc", "eer"}

func (e *heldExam) ask(how embedder) (answer, error) {
	q := how.q(e.q)
	if e.k.Rows > 0 {
		r := e.ranking(q, how.k(e.k)).Measure()
		return answer{eval: figures{{"recall@1", r.At[0].Recall}, {"recall@10", r.At[1].Recall}, {"mrr", r.MRR}}}, nil
	}
	f, err := e.scoreLabelled(q, how)
	return answer{eval: slices.DeleteFunc(f, func(f figure) bool { return !slices.Contains(asked, f.name) })}, err
}

// describe tells what is asked, in words.
func (e *heldExam) describe() string { return e.question() }

// examBytes counts the samples, and what an encoder makes of them, as it is and of norm 1.
func (d *rowCorpus) examBytes(columns int) int64 {
	q, k := d.dims()
	n := int64(min(len(d.kept), maxHeld))
	rows, wide := n, int64(max(q, columns))
	numbers := n * int64(q)
	switch {
	case d.labels != nil && d.kind == rowSource:
		learned := min(int64(len(d.learned)), 6*maxHeld)
		rows, numbers = rows+learned, numbers+learned*int64(q)
	default:
		rows, numbers = 2*n, numbers+n*int64(k)
	}
	if d.kind == pairSource && isScanned(d.k) { // to find those that are the same
		numbers += 4 * int64(d.k.Len())
	}
	return 4*(numbers+2*rows*wide) + 3*8*int64(len(d.learned)+len(d.kept)) // and their numbers, here and in the order of an epoch
}

// held returns some of the samples that are held out: pairs, or rows with their classes and up to six times as many
// of those to train on, or two views of rows of which nothing is known.
func (d *rowCorpus) held(n, workers int) (*held, error) {
	if len(d.kept) == 0 {
		return nil, fmt.Errorf("%s: no %s are held out, want some", d.name(), d.things())
	}
	some := pickInts(d.kept, evenly(len(d.kept), n))
	h := &held{workers: workers, what: fmt.Sprintf("%d %s not trained on", len(some), d.things())}
	if len(some) < len(d.kept) {
		h.what = fmt.Sprintf("%d of %d %s not trained on", len(some), len(d.kept), d.things())
	}
	var err error
	switch {
	case d.kind == pairSource:
		if h.q, err = load(d.q, some); err == nil {
			h.k, err = load(d.k, some)
		}
		if d.same != nil {
			h.documents = pickInts(d.same, some)
		}
	case d.kind == tripletSource:
		var anchors, positives []int
		for _, i := range some {
			anchors, positives = append(anchors, d.triplets[i][0]), append(positives, d.triplets[i][1])
		}
		h.documents = positives
		if h.q, err = load(d.q, anchors); err == nil {
			h.k, err = load(d.q, positives)
		}
	case d.labels != nil:
		h.labels, h.names = d.labelsOf(some), d.classes
		if h.q, err = load(d.q, some); err == nil && common(d.labelsOf(d.learned), h.labels) {
			near := pickInts(d.learned, evenly(len(d.learned), 6*n))
			h.learned, err = load(d.q, near)
			h.classes = d.labelsOf(near)
		}
	default:
		views := &dataset.VectorViews{Rows: &part{rows: d.q, pick: some}, Augment: d.augment, Seed: examSeed, Workers: workers}
		x := simd.NewMatrix(2*len(some), d.q.Dim())
		_, err = views.Next(0, x)
		h.q, h.k = x.Slice(0, len(some)), x.Slice(len(some), x.Rows)
	}
	return h, err
}
