package main

import "slices"

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
