package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// A held is samples that a run did not train on.
type held struct {
	what      string      // they are, in words
	q, k      simd.Matrix // pairs; k has no rows where samples are labelled instead
	labels    []int
	names     []string    // of the labels
	documents []int       // equal where rows of k are; nil where all differ
	learned   simd.Matrix // samples to train on, searched for neighbours; may have no rows
	classes   []int       // of them

	asTheyAre func(simd.Matrix) simd.Matrix // how samples are seen without an encoder; nil means unchanged
	workers   int
}

// raw is to see samples without an encoder. It reports whether those of the two sides can be compared then.
func (h *held) raw() (embedder, bool) {
	how := embedder{"raw embeddings", asTheyAre, asTheyAre}
	if h.asTheyAre != nil {
		how = embedder{"raw pixels", h.asTheyAre, h.asTheyAre}
	}
	return how, h.k.Rows == 0 || h.k.Cols == h.q.Cols
}

func asTheyAre(x simd.Matrix) simd.Matrix { return x }

// question tells what is asked, in words.
func (h *held) question() string {
	switch {
	case h.k.Rows > 0:
		return h.what + ", one side of each searched for among the other sides of all"
	case h.learned.Rows > 0:
		return h.what + ", searched for among those to train on, and among each other"
	}
	return h.what + ", searched for among each other"
}

const (
	maxHeld    = 10000   // samples that are measured
	allPairs   = 3000    // rows of which all pairs are verified; of more they are sampled
	somePairs  = 1000000 // of the same class, and of different ones
	folds      = 10      // of pairs, for the accuracy of a threshold that was chosen on others
	spreadRows = 4000    // rows that tell how far rows lie from each other
)

// fars are the false accept rates of which scores tell the true accepts.
var fars = []float64{0.01, 0.001}

// score measures what how makes of the samples.
func (h *held) score(how embedder) (figures, error) {
	var f figures
	var err error
	q := how.q(h.q)
	if h.k.Rows > 0 {
		f, err = h.scorePairs(q, how.k(h.k))
	} else {
		f, err = h.scoreLabelled(q, how)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", how.name, err)
	}
	sample := pick(q, evenly(q.Rows, spreadRows))
	uniformity, err := eval.Uniformity(sample, h.workers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", how.name, err)
	}
	s := eval.MeasureSpread(sample, h.workers)
	collapsed := 0.0
	if s.Collapsed {
		collapsed = 1
	}
	return append(f, figure{"uniformity", uniformity}, figure{"mean_distance", s.Distance}, figure{"effective_rank", s.EffectiveRank}, figure{"collapsed", collapsed}), nil
}

func (h *held) scorePairs(q, k simd.Matrix) (figures, error) {
	if q.Cols != k.Cols {
		return nil, fmt.Errorf("queries of %d numbers and documents of %d can not be compared", q.Cols, k.Cols)
	}
	r := h.ranking(q, k).Measure()
	alignment, err := eval.Alignment(q, k, h.workers)
	return figures{
		{"recall@1", r.At[0].Recall}, {"recall@10", r.At[1].Recall}, {"mrr", r.MRR}, {"ndcg@10", r.At[1].NDCG},
		{"median_rank", r.MedianRank}, {"alignment", alignment},
	}, err
}

// ranking asks for what belongs to the queries: the document beside each, and those that are the same.
func (h *held) ranking(q, k simd.Matrix) eval.Ranking {
	r := eval.Ranking{Queries: q, At: []int{1, 10}, Workers: h.workers}
	if h.k.Rows > 0 {
		r.Gallery, r.QueryLabels, r.GalleryLabels = k, h.documents, h.documents
	} else {
		r.Itself, r.QueryLabels = true, h.labels
	}
	return r
}

