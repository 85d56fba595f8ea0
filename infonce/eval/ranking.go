package eval

import (
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Ranking puts the rows of a gallery in order for each query, and tells where those stand that the
// query should find.
//
// Which they are is said by Relevant; where that is nil, by labels: the rows that have the label of
// the query; and where these are nil too, by position: row i of the gallery for query i.
//
// The zero value ranks nothing.
type Ranking struct {
	Queries       simd.Matrix // n×d
	Gallery       simd.Matrix // m×d; by position n ≤ m
	Itself        bool        // the gallery is Queries, and no query finds its own row; Gallery stays empty
	Relevant      [][]int     // for each query the rows it should find, each once, in any order
	QueryLabels   []int       // of length n
	GalleryLabels []int       // of length m; stays empty where the gallery is Queries
	Metric        Metric
	At            []int // the k of the figures at k; nil means 1, 5 and 10
	Workers       int   // 0 means GOMAXPROCS; the result does not depend on it
}

// Measure ranks all rows of the gallery for every query.
//
// A row stands behind all that score higher. Among equals the irrelevant rows come first: the figures are
// lower bounds over all orders of equals, and where all embeddings are the same they tell of nothing found. A score
// that is NaN counts as −Inf, so that such a relevant row comes last. [Retrieval].Tied counts the
// queries that this concerns. Scores are float32: for Euclidean q·g − |g|²/2, whose rounding grows with the
// distance of the rows from the origin.
//
// The search is exact and has no limit on k. Memory is that of a copy of the gallery, of all queries and of the scores of
// at most 48 queries for each worker. Measure panics with a *simd.ShapeError where shapes, lengths or rows do not fit.
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
	t := rankTask{Ranking: r, answers: make([]answer, n)}
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
		pieces := (m + layRows - 1) / layRows
		rows := min(par.Workers(r.Workers), pieces) * layRows
		par.Do(r.Workers, pieces, &layTask{r.Metric, r.Gallery, &t.gallery, simd.NewMatrix(rows, d), make([]float32, rows)})

		t.pieceRows = min(pieceRows, max(leastRows, scoresOfPiece/m))
		pieces = (n + t.pieceRows - 1) / t.pieceRows
		t.scratch = make([]rankScratch, min(par.Workers(r.Workers), pieces))
		par.Do(r.Workers, pieces, &t)
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
		last := make([]int, m) // the last query, counted from 1, that should find the row
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

// No constant here changes a bit of the result.
const (
	blockCols     = 42 * simd.PackAlign // of scores that are one product
	layRows       = 10 * simd.PackAlign // of the gallery that are laid out at a time
	scoresOfPiece = 1 << 24             // bounds the scores of a worker to 64 MiB, but for
	leastRows     = 12                  // queries at a time, below which the products become slow
)

// A layTask lays out the rows of a gallery for products.
type layTask struct {
	metric  Metric
	rows    simd.Matrix
	packed  *simd.Packed
	scratch simd.Matrix // layRows rows for each worker
	norms   []float32
}

func (t *layTask) Run(worker, piece int) {
	lo, hi := piece*layRows, min((piece+1)*layRows, t.rows.Rows)
	s := t.scratch.Slice(worker*layRows, worker*layRows+hi-lo)
	t.metric.lay(s, t.rows.Slice(lo, hi), true, t.norms[worker*layRows:][:hi-lo])
	t.packed.PackTransAt(lo, s)
}

// A rankTask is a task whose pieces are queries.
type rankTask struct {
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
	ahead   []int     // irrelevant rows that score at least as high as a level, but less than the one before
	ranks   []int

	low     float32 // the lowest level
	perUnit float32 // bins in a unit of scores
	first   []int   // the first level of each bin or a lower one
}

func (t *rankTask) Run(worker, piece int) {
	s := &t.scratch[worker]
	n, m, d := t.Queries.Rows, t.Gallery.Rows, t.Metric.width(t.Queries.Cols)
	if s.norms == nil {
		s.norms = make([]float32, t.pieceRows)
		s.queries = simd.NewMatrix(t.pieceRows, d)
		// An odd multiple of 64 bytes, for rows a multiple of 4 KiB apart compete for the same lines of the first-level cache.
		s.scores = simd.NewMatrix(t.pieceRows, (m+31)&^31+16)
	}
	lo, hi := piece*t.pieceRows, min((piece+1)*t.pieceRows, n)
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

// relevant returns the rows that query i should find, its own perhaps among them.
func (t *rankTask) relevant(i int, one *[1]int) []int {
	switch {
	case t.Relevant != nil:
		return t.Relevant[i]
	case t.QueryLabels != nil:
		return t.rows[t.QueryLabels[i]]
	}
	one[0] = i
	return one[:]
}

// rank stores the ranks of the relevant rows in s.ranks, counted from 1, the best first. The row self, unless negative,
// is not there. It overwrites the scores.
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
			// Most rows score below all relevant ones: a kernel skips them. Where one does not, others are near.
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

// bin makes the table by which place finds its way.
//
// Bins are of equal width. Each step from a score to its bin rounds, but none puts a larger number before
// a smaller one, so that levels of lower bins are not above a score, and those of higher bins are.
func (s *rankScratch) bin() {
	n := len(s.levels)
	bins := min(binsOfLevel*n, maxBins)
	s.low = s.levels[n-1]
	s.perUnit = float32(bins) / (s.levels[0] - s.low)
	if !(s.perUnit <= math.MaxFloat32) {
		s.perUnit = 0 // all levels are equal, or as good as equal, or one is infinite: one bin
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

// With fewer bins a level, more levels share one; more than the table of maxBins do not stay in the caches.
const (
	binsOfLevel = 4
	maxBins     = 1 << 14
)

// binOf returns the bin of a score that is not below all levels: at most the number of bins, as rounding has it.
func (s *rankScratch) binOf(v float32) int {
	if s.perUnit == 0 {
		return 0
	}
	return int((v - s.low) * s.perUnit)
}

// place returns the first i with levels[i] ≤ v, where v is not below all levels.
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
