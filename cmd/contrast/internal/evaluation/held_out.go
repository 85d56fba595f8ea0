package evaluation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// HeldOut evaluates samples that are held out: it searches for the other sides of pairs, or
// for samples of the same class.
type HeldOut struct {
	*dataset.HeldOut
	Workers int
}

// NewHeldOut takes up to n samples of d.
func NewHeldOut(d dataset.Dataset, n, workers int) (*HeldOut, error) {
	h, err := d.HeldOut(n, workers)
	return &HeldOut{h, workers}, err
}

// Raw compares samples without an encoder.
func (h *HeldOut) Raw() (Embedder, bool) {
	how := Embedder{"raw embeddings", unchanged, unchanged}
	if h.Images {
		how = Embedder{"raw pixels", centred, centred}
	}
	return how, h.K.Rows == 0 || h.K.Cols == h.Q.Cols
}

// Question tells what is asked.
func (h *HeldOut) Question() string {
	switch {
	case h.K.Rows > 0:
		return h.What + ", one side of each searched for among the other sides of all"
	case h.Train.Rows > 0:
		return h.What + ", searched for among those to train on, and among each other"
	}
	return h.What + ", searched for among each other"
}

// fewMetrics are those of an evaluation in a table with a column for each.
var fewMetrics = []string{"knn", "recall@1", "map@r", "auc", "eer"}

// Evaluate measures the few metrics of a table.
func (h *HeldOut) Evaluate(how Embedder) (Answer, error) {
	q := how.Q(h.Q)
	if h.K.Rows > 0 {
		r := h.ranking(q, how.K(h.K)).Measure()
		return Answer{Name: how.Name, Eval: Metrics{{"recall@1", r.At[0].Recall}, {"recall@10", r.At[1].Recall}, {"mrr", r.MRR}}}, nil
	}
	m, err := h.scoreLabelled(q, how)
	few := slices.DeleteFunc(m, func(m Metric) bool { return !slices.Contains(fewMetrics, m.Name) })
	return Answer{Name: how.Name, Eval: few}, err
}

const (
	maxHeldOut = 10000   // samples that are measured
	allPairs   = 3000    // rows of which all pairs are verified; of more they are sampled
	somePairs  = 1000000 // of the same class, and of different ones
	folds      = 10      // of pairs, for the accuracy of a threshold chosen on other pairs
	spreadRows = 4000    // rows whose distances from each other are measured
)

// fars are the false accept rates at which the true accept rate is measured.
var fars = []float64{0.01, 0.001}

// Score measures all metrics of what an embedder makes of the samples.
func (h *HeldOut) Score(how Embedder) (Metrics, error) {
	var f Metrics
	var err error
	q := how.Q(h.Q)
	if h.K.Rows > 0 {
		f, err = h.scorePairs(q, how.K(h.K))
	} else {
		f, err = h.scoreLabelled(q, how)
	}
	if err != nil {
		return nil, named(how.Name, err)
	}
	sample := dataset.Pick(q, dataset.Evenly(q.Rows, spreadRows))
	uniformity, err := eval.Uniformity(sample, h.Workers)
	if err != nil {
		return nil, named(how.Name, err)
	}
	s := eval.MeasureSpread(sample, h.Workers)
	collapsed := 0.0
	if s.Collapsed {
		collapsed = 1
	}
	return append(f, Metric{"uniformity", uniformity}, Metric{"mean_distance", s.Distance}, Metric{"effective_rank", s.EffectiveRank}, Metric{"collapsed", collapsed}), nil
}

func (h *HeldOut) scorePairs(q, k simd.Matrix) (Metrics, error) {
	if q.Cols != k.Cols {
		return nil, fmt.Errorf("queries of %d numbers and documents of %d cannot be compared", q.Cols, k.Cols)
	}
	r := h.ranking(q, k).Measure()
	alignment, err := eval.Alignment(q, k, h.Workers)
	return Metrics{
		{"recall@1", r.At[0].Recall}, {"recall@10", r.At[1].Recall}, {"mrr", r.MRR}, {"ndcg@10", r.At[1].NDCG},
		{"median_rank", r.MedianRank}, {"alignment", alignment},
	}, err
}

