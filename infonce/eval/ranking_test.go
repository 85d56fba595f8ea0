package eval

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// naiveScores are the scores by which a ranking orders, all of them, each one chain.
func naiveScores(m Metric, queries, gallery simd.Matrix) [][]float32 {
	laid := func(x simd.Matrix, gallery bool) simd.Matrix {
		l := simd.NewMatrix(x.Rows, m.width(x.Cols))
		m.lay(l, x, gallery, make([]float32, x.Rows))
		return l
	}
	q, g := laid(queries, false), laid(gallery, true)
	scores := make([][]float32, q.Rows)
	for i := range scores {
		scores[i] = make([]float32, g.Rows)
		for j := range scores[i] {
			var c float32
			for t, v := range q.Row(i) {
				c = simd.FMA(v, g.Row(j)[t], c)
			}
			scores[i][j] = c
		}
	}
	return scores
}

// naiveRanking is Measure by the definitions of its figures, on lists that are sorted in full.
func naiveRanking(r Ranking) Retrieval {
	if r.Itself {
		r.Gallery, r.GalleryLabels = r.Queries, r.QueryLabels
	}
	if r.At == nil {
		r.At = []int{1, 5, 10}
	}
	s := Retrieval{Gallery: r.Gallery.Rows, Metric: r.Metric.String(), Ranks: make([]int, r.Queries.Rows)}
	if r.Itself && s.Gallery > 0 {
		s.Gallery--
	}
	for _, k := range r.At {
		s.At = append(s.At, Cutoff{K: k})
	}
	if s.At == nil {
		s.At = []Cutoff{}
	}
	var firsts []int
	for i, scores := range naiveScores(r.Metric, r.Queries, r.Gallery) {
		type row struct {
			score    float64
			relevant bool
		}
		var rows []row
		total := 0
		for j, v := range scores {
			if r.Itself && i == j {
				continue
			}
			relevant := i == j
			if r.Relevant != nil {
				relevant = slices.Contains(r.Relevant[i], j)
			} else if r.GalleryLabels != nil {
				relevant = r.QueryLabels[i] == r.GalleryLabels[j]
			}
			if v != v {
				v = float32(math.Inf(-1))
			}
			if relevant {
				total++
			}
			rows = append(rows, row{float64(v), relevant})
		}
		if total == 0 {
			s.Without++
			continue
		}
		s.Queries++
		tied := false
		for _, a := range rows {
			for _, b := range rows {
				if !a.relevant {
					break
				}
				if !b.relevant && (a.score == b.score || math.IsInf(a.score, -1)) {
					tied = true
				}
			}
		}
		if tied {
			s.Tied++
		}
		slices.SortFunc(rows, func(a, b row) int {
			switch {
			case a.score > b.score:
				return -1
			case a.score < b.score:
				return 1
			case a.relevant == b.relevant:
				return 0
			case b.relevant:
				return -1
			}
			return 1
		})
		found, first := 0, 0
		dcg, ideal := make([]float64, len(r.At)), make([]float64, len(r.At))
		at := make([]int, len(r.At))
		var ap, apR float64
		inR := 0
		for p, row := range rows {
			rank := p + 1
			for c, k := range r.At {
				if rank <= k && rank <= total {
					ideal[c] += 1 / math.Log2(float64(rank+1))
				}
				if rank <= k && row.relevant {
					dcg[c] += 1 / math.Log2(float64(rank+1))
					at[c]++
				}
			}
			if !row.relevant {
				continue
			}
			found++
			if first == 0 {
				first = rank
			}
			ap += float64(found) / float64(rank)
			if rank <= total {
				apR += float64(found) / float64(rank)
				inR++
			}
		}
		s.Ranks[i] = first
		firsts = append(firsts, first)
		s.MRR += 1 / float64(first)
		s.MeanRank += float64(first)
		s.MAP += ap / float64(total)
		s.MAPR += apR / float64(total)
		s.RPrecision += float64(inR) / float64(total)
		for c, k := range r.At {
			if at[c] > 0 {
				s.At[c].Recall++
			}
			s.At[c].Found += float64(at[c]) / float64(total)
			s.At[c].Precision += float64(at[c]) / float64(k)
			s.At[c].NDCG += dcg[c] / ideal[c]
		}
	}
	if s.Queries == 0 {
		return s
	}
	n := float64(s.Queries)
	s.MRR, s.MeanRank, s.MAP, s.MAPR, s.RPrecision = s.MRR/n, s.MeanRank/n, s.MAP/n, s.MAPR/n, s.RPrecision/n
	for c := range s.At {
		s.At[c].Recall, s.At[c].Found, s.At[c].Precision, s.At[c].NDCG = s.At[c].Recall/n, s.At[c].Found/n, s.At[c].Precision/n, s.At[c].NDCG/n
	}
	slices.Sort(firsts)
	s.MedianRank = (float64(firsts[len(firsts)/2]) + float64(firsts[(len(firsts)-1)/2])) / 2
	return s
}

