package eval

import (
	"math"
	"slices"

	"github.com/contrast-go/contrast/internal/scalar"
)

// A Retrieval tells how well queries find their relevant rows. Its figures are means over the
// queries that have any, and 0 if there are none. R is the number of relevant rows of a query.
type Retrieval struct {
	Queries int    `json:"queries"`                  // with a relevant row
	Without int    `json:"queries_without_relevant"` // the others, which no figure counts
	Gallery int    `json:"gallery"`                  // rows
	Metric  string `json:"metric"`                   // its name
	Tied    int    `json:"tied_queries"`             // with a relevant and an irrelevant row of equal score

	MRR        float64 `json:"mrr"`         // 1/rank of the first relevant row
	MAP        float64 `json:"map"`         // average precision: the mean of the precision at each relevant row
	MAPR       float64 `json:"map_at_r"`    // the same, with 0 for rows behind rank R (Musgrave et al. 2020)
	RPrecision float64 `json:"r_precision"` // share of relevant rows among the first R
	MeanRank   float64 `json:"mean_rank"`   // of the first relevant row, from 1
	MedianRank float64 `json:"median_rank"` // of the first relevant row; the mean of the middle two if even

	At    []Cutoff `json:"at"` // for each k asked for
	Ranks []int    `json:"-"`  // of the first relevant row, for each query; 0 if there is none
}

// A Cutoff holds the figures for the first K rows.
type Cutoff struct {
	K         int     `json:"k"`
	Recall    float64 `json:"recall"`    // share of queries with a relevant row among them, as in [RecallAt]
	Found     float64 `json:"found"`     // share of the R relevant rows among them: recall in information retrieval
	Precision float64 `json:"precision"` // relevant rows among them, divided by K even if the gallery has fewer
	NDCG      float64 `json:"ndcg"`      // Σ 1/log₂(1+rank) of relevant rows among them, over that of the best order
}

// An answer is what a query found.
type answer struct {
	first                        int // rank of the best relevant row, 0 if there is none
	relevant                     int
	precision, precisionR, found float64 // average precision, the same to rank R, R-precision
	tied                         bool
}

// discount fills the tables of NDCG.
func (t *ranker) discount(m int) {
	k := 0
	for _, at := range t.At {
		k = max(k, at)
	}
	k = min(k, m)
	t.discounts, t.ideals = make([]float64, k), make([]float64, k+1)
	for i := range t.discounts {
		t.discounts[i] = math.Ln2 / scalar.Log64(float64(i+2))
		t.ideals[i+1] = t.ideals[i] + t.discounts[i]
	}
}

// answer stores what query i found: the ranks of its relevant rows, ascending.
func (t *ranker) answer(i int, ranks []int, tied bool) {
	r := len(ranks)
	if r == 0 {
		return
	}
	a := answer{first: ranks[0], relevant: r, tied: tied}
	within := 0 // rank R
	for j, rank := range ranks {
		p := float64(j+1) / float64(rank)
		a.precision += p
		if rank <= r {
			a.precisionR += p
			within++
		}
	}
	a.precision /= float64(r)
	a.precisionR /= float64(r)
	a.found = float64(within) / float64(r)
	t.answers[i] = a
	for c, k := range t.At {
		count, gain := 0, 0.0
		for count < r && ranks[count] <= k {
			gain += t.discounts[ranks[count]-1]
			count++
		}
		at := i*len(t.At) + c
		t.counts[at], t.gains[at] = count, gain/t.ideals[min(k, r)]
	}
}

// summary adds up the answers, in the order of the queries.
func (t *ranker) summary() Retrieval {
	s := Retrieval{Gallery: t.Gallery.Rows, Metric: t.Metric.String(), At: make([]Cutoff, len(t.At)), Ranks: make([]int, len(t.answers))}
	if t.Itself && s.Gallery > 0 {
		s.Gallery-- // what each query sees
	}
	for c, k := range t.At {
		s.At[c].K = k
	}
	var ranks []int
	for i, a := range t.answers {
		s.Ranks[i] = a.first
		if a.relevant == 0 {
			s.Without++
			continue
		}
		ranks = append(ranks, a.first)
		if a.tied {
			s.Tied++
		}
		s.MRR += 1 / float64(a.first)
		s.MAP += a.precision
		s.MAPR += a.precisionR
		s.RPrecision += a.found
		s.MeanRank += float64(a.first)
		for c, k := range t.At {
			count := t.counts[i*len(t.At)+c]
			if count > 0 {
				s.At[c].Recall++
			}
			s.At[c].Found += float64(count) / float64(a.relevant)
			s.At[c].Precision += float64(count) / float64(k)
			s.At[c].NDCG += t.gains[i*len(t.At)+c]
		}
	}
	s.Queries = len(ranks)
	if s.Queries == 0 {
		return s
	}
	n := float64(s.Queries)
	for _, f := range []*float64{&s.MRR, &s.MAP, &s.MAPR, &s.RPrecision, &s.MeanRank} {
		*f /= n
	}
	for c := range s.At {
		for _, f := range []*float64{&s.At[c].Recall, &s.At[c].Found, &s.At[c].Precision, &s.At[c].NDCG} {
			*f /= n
		}
	}
	slices.Sort(ranks)
	s.MedianRank = float64(ranks[len(ranks)/2]+ranks[(len(ranks)-1)/2]) / 2
	return s
}