// ranking searches for what belongs to the queries: the document beside each, and those that
// are the same; or samples of the same class.
func (h *HeldOut) ranking(q, k simd.Matrix) eval.Ranking {
	r := eval.Ranking{Queries: q, At: []int{1, 10}, Workers: h.Workers}
	if h.K.Rows > 0 {
		r.Gallery, r.QueryLabels, r.GalleryLabels = k, h.Documents, h.Documents
	} else {
		r.Itself, r.QueryLabels = true, h.Labels
	}
	return r
}

func (h *HeldOut) scoreLabelled(x simd.Matrix, how Embedder) (Metrics, error) {
	var f Metrics
	if h.Train.Rows > 0 {
		learned := how.Q(h.Train)
		near := eval.Neighbors(x, learned, Neighbours, h.Workers)
		f = append(f, Metric{"knn", eval.KNN(near, Neighbours, h.TrainLabels, h.Labels)})
		probe, err := eval.Probe{Workers: h.Workers}.Fit(learned, h.TrainLabels)
		if err != nil {
			return nil, err
		}
		right, err := probe.Accuracy(x, h.Labels, h.Workers)
		if err != nil {
			return nil, err
		}
		f = append(f, Metric{"probe", right})
	}
	r := h.ranking(x, simd.Matrix{}).Measure()
	f = append(f, Metric{"recall@1", r.At[0].Recall}, Metric{"recall@10", r.At[1].Recall}, Metric{"mrr", r.MRR}, Metric{"map@r", r.MAPR})
	var p eval.Pairs
	if x.Rows <= allPairs {
		p = eval.AllPairs(h.Labels)
	} else {
		p = eval.SamplePairs(h.Labels, somePairs, dataset.EvalSeed)
	}
	if !slices.Contains(p.Same, true) || !slices.Contains(p.Same, false) {
		return f, nil // of one class, or one sample of each
	}
	scores := p.Scores(x, eval.Cosine, h.Workers)
	v, err := eval.Verify(scores, p.Same, fars)
	if err != nil {
		return nil, err
	}
	f = append(f, Metric{"auc", v.AUC}, Metric{"eer", v.EER})
	for i, a := range v.At {
		if !a.TooFew {
			f = append(f, Metric{fmt.Sprintf("tar@far=%v", fars[i]), a.TAR})
		}
	}
	if min(v.Same, v.Different) >= folds {
		a, err := eval.VerifyFolds(scores, p.Same, folds)
		if err != nil {
			return nil, err
		}
		f = append(f, Metric{"accuracy", a.Accuracy})
	}
	return f, nil
}

// Check returns an error unless there is something to measure.
func (h *HeldOut) Check() error {
	if h.Q.Rows < 2 {
		return errors.New("fewer than two samples, want more: --holdout, or other data")
	}
	return nil
}

// A caption is the name of a metric for people.
type caption struct {
	text  string
	share bool // shown in percent
}

var captions = map[string]caption{
	"knn":            {fmt.Sprintf("kNN (%d) among the samples to train on", Neighbours), true},
	"probe":          {"linear probe trained on these", true},
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

// ScoreTable returns the metrics for people, a line for each.
func ScoreTable(names []string, scores []Metrics) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-38s", "")
	for _, n := range names {
		fmt.Fprintf(&b, "%14s", n)
	}
	b.WriteByte('\n')
	for i, f := range scores[0] {
		c := captions[f.Name]
		fmt.Fprintf(&b, "%-38s", c.text)
		for _, s := range scores {
			fmt.Fprintf(&b, "%14s", c.format(s[i]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (c caption) format(f Metric) string {
	switch {
	case f.Name == "collapsed":
		return map[float64]string{0: "no", 1: "YES"}[f.Value]
	case c.share:
		return fmt.Sprintf("%.1f %%", 100*f.Value)
	}
	return fmt.Sprintf("%.3g", f.Value)
}