func (h *held) scoreLabelled(x simd.Matrix, how embedder) (figures, error) {
	var f figures
	if h.learned.Rows > 0 {
		learned := how.q(h.learned)
		near := eval.Neighbors(x, learned, voters, h.workers)
		f = append(f, figure{"knn", eval.KNN(near, voters, h.classes, h.labels)})
		probe, err := eval.Probe{Workers: h.workers}.Fit(learned, h.classes)
		if err != nil {
			return nil, err
		}
		right, err := probe.Accuracy(x, h.labels, h.workers)
		if err != nil {
			return nil, err
		}
		f = append(f, figure{"probe", right})
	}
	r := h.ranking(x, simd.Matrix{}).Measure()
	f = append(f, figure{"recall@1", r.At[0].Recall}, figure{"recall@10", r.At[1].Recall}, figure{"mrr", r.MRR}, figure{"map@r", r.MAPR})
	var p eval.Pairs
	if x.Rows <= allPairs {
		p = eval.AllPairs(h.labels)
	} else {
		p = eval.SamplePairs(h.labels, somePairs, examSeed)
	}
	if !slices.Contains(p.Same, true) || !slices.Contains(p.Same, false) {
		return f, nil // of one class, or one sample of each
	}
	scores := p.Scores(x, eval.Cosine, h.workers)
	v, err := eval.Verify(scores, p.Same, fars)
	if err != nil {
		return nil, err
	}
	f = append(f, figure{"auc", v.AUC}, figure{"eer", v.EER})
	for i, a := range v.At {
		if !a.TooFew {
			f = append(f, figure{fmt.Sprintf("tar@far=%v", fars[i]), a.TAR})
		}
	}
	if min(v.Same, v.Different) >= folds {
		a, err := eval.VerifyFolds(scores, p.Same, folds)
		if err != nil {
			return nil, err
		}
		f = append(f, figure{"accuracy", a.Accuracy})
	}
	return f, nil
}

// pick returns the rows of x.
func pick(x simd.Matrix, rows []int) simd.Matrix {
	m := simd.NewMatrix(len(rows), x.Cols)
	for i, r := range rows {
		copy(m.Row(i), x.Row(r))
	}
	return m
}

// check returns an error unless there is something to measure.
func (h *held) check() error {
	if h.q.Rows < 2 {
		return errors.New("less than two samples, want more: --holdout, or other data")
	}
	return nil
}

// A caption is what people read for a figure.
type caption struct {
	text  string
	share bool // it is shown in percent
}

var captions = map[string]caption{
	"knn":            {fmt.Sprintf("kNN (%d) among the samples to train on", voters), true},
	"probe":          {"linear probe learned of these", true},
	"recall@1":       {"Recall@1", true},
	"recall@10":      {"Recall@10", true},
	"mrr":            {"mean reciprocal rank", true},
	"ndcg@10":        {"NDCG@10", true},
	"map@r":          {"MAP@R", true},
	"median_rank":    {"median rank", false},
	"auc":            {"verification: area under ROC", true},
	"eer":            {"verification: equal error rate", true},
	"tar@far=0.01":   {"verification: TAR at FAR 1 %", true},
	"tar@far=0.001":  {"verification: TAR at FAR 0.1 %", true},
	"accuracy":       {"verification: accuracy, 10 folds", true},
	"alignment":      {"alignment, less is nearer", false},
	"uniformity":     {"uniformity, less is more even", false},
	"mean_distance":  {"mean distance", false},
	"effective_rank": {"effective rank", false},
	"collapsed":      {"collapsed", false},
}

// scoreTable returns the figures for people, a line for each.
func scoreTable(names []string, scores []figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-38s", "")
	for _, n := range names {
		fmt.Fprintf(&b, "%14s", n)
	}
	b.WriteByte('\n')
	for i, f := range scores[0] {
		c := captions[f.name]
		fmt.Fprintf(&b, "%-38s", c.text)
		for _, s := range scores {
			fmt.Fprintf(&b, "%14s", c.format(s[i]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (c caption) format(f figure) string {
	switch {
	case f.name == "collapsed":
		return map[float64]string{0: "no", 1: "YES"}[f.value]
	case c.share:
		return fmt.Sprintf("%.1f %%", 100*f.value)
	}
	return fmt.Sprintf("%.3g", f.value)
}