// sameRetrieval reports where two differ: in a count at all, in a mean by more than the rounding
// of sums of a few hundred terms and of two logarithms.
func sameRetrieval(t *testing.T, got, want Retrieval) {
	t.Helper()
	g, w := figuresOf(got), figuresOf(want)
	for i := range w {
		if d := math.Abs(g[i] - w[i]); !(d <= 1e-13*max(1, w[i])) {
			t.Fatalf("figure %d is %v, want %v:\n%+v\n%+v", i, g[i], w[i], got, want)
		}
	}
	if got.Metric != want.Metric || !slices.Equal(got.Ranks, want.Ranks) || len(got.At) != len(want.At) {
		t.Fatalf("got\n%+v, want\n%+v", got, want)
	}
}

func figuresOf(r Retrieval) []float64 {
	f := []float64{float64(r.Queries), float64(r.Without), float64(r.Gallery), float64(r.Tied), r.MRR, r.MAP, r.MAPR, r.RPrecision, r.MeanRank, r.MedianRank}
	for _, c := range r.At {
		f = append(f, float64(c.K), c.Recall, c.Found, c.Precision, c.NDCG)
	}
	return f
}

func labelsOf(r *check.Rand, n, classes int) []int {
	l := make([]int, n)
	for i := range l {
		l[i] = r.IntN(classes) * 3
	}
	return l
}

// rankings are searches of every kind and edge.
func rankings() map[string]Ranking {
	r := check.NewRand(5)
	lists := make([][]int, 40)
	for i := range lists {
		lists[i] = r.Perm(90)[:r.IntN(5)]
	}
	nan := random(r, 30, 4)
	nan.Row(3)[1] = float32(math.NaN())
	nan.Row(20)[0] = float32(math.Inf(1))
	large := random(r, 40, 3)
	simd.Scale(large.Data, 3e19, large.Data) // products overflow
	return map[string]Ranking{
		"nothing":            {},
		"no queries":         {Gallery: random(r, 3, 0)},
		"no gallery":         {Queries: random(r, 3, 2), Gallery: simd.NewMatrix(0, 2), Relevant: [][]int{{}, nil, {}}},
		"no columns":         {Queries: simd.NewMatrix(3, 0), Gallery: simd.NewMatrix(7, 0)},
		"one":                {Queries: random(r, 1, 3), Gallery: random(r, 1, 3)},
		"alone":              {Queries: random(r, 1, 3), Itself: true, QueryLabels: []int{4}},
		"pairs":              {Queries: random(r, 70, 5), Gallery: random(r, 100, 5), At: []int{100, 1, 30, 1000}},
		"no cutoffs":         {Queries: random(r, 7, 5), Gallery: random(r, 10, 5), At: []int{}},
		"lists":              {Queries: random(r, 40, 6), Gallery: random(r, 90, 6), Relevant: lists},
		"lists, itself":      {Queries: random(r, 90, 6), Itself: true, Relevant: append(lists, make([][]int, 50)...)},
		"labels":             {Queries: random(r, 100, 3), Gallery: random(r, 301, 3), QueryLabels: labelsOf(r, 100, 8), GalleryLabels: labelsOf(r, 301, 7)},
		"labels, itself":     {Queries: random(r, 150, 3), Itself: true, QueryLabels: labelsOf(r, 150, 12)},
		"one class":          {Queries: random(r, 50, 3), Itself: true, QueryLabels: make([]int, 50)},
		"1,200 relevant":     {Queries: random(r, 5, 3), Gallery: random(r, 2400, 3), QueryLabels: labelsOf(r, 5, 2), GalleryLabels: labelsOf(r, 2400, 2), At: []int{1023, 1024, 2000}},
		"dot":                {Queries: random(r, 60, 9), Gallery: random(r, 80, 9), Metric: Dot},
		"distance":           {Queries: random(r, 60, 9), Gallery: random(r, 80, 9), Metric: Euclidean},
		"distance, itself":   {Queries: random(r, 60, 2), Itself: true, QueryLabels: labelsOf(r, 60, 6), Metric: Euclidean},
		"ties":               {Queries: coarse(r, 60, 3), Gallery: coarse(r, 200, 3), QueryLabels: labelsOf(r, 60, 4), GalleryLabels: labelsOf(r, 200, 4)},
		"ties of dot":        {Queries: coarse(r, 60, 3), Gallery: coarse(r, 200, 3), QueryLabels: labelsOf(r, 60, 4), GalleryLabels: labelsOf(r, 200, 4), Metric: Dot},
		"ties of distance":   {Queries: coarse(r, 90, 2), Itself: true, QueryLabels: labelsOf(r, 90, 4), Metric: Euclidean},
		"all tie":            {Queries: simd.NewMatrix(30, 2), Itself: true, QueryLabels: labelsOf(r, 30, 3)},
		"not finite":         {Queries: nan, Itself: true, QueryLabels: labelsOf(r, 30, 3)},
		"not finite queries": {Queries: nan, Gallery: random(r, 50, 4), Metric: Dot},
		"not finite gallery": {Queries: random(r, 25, 4), Gallery: nan, Metric: Euclidean},
		"overflow":           {Queries: large, Itself: true, QueryLabels: labelsOf(r, 40, 5), Metric: Dot},
		"overflow, distance": {Queries: large, Itself: true, QueryLabels: labelsOf(r, 40, 5), Metric: Euclidean},
		"several blocks":     {Queries: random(r, 50, 2), Gallery: random(r, 2*blockCols+77, 2), QueryLabels: labelsOf(r, 50, 400), GalleryLabels: labelsOf(r, 2*blockCols+77, 400)},
	}
}

