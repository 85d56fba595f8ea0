package eval

import (
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Ranking orders the rows of a gallery by their similarity to each query, to see at which ranks
// the relevant rows are: those that the query should find.
//
// Relevant lists them. If it is nil, a row is relevant if it has the label of the query, and
// without labels row i of the gallery is the relevant one for query i.
//
// The zero value ranks nothing.
type Ranking struct {
	Queries       simd.Matrix // n×d
	Gallery       simd.Matrix // m×d; with neither Relevant nor labels n ≤ m
	Itself        bool        // the gallery is Queries, of which no query finds itself; Gallery stays empty
	Relevant      [][]int     // for each query the relevant rows, each once, in any order
	QueryLabels   []int       // of length n
	GalleryLabels []int       // of length m; stays nil with Itself
	Metric        Metric
	At            []int // each k of the figures at k; nil means 1, 5 and 10
	Workers       int   // goroutines; 0 means GOMAXPROCS; the result does not depend on it
}

// Measure ranks all rows of the gallery for every query.
//
// A row ranks behind all rows with a higher score. Among equals the irrelevant rows come first, so
// that the figures are lower bounds over all orders of equals, and embeddings that are all the same
// find nothing. A score that is NaN counts as −Inf, so that such a relevant row comes last.
// [Retrieval].Tied counts the queries for which this matters. Scores are float32: for Euclidean q·g
// − |g|²/2, whose rounding grows with the distance of the rows from the origin.
//
// The search is exact and has no limit on k. It takes memory for a copy of the gallery, for all
// queries, and for the scores of at most 48 queries a worker. Measure panics with a
// *simd.ShapeError if shapes, lengths or rows do not fit.
func (r Ranking) Measure() Retrieval {
	const op = "eval.Ranking"
	r.check(op)
	if r.Itself {
		r.Gallery, r.GalleryLabels = r.Queries, r.QueryLabels
	}
	if r.At == nil {
		r.At = []int{1, 5, 10}
	}
	n, m, d := r.Queries.Rows, r.Gallery.Rows, r.Metric.width(r.Queries.Cols)
	workers := par.Workers(r.Workers)
	t := ranker{Ranking: r, answers: make([]answer, n)}
	t.counts, t.gains = make([]int, n*len(r.At)), make([]float64, n*len(r.At))
	t.discount(m)
	if r.Relevant == nil && r.GalleryLabels != nil {
		t.rows = make(map[int][]int)
		for j, label := range r.GalleryLabels {
			t.rows[label] = append(t.rows[label], j)
		}
	}
	if n > 0 && m > 0 {
		t.gallery.Reset(d, m)
		rows := busy(workers, m, layRows) * layRows
		l := layout{r.Metric, r.Gallery, &t.gallery, simd.NewMatrix(rows, d), make([]float32, rows)}
		par.Ranges(workers, m, layRows, &l, (*layout).pack)

		t.pieceRows = min(pieceRows, max(leastRows, scoresOfPiece/m))
		t.scratch = make([]rankScratch, busy(workers, n, t.pieceRows))
		par.Ranges(workers, n, t.pieceRows, &t, (*ranker).visit)
	}
	return t.summary()
}

func (r *Ranking) check(op string) {
	fail := func(arg, got, want string) { panic(&simd.ShapeError{Op: op, Arg: arg, Got: got, Want: want}) }
	shape := func(m simd.Matrix) string { return fmt.Sprintf("%d×%d", m.Rows, m.Cols) }
	length := func(n int) string { return fmt.Sprintf("of length %d", n) }
	r.Metric.check(op)
	r.Queries.Check(op, "Queries", -1, -1)
	n, m := r.Queries.Rows, r.Gallery.Rows
	if r.Itself {
		if m > 0 {
			fail("Gallery", shape(r.Gallery), "empty, as Itself says")
		}
		if r.GalleryLabels != nil {
			fail("GalleryLabels", length(len(r.GalleryLabels)), "nil, as Itself says")
		}
		m = n
	} else {
		r.Gallery.Check(op, "Gallery", -1, r.Queries.Cols)
	}
	for _, k := range r.At {
		if k < 1 {
			fail("At", fmt.Sprint(r.At), "at least 1 each")
		}
	}
	switch {
	case r.Relevant != nil:
		if len(r.Relevant) != n {
			fail("Relevant", length(len(r.Relevant)), length(n))
		}
		last := make([]int, m) // the last query, counted from 1, for which the row is relevant
		for i, rows := range r.Relevant {
			for _, j := range rows {
				if j < 0 || j >= m {
					fail(fmt.Sprintf("Relevant[%d]", i), fmt.Sprintf("row %d", j), fmt.Sprintf("one of %d", m))
				}
				if last[j] == i+1 {
					fail(fmt.Sprintf("Relevant[%d]", i), fmt.Sprintf("row %d twice", j), "each row once")
				}
				last[j] = i + 1
			}
		}
	case r.QueryLabels != nil || r.GalleryLabels != nil:
		if len(r.QueryLabels) != n {
			fail("QueryLabels", length(len(r.QueryLabels)), length(n))
		}
		if !r.Itself && len(r.GalleryLabels) != m {
			fail("GalleryLabels", length(len(r.GalleryLabels)), length(m))
		}
	case r.Itself && n > 0:
		fail("QueryLabels", "nil", "labels, where the gallery is Queries")
	case n > m:
		fail("Gallery", shape(r.Gallery), fmt.Sprintf("at least %d rows, one for each query", n))
	}
}

// The result depends on none of these.
const (
	blockCols     = 42 * simd.PackAlign // columns of scores in one product
	layRows       = 10 * simd.PackAlign // rows of the gallery laid out at a time
	scoresOfPiece = 1 << 24             // scores of a worker, 64 MiB, unless that means fewer queries than
	leastRows     = 12                  // at a time, with which products become slow
)

// A layout packs the rows of a gallery for products.
type layout struct {
	metric  Metric
	rows    simd.Matrix
	packed  *simd.Packed
	scratch simd.Matrix // layRows rows for each worker
	norms   []float32
}

func (t *layout) pack(worker, lo, hi int) {
	s := t.scratch.Slice(worker*layRows, worker*layRows+hi-lo)
	t.metric.lay(s, t.rows.Slice(lo, hi), true, t.norms[worker*layRows:][:hi-lo])
	t.packed.PackTransAt(lo, s)
}

// A ranker is a Ranking that is measured.
type ranker struct {
	Ranking
	gallery   simd.Packed   // as Metric lays it out, transposed
	rows      map[int][]int // of the gallery, by label
	discounts []float64     // 1/log₂(1+rank), by rank − 1
	ideals    []float64     // sums of the first i discounts, by i
	pieceRows int
	scratch   []rankScratch // for each worker

	answers []answer
	counts  []int     // relevant rows among the first k, len(At) for each query
	gains   []float64 // NDCG at k, likewise
}

type rankScratch struct {
	queries simd.Matrix
	norms   []float32
	scores  simd.Matrix
	levels  []float32 // the scores of the relevant rows, descending
	ahead   []int     // irrelevant rows that score at least as high as a level, and less than the one before
	ranks   []int

	low     float32 // the lowest level
	perUnit float32 // bins in a unit of scores
	first   []int   // the first level of each bin or a lower one
}

// visit ranks the gallery for queries [lo, hi).
func (t *ranker) visit(worker, lo, hi int) {
	s := &t.scratch[worker]
	m, d := t.Gallery.Rows, t.Metric.width(t.Queries.Cols)
	if s.norms == nil {
		s.norms = make([]float32, t.pieceRows)
		s.queries = simd.NewMatrix(t.pieceRows, d)
		// An odd multiple of 64 bytes, because rows a multiple of 4 KiB apart compete for the same
		// lines of the first-level cache.
		s.scores = simd.NewMatrix(t.pieceRows, (m+31)&^31+16)
	}
	q := s.queries.Slice(0, hi-lo)
	t.Metric.lay(q, t.Queries.Slice(lo, hi), false, s.norms[:hi-lo])
	for c := 0; c < m; c += blockCols {
		end := min(c+blockCols, m)
		b := t.gallery.Slice(0, d, c, end)
		b.Mul(simd.Matrix{Rows: q.Rows, Cols: end - c, Stride: s.scores.Stride, Data: s.scores.Data[c:]}, 1, q)
	}
	for i := lo; i < hi; i++ {
		var one [1]int
		self := -1
		if t.Itself {
			self = i
		}
		tied := s.rank(s.scores.Row(i - lo)[:m], t.relevant(i, &one), self)
		t.answer(i, s.ranks, tied)
	}
}

// relevant returns the rows that query i should find, perhaps with its own.
func (t *ranker) relevant(i int, one *[1]int) []int {
	switch {
	case t.Relevant != nil:
		return t.Relevant[i]
	case t.QueryLabels != nil:
		return t.rows[t.QueryLabels[i]]
	}
	one[0] = i
	return one[:]
}

// rank stores the ranks of the relevant rows in s.ranks, counted from 1, the best first. If self is
// not negative, that row does not count. rank overwrites the scores.
func (s *rankScratch) rank(scores []float32, relevant []int, self int) (tied bool) {
	nan := float32(math.NaN())
	least := float32(math.Inf(-1))
	rows, lost := len(scores), 0 // lost rows are relevant and last
	if self >= 0 {
		rows--
	}
	s.levels = s.levels[:0]
	for _, j := range relevant {
		switch v := scores[j]; {
		case j == self:
		case v > least:
			s.levels = append(s.levels, v)
			scores[j] = nan // it is not ahead of anything
		default:
			lost++
			scores[j] = nan
		}
	}
	if self >= 0 {
		scores[self] = nan
	}
	slices.Sort(s.levels)
	slices.Reverse(s.levels)
	s.ahead = append(s.ahead[:0], make([]int, len(s.levels))...)
	if n := len(s.levels); n > 0 {
		least = s.levels[n-1]
		s.bin()
		for len(scores) > 0 {
			// Most rows score below all relevant ones: a kernel skips them. One that does not often
			// has others nearby.
			at := simd.IndexAtLeast(scores, least)
			end := min(at+64, len(scores))
			for _, v := range scores[at:end] {
				if v >= least {
					i := s.place(v)
					s.ahead[i]++
					tied = tied || v == s.levels[i]
				}
			}
			scores = scores[end:]
		}
	}
	others := rows - len(s.levels) - lost
	s.ranks = s.ranks[:0]
	sum := 0
	for i, a := range s.ahead {
		sum += a
		s.ranks = append(s.ranks, i+1+sum)
	}
	for range lost {
		s.ranks = append(s.ranks, len(s.ranks)+1+others)
	}
	return tied || lost > 0 && others > 0
}

// bin makes the table with which place finds a level.
//
// Bins are of equal width. Each step from a score to its bin rounds, but none puts a larger number
// before a smaller one: levels in lower bins are at most the score, and levels in higher bins above
// it.
func (s *rankScratch) bin() {
	n := len(s.levels)
	bins := min(binsOfLevel*n, maxBins)
	s.low = s.levels[n-1]
	s.perUnit = float32(bins) / (s.levels[0] - s.low)
	if !(s.perUnit <= math.MaxFloat32) {
		s.perUnit = 0 // all levels are nearly equal, or one is infinite: one bin
	}
	s.first = append(s.first[:0], make([]int, bins+2)...)
	for _, v := range s.levels {
		if b := s.binOf(v); b > 0 {
			s.first[b-1]++
		}
	}
	for b := bins; b >= 0; b-- {
		s.first[b] += s.first[b+1]
	}
}

// With fewer bins a level, more levels share a bin; a table of more than maxBins does not stay in
// the caches.
const (
	binsOfLevel = 4
	maxBins     = 1 << 14
)

// binOf returns the bin of a score that is not below all levels: at most the number of bins,
// because it rounds.
func (s *rankScratch) binOf(v float32) int {
	if s.perUnit == 0 {
		return 0
	}
	return int((v - s.low) * s.perUnit)
}

// place returns the first i with levels[i] ≤ v; v is not below all levels.
func (s *rankScratch) place(v float32) int {
	if v >= s.levels[0] {
		return 0
	}
	b := s.binOf(v)
	lo, end := s.first[b], len(s.levels)
	if b > 0 {
		end = min(s.first[b-1]+1, end)
	}
	for n := end - lo; n > 1; {
		half := n / 2
		if s.levels[lo+half-1] > v {
			lo += half
		}
		n -= half
	}
	return lo
}
