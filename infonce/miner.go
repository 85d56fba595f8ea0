package infonce

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// TripletMiner lists triplets of labelled rows, for [Triplet]: an anchor a, a positive p, which is another row of its
// label, and a negative n, a row of another label. The zero value lists all there are.
type TripletMiner struct {
	Kind      TripletKind
	Margin    float32 // 0 means 1, as in Triplet
	Squared   bool    // squared distances
	Normalize bool    // bring the rows to norm 1 first

	// Cap is how many triplets are listed at most; 0 is no bound. Of more, so many are drawn, each set of them with the
	// same probability; the others take time, but no memory. There are n²·P triplets of n rows with P positives each, so large
	// batches need a Cap: more than 2³¹−1 triplets are an error.
	Cap  int
	Seed uint64 // of the draw

	Workers int // 0 means GOMAXPROCS; the list does not depend on it

	mining tripletMining
	rows   embeddings // of HardestTriplets
	search search
	pass   pass
}

// A TripletKind says which triplets are listed, by the distances d from the anchor.
type TripletKind uint8

const (
	AllTriplets       TripletKind = iota
	HardTriplets                  // d(a, n) ≤ d(a, p)
	SemiHardTriplets              // d(a, p) < d(a, n) < d(a, p) + margin (Schroff et al. 2015)
	EasyTriplets                  // neither hard nor semi-hard: they cost nothing
	ViolatingTriplets             // d(a, n) < d(a, p) + margin: all that cost something
	HardestTriplets               // of each anchor its farthest positive and its nearest negative, as in BatchHard
)

// String returns the name of the constant.
func (k TripletKind) String() string {
	if k > HardestTriplets {
		return fmt.Sprintf("TripletKind(%d)", uint8(k))
	}
	return [...]string{"AllTriplets", "HardTriplets", "SemiHardTriplets", "EasyTriplets", "ViolatingTriplets", "HardestTriplets"}[k]
}

// Mine appends the triplets of the rows of x (n×d) with the given labels (n) to dst, in the order of anchors, and of one
// anchor in that of positives, then negatives. The list is not nil, so that Triplet takes it for one also where it is
// empty. In steady state it allocates nothing. Shapes that do not fit panic with a *simd.ShapeError; settings and numbers
// that make no sense are errors, with dst as it was.
func (m *TripletMiner) Mine(dst []Triple, x simd.Matrix, labels []int) ([]Triple, error) {
	const op = "infonce.TripletMiner"
	margin := cmp.Or(m.Margin, 1)
	err := cmp.Or(checkRange(op, "Margin", margin, 0, math.MaxFloat32), checkCap(op, m.Cap))
	if err == nil && m.Kind > HardestTriplets {
		err = fmt.Errorf("%s: kind is %v, want one of AllTriplets to HardestTriplets", op, m.Kind)
	}
	if err != nil {
		return dst, err
	}
	if m.Kind == HardestTriplets {
		return m.hardest(op, dst, x, labels)
	}
	f := &m.mining
	if err := f.load(op, x, labels, m.Squared, m.Normalize, par.Workers(m.Workers)); err != nil {
		return dst, err
	}
	f.kind, f.margin = m.Kind, float64(margin)/f.distances.unit
	count, err := f.count(op, f, m.Kind == AllTriplets, m.Cap, m.Seed)
	if err != nil {
		return dst, err
	}
	dst, f.out = extend(dst, count)
	f.list()
	f.out = nil
	return dst, nil
}

func checkCap(op string, limit int) error {
	if limit < 0 {
		return fmt.Errorf("%s: Cap is %d, want 0 or above", op, limit)
	}
	return nil
}

// extend returns dst with count more elements, and these. The result is not nil.
func extend[T any](dst []T, count int) (all, added []T) {
	if dst == nil {
		dst = []T{}
	}
	n := len(dst)
	all = slices.Grow(dst, count)[:n+count]
	return all, all[n:]
}

