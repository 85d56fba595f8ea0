package miner

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Triplets lists triplets of labelled rows, for [infonce.Triplet]: an anchor a, a positive p, which
// is another row of its label, and a negative n, a row of another label. The zero value lists them
// all.
type Triplets struct {
	Kind      Kind
	Margin    float32 // 0 means 1, as in Triplet
	Squared   bool    // squared distances
	Normalize bool    // bring the rows to norm 1 first

	// Cap is how many triplets are listed at most; 0 is no bound. If there are more, Cap of them
	// are drawn, each set with the same probability; the others take time, but no memory. There are
	// n²·P triplets of n rows with P positives each, so large batches need a Cap: more than 2³¹−1
	// triplets are an error.
	Cap  int
	Seed uint64 // of the draw

	Workers int // 0 means GOMAXPROCS; the list does not depend on it

	mining tripletMining
	rows   tile.Embeddings // of HardestTriplets
	search tile.NearestSearch
	pass   tile.Sweep
}

// A Kind says which triplets are listed, by the distances d from the anchor.
type Kind uint8

const (
	AllTriplets       Kind = iota
	HardTriplets           // d(a, n) ≤ d(a, p)
	SemiHardTriplets       // d(a, p) < d(a, n) < d(a, p) + margin (Schroff et al. 2015)
	EasyTriplets           // neither hard nor semi-hard: they cost nothing
	ViolatingTriplets      // d(a, n) < d(a, p) + margin: all that cost something
	HardestTriplets        // of each anchor its farthest positive and its nearest negative, as in BatchHard
)

// String returns the name of the constant.
func (k Kind) String() string {
	if k > HardestTriplets {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return [...]string{"AllTriplets", "HardTriplets", "SemiHardTriplets", "EasyTriplets", "ViolatingTriplets", "HardestTriplets"}[k]
}

// Mine appends the triplets of the rows of x (n×d) with the given labels (n) to dst, in the order
// of anchors, then positives, then negatives. The list is never nil, so that Triplet uses it even
// where it is empty. In steady state Mine allocates nothing. Shapes that do not fit panic with a
// *simd.ShapeError; settings and numbers that make no sense are errors, and leave dst unchanged.
func (m *Triplets) Mine(dst []infonce.Triple, x simd.Matrix, labels []int) ([]infonce.Triple, error) {
	const op = "miner.Triplets"
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
	if _, err := measureRows(&f.distances, op, x, labels, m.Squared, m.Normalize, par.Workers(m.Workers)); err != nil {
		return dst, err
	}
	f.kind, f.margin = m.Kind, float64(margin)/f.distances.Unit
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
func (m *Triplets) hardest(op string, dst []infonce.Triple, x simd.Matrix, labels []int) ([]infonce.Triple, error) {
	workers := par.Workers(m.Workers)
	checkLabels(op, x, labels)
	zeroNorms := m.rows.Load(workers, x, m.Normalize, false)
	if err := m.rows.CheckFinite(op, "x", x, 0); err != nil {
		return dst, err
	}
	m.search.Run(&m.pass, workers, m.rows.X, m.Normalize && zeroNorms == 0, labels)
	total := 0
	for _, h := range m.search.Best {
		if h.Valid() {
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
	for a, h := range m.search.Best {
		if !h.Valid() {
			continue
		}
		if at < count && (!drawing || m.mining.drawn[at] == int64(rank)) {
			added[at] = infonce.Triple{A: a, P: h.Positive, N: h.Negative}
			at++
		}
		rank++
	}
	return dst, nil
}

// tripletMining is the finder of a Triplets. A part is a positive.
type tripletMining struct {
	mining
	kind   Kind
	margin float64 // in units of the distances
	out    []infonce.Triple
}

func (m *tripletMining) parts(v *anchorView) int { return len(v.positives) }

func (m *tripletMining) part(v *anchorView, k int) (d []float32, lo, hi float32) {
	above, margin := moreThan(float64(v.near[k])), atLeast(float64(v.near[k])+m.margin)
	lo, hi = tile.NegInf, -tile.NegInf
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
		m.out[at+i] = infonce.Triple{A: v.anchor, P: v.positives[k], N: v.negatives[n]}
	}
}
