package miner

import (
	"cmp"
	"slices"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Pair is two rows of a batch, of one label or of two.
type Pair struct {
	A, B int
	Same bool
}

// MultiSimilarity lists the pairs of labelled rows that are informative next to the other pairs of
// their anchor (Wang et al. 2019, eq. 10 and 11). With the cosine s, those of anchor a are
//
//	its positives p with s_ap < max_n s_an + Epsilon  and its negatives n with s_an > min_p s_ap − Epsilon
//
// The cosine with a zero row is 0. An anchor without a positive or without a negative has no pairs.
// The zero value has the ε of the paper.
type MultiSimilarity struct {
	Epsilon float32 // 0 means 0.1
	Cap     int     // how many pairs are listed at most, see Triplets; 0 is no bound
	Seed    uint64  // of the draw
	Workers int     // 0 means GOMAXPROCS; the list does not depend on it

	mining pairMining
}

// Mine appends the pairs of the rows of x (n×d) with the given labels (n) to dst, in the order of
// anchors; each has its positives first and then its negatives, in ascending order. Otherwise it
// behaves as the Mine of [Triplets].
func (m *MultiSimilarity) Mine(dst []Pair, x simd.Matrix, labels []int) ([]Pair, error) {
	const op = "miner.MultiSimilarity"
	eps := cmp.Or(m.Epsilon, 0.1)
	if err := cmp.Or(checkRange(op, "Epsilon", eps, 0, 2), checkCap(op, m.Cap)); err != nil {
		return dst, err
	}
	f := &m.mining
	if _, err := measureRows(&f.distances, op, x, labels, true, true, par.Workers(m.Workers)); err != nil {
		return dst, err
	}
	f.eps = 2 * float64(eps)
	count, err := f.count(op, f, false, m.Cap, m.Seed)
	if err != nil {
		return dst, err
	}
	dst, f.out = extend(dst, count)
	f.list()
	f.out = nil
	return dst, nil
}

// pairMining is the finder of MultiSimilarity. Part 0 is the positives, part 1 the negatives.
// Distances are squared distances of unit rows, 2 − 2·s.
type pairMining struct {
	mining
	eps float64
	out []Pair
}

func (m *pairMining) parts(v *anchorView) int {
	if len(v.positives) == 0 || len(v.negatives) == 0 {
		return 0
	}
	norms := m.distances.Rows.Norms
	for i, p := range v.positives {
		if norms[p] == 0 || norms[v.anchor] == 0 {
			v.near[i] = 2
		}
	}
	for i, n := range v.negatives {
		if norms[n] == 0 || norms[v.anchor] == 0 {
			v.far[i] = 2
		}
	}
	return 2
}

func (m *pairMining) part(v *anchorView, k int) (d []float32, lo, hi float32) {
	if k == 0 {
		return v.near, moreThan(float64(slices.Min(v.far)) - m.eps), -tile.NegInf
	}
	return v.far, tile.NegInf, atLeast(float64(slices.Max(v.near)) + m.eps)
}

func (m *pairMining) put(at int, v *anchorView, k int, found []int) {
	rows := v.positives
	if k == 1 {
		rows = v.negatives
	}
	for i, r := range found {
		m.out[at+i] = Pair{v.anchor, rows[r], k == 0}
	}
}