// hardest is Mine of HardestTriplets.
func (m *TripletMiner) hardest(op string, dst []Triple, x simd.Matrix, labels []int) ([]Triple, error) {
	workers := par.Workers(m.Workers)
	x.Check(op, "x", -1, -1)
	checkLen(op, "labels", len(labels), x.Rows)
	zeroNorms := m.rows.load(workers, x, m.Normalize, false)
	if err := m.rows.checkFinite(op, "x", x, 0); err != nil {
		return dst, err
	}
	m.search.run(&m.pass, workers, m.rows.x, m.Normalize && zeroNorms == 0, labels)
	total := 0
	for _, h := range m.search.best {
		if h.valid() {
			total++
		}
	}
	count, drawing := total, m.Cap > 0 && total > m.Cap
	if drawing {
		count = m.Cap
		m.mining.draw(int64(total), count, m.Seed)
	}
	dst, added := extend(dst, count)
	rank, at := 0, 0
	for a, h := range m.search.best {
		if !h.valid() {
			continue
		}
		if at < count && (!drawing || m.mining.drawn[at] == int64(rank)) {
			added[at] = Triple{a, h.positive, h.negative}
			at++
		}
		rank++
	}
	return dst, nil
}

// tripletMining is the finder of a TripletMiner. A part is a positive.
type tripletMining struct {
	mining
	kind   TripletKind
	margin float64 // in units of the distances
	out    []Triple
}

func (m *tripletMining) parts(v *anchorView) int { return len(v.positives) }

func (m *tripletMining) part(v *anchorView, k int) (d []float32, lo, hi float32) {
	above, margin := moreThan(float64(v.near[k])), atLeast(float64(v.near[k])+m.margin)
	lo, hi = negInf, -negInf
	switch m.kind {
	case HardTriplets:
		hi = above
	case SemiHardTriplets:
		lo, hi = above, margin
	case EasyTriplets:
		lo = max(above, margin)
	case ViolatingTriplets:
		hi = margin
	}
	return v.far, lo, hi
}

func (m *tripletMining) put(at int, v *anchorView, k int, found []int) {
	for i, n := range found {
		m.out[at+i] = Triple{v.anchor, v.positives[k], v.negatives[n]}
	}
}

// A Pair is two rows of a batch, of one label or of two.
type Pair struct {
	A, B int
	Same bool
}

// MultiSimilarityMiner lists the pairs of labelled rows that are informative next to the other pairs of their anchor
// (Wang et al. 2019, eq. 10 and 11). With the cosine s, those of anchor a are
//
//	its positives p with s_ap < max_n s_an + Epsilon  and its negatives n with s_an > min_p s_ap − Epsilon
//
// The cosine with a zero row is 0. An anchor without a positive or without a negative has none. The zero value
// has the ε of the paper.
type MultiSimilarityMiner struct {
	Epsilon float32 // 0 means 0.1
	Cap     int     // how many pairs are listed at most, see TripletMiner; 0 is no bound
	Seed    uint64  // of the draw
	Workers int     // 0 means GOMAXPROCS; the list does not depend on it

	mining pairMining
}

// Mine appends the pairs of the rows of x (n×d) with the given labels (n) to dst, in the order of anchors, and of one
// anchor first positives and then negatives, in their order. Else it is as the Mine of [TripletMiner].
func (m *MultiSimilarityMiner) Mine(dst []Pair, x simd.Matrix, labels []int) ([]Pair, error) {
	const op = "infonce.MultiSimilarityMiner"
	eps := cmp.Or(m.Epsilon, 0.1)
	if err := cmp.Or(checkRange(op, "Epsilon", eps, 0, 2), checkCap(op, m.Cap)); err != nil {
		return dst, err
	}
	f := &m.mining
	if err := f.load(op, x, labels, true, true, par.Workers(m.Workers)); err != nil {
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

// pairMining is the finder of a MultiSimilarityMiner. Part 0 is the positives, part 1 the negatives. Distances are
// squared distances of unit rows, 2 − 2·s.
type pairMining struct {
	mining
	eps float64
	out []Pair
}

func (m *pairMining) parts(v *anchorView) int {
	if len(v.positives) == 0 || len(v.negatives) == 0 {
		return 0
	}
	norms := m.distances.x.norms
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
		return v.near, moreThan(float64(slices.Min(v.far)) - m.eps), -negInf
	}
	return v.far, negInf, atLeast(float64(slices.Max(v.near)) + m.eps)
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