func TestRankingAgreesWithTheDefinitions(t *testing.T) {
	for name, r := range rankings() {
		want := naiveRanking(r)
		t.Run(name, func(t *testing.T) { sameRetrieval(t, r.Measure(), want) })
	}
}

func TestRankingBits(t *testing.T) {
	want := make(map[string]Retrieval)
	check.EachLevel(t, func(t *testing.T) {
		for name, r := range rankings() {
			for _, r.Workers = range []int{1, 2, 7} {
				got := r.Measure()
				if _, ok := want[name]; !ok {
					want[name] = got
				}
				if !reflect.DeepEqual(got, want[name]) {
					t.Errorf("%s with %d workers: got %+v, want %+v", name, r.Workers, got, want[name])
				}
			}
		}
	})
}

// A piece of few queries, as for a gallery of millions of rows, gives the bits of a piece of many.
func TestRankingOfPartsIsThatOfTheWhole(t *testing.T) {
	r := check.NewRand(6)
	q, g := random(r, 60, 24), random(r, 500, 24)
	whole := Ranking{Queries: q, Gallery: g}.Measure().Ranks
	for i := range q.Rows {
		if got := (Ranking{Queries: q.Slice(i, i+1), Gallery: g, Relevant: [][]int{{i}}}).Measure().Ranks[0]; got != whole[i] {
			t.Fatalf("query %d alone: rank %d, want %d", i, got, whole[i])
		}
	}
}

// The figures of ranks that were worked out by hand.
func TestRetrievalOfKnownRanks(t *testing.T) {
	line := func(x ...float32) simd.Matrix { return simd.Matrix{Rows: len(x), Cols: 1, Stride: 1, Data: x} }
	for _, c := range []struct {
		name string
		r    Ranking
		want Retrieval
	}{
		// The gallery in order of distance: 1 (a), 2 (b), 3 (a), 4 (b); a is relevant: ranks 1 and
		// 3.
		{"ranks 1 and 3", Ranking{
			Queries: line(0), Gallery: line(4, 3, 2, 1), Metric: Euclidean, At: []int{1, 2, 3, 10},
			QueryLabels: []int{1}, GalleryLabels: []int{2, 1, 2, 1},
		}, Retrieval{
			Queries: 1, Gallery: 4, Metric: "euclidean", MRR: 1, MAP: (1 + 2.0/3) / 2, MAPR: 0.5, RPrecision: 0.5, MeanRank: 1, MedianRank: 1, Ranks: []int{1},
			At: []Cutoff{
				{1, 1, 0.5, 1, 1},
				{2, 1, 0.5, 0.5, 1 / (1 + 1/math.Log2(3))},
				{3, 1, 1, 2.0 / 3, 1.5 / (1 + 1/math.Log2(3))},
				{10, 1, 1, 0.2, 1.5 / (1 + 1/math.Log2(3))},
			},
		}},
		// The query at 5 has the row at 5 first; that at 0 has the row at 9 last.
		{"pairs at ranks 3 and 1", Ranking{
			Queries: line(0, 5), Gallery: line(9, 5, 1), Metric: Euclidean, At: []int{1},
		}, Retrieval{
			Queries: 2, Gallery: 3, Metric: "euclidean", MRR: (1 + 1.0/3) / 2, MAP: (1 + 1.0/3) / 2, MAPR: 0.5, RPrecision: 0.5, MeanRank: 2, MedianRank: 2, Ranks: []int{3, 1},
			At: []Cutoff{{1, 0.5, 0.5, 0.5, 0.5}},
		}},
		// All rows are equal: the irrelevant ones come first.
		{"collapse", Ranking{
			Queries: line(1, 1, 1, 1), Itself: true, QueryLabels: []int{1, 1, 2, 2}, At: []int{2, 3},
		}, Retrieval{
			Queries: 4, Gallery: 3, Metric: "cosine", Tied: 4, MRR: 1.0 / 3, MAP: 1.0 / 3, MeanRank: 3, MedianRank: 3, Ranks: []int{3, 3, 3, 3},
			At: []Cutoff{{2, 0, 0, 0, 0}, {3, 1, 1, 1.0 / 3, 0.5}},
		}},
		{"nothing to find", Ranking{
			Queries: line(1, 2), Gallery: line(1), QueryLabels: []int{1, 2}, GalleryLabels: []int{1}, At: []int{1},
		}, Retrieval{
			Queries: 1, Without: 1, Gallery: 1, Metric: "cosine", MRR: 1, MAP: 1, MAPR: 1, RPrecision: 1, MeanRank: 1, MedianRank: 1, Ranks: []int{1, 0},
			At: []Cutoff{{1, 1, 1, 1, 1}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) { sameRetrieval(t, c.r.Measure(), c.want) })
	}
}

// The two ways to the share of queries with a relevant row among k agree where nothing ties.
func TestRecallIsThatOfNeighbors(t *testing.T) {
	r := check.NewRand(7)
	q, g := random(r, 80, 7), random(r, 400, 7)
	ql, gl := labelsOf(r, 80, 9), labelsOf(r, 400, 9)
	s := Ranking{Queries: q, Gallery: g, QueryLabels: ql, GalleryLabels: gl}.Measure()
	near := Neighbors(q, g, 10, 0)
	for _, c := range s.At {
		if want := RecallAt(near, c.K, gl, ql); c.Recall != want {
			t.Errorf("recall at %d is %v, that of the neighbours %v", c.K, c.Recall, want)
		}
	}
}

func TestRankingAcceptsStrides(t *testing.T) {
	r := check.NewRand(8)
	wide := random(r, 80, 12)
	part := simd.Matrix{Rows: 80, Cols: 5, Stride: 12, Data: wide.Data[3:]}
	dense := simd.NewMatrix(80, 5)
	for i := range 80 {
		copy(dense.Row(i), part.Row(i))
	}
	labels := labelsOf(r, 80, 9)
	for m := Cosine; m <= Euclidean; m++ {
		got := Ranking{Queries: part, Itself: true, QueryLabels: labels, Metric: m}.Measure()
		if want := (Ranking{Queries: dense, Itself: true, QueryLabels: labels, Metric: m}).Measure(); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: rows of a wider matrix rank differently", m)
		}
	}
}

func TestRankingPanics(t *testing.T) {
	x := func(rows, cols int) simd.Matrix { return simd.NewMatrix(rows, cols) }
	for _, c := range []struct {
		r    Ranking
		want string
	}{
		{Ranking{Queries: x(2, 3), Gallery: x(4, 5)}, "eval.Ranking: Gallery is 4×5, want n×3"},
		{Ranking{Queries: x(2, 3), Gallery: x(1, 3)}, "eval.Ranking: Gallery is 1×3, want at least 2 rows, one for each query"},
		{Ranking{Queries: x(2, 3), Gallery: x(1, 3), Itself: true}, "eval.Ranking: Gallery is 1×3, want empty, as Itself says"},
		{Ranking{Queries: x(2, 3), GalleryLabels: []int{1, 2}, Itself: true}, "eval.Ranking: GalleryLabels is of length 2, want nil, as Itself says"},
		{Ranking{Queries: x(2, 3), Itself: true}, "eval.Ranking: QueryLabels is nil, want labels, where the gallery is Queries"},
		{Ranking{Queries: x(2, 3), Gallery: x(3, 3), At: []int{1, 0}}, "eval.Ranking: At is [1 0], want at least 1 each"},
		{Ranking{Queries: x(2, 3), Gallery: x(3, 3), QueryLabels: []int{1}}, "eval.Ranking: QueryLabels is of length 1, want of length 2"},
		{Ranking{Queries: x(2, 3), Gallery: x(3, 3), QueryLabels: []int{1, 2}}, "eval.Ranking: GalleryLabels is of length 0, want of length 3"},
		{Ranking{Queries: x(2, 3), Gallery: x(3, 3), Relevant: [][]int{{1}}}, "eval.Ranking: Relevant is of length 1, want of length 2"},
		{Ranking{Queries: x(2, 3), Gallery: x(3, 3), Relevant: [][]int{{1}, {3}}}, "eval.Ranking: Relevant[1] is row 3, want one of 3"},
		{Ranking{Queries: x(2, 3), Gallery: x(3, 3), Relevant: [][]int{{1}, {2, 1, 2}}}, "eval.Ranking: Relevant[1] is row 2 twice, want each row once"},
		{Ranking{Metric: 7}, "eval.Ranking: Metric is Metric(7), want one of Cosine, Dot and Euclidean"},
	} {
		if got := panicOf(func() { c.r.Measure() }); got != c.want {
			t.Errorf("panic %q, want %q", got, c.want)
		}
	}
}

func TestPlaceIsTheFirstLevelNotAbove(t *testing.T) {
	r := check.NewRand(9)
	inf := float32(math.Inf(1))
	for name, levels := range map[string][]float32{
		"one":             {3},
		"two":             {4, 3},
		"equal":           {3, 3, 3},
		"even":            {9, 8, 7, 6, 5, 4, 3, 2, 1},
		"an outlier":      {1e9, 1.75, 1.5, 1.25, 1, 0.5, 0.25},
		"a deep outlier":  {1.75, 1.5, 1.5, 1.25, 1, 0.5, -1e9},
		"infinite":        {inf, inf, 2, 1},
		"range overflows": {3e38, 1, 1, -3e38},
		"subnormal":       {3e-45, 1e-45, 0},
		"neighbours":      {1.0000002, 1.0000001, 1},
		"normal":          r.Normals32(5000),
		"many in a bin":   append(r.Float32s(9000, 0, 0x1p-20), 1),
	} {
		slices.Sort(levels)
		slices.Reverse(levels)
		s := rankScratch{levels: levels}
		s.bin()
		scores := slices.Concat(levels, r.Normals32(2000), r.Float32s(500, 0, 0x1p-20), []float32{inf, math.MaxFloat32, 1e9, 1e-45})
		for _, v := range levels {
			scores = append(scores, math.Nextafter32(v, inf), math.Nextafter32(v, -inf))
		}
		for _, v := range scores {
			want := slices.IndexFunc(levels, func(l float32) bool { return l <= v })
			if want < 0 {
				continue
			}
			if got := s.place(v); got != want {
				t.Fatalf("%s: %v: place %d, want %d", name, v, got, want)
			}
		}
	}
}

func BenchmarkRanking(b *testing.B) {
	r := check.NewRand(1)
	for _, c := range []struct {
		name    string
		n, m, d int
		classes int // 0: by position
	}{
		{"by=position/d=256", 8000, 8000, 256, 0},
		{"by=label/classes=10/d=256", 8000, 8000, 256, 10},
		{"by=label/classes=1000/d=128", 20000, 20000, 128, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			q, g := random(r, c.n, c.d), random(r, c.m, c.d)
			s := Ranking{Queries: q, Gallery: g}
			if c.classes > 0 {
				s.QueryLabels, s.GalleryLabels = labelsOf(r, c.n, c.classes), labelsOf(r, c.m, c.classes)
			}
			for b.Loop() {
				s.Measure()
			}
			b.ReportMetric(float64(c.n)*float64(c.m)*float64(b.N)/1e6/b.Elapsed().Seconds(), "Mpairs/s")
			b.ReportMetric(2*float64(c.n)*float64(c.m)*float64(c.d)*float64(b.N)/1e9/b.Elapsed().Seconds(), "GFLOP/s")
		})
	}
}
