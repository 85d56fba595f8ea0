package miner

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// mining lists what a miner finds at each row of a batch, the anchors, in order: all of it, or a
// draw. What there is is counted first and then found again at its place in the list, so that the
// list does not depend on workers.
type mining struct {
	distances tile.Distances
	finder    finder
	blind     bool         // the finder needs no distances
	views     []anchorView // of each worker
	first     []int64      // the rank of the first find at each anchor; at the end, their number
	counting  bool
	drawing   bool     // only the ranks in drawn are listed
	drawn     []int64  // in ascending order
	marks     []uint64 // of ranks, a bit each, where that takes less memory than the list
}

// A finder says what is found at an anchor. It is called concurrently for different anchors.
type finder interface {
	// parts returns how many parts the finds at an anchor have.
	parts(v *anchorView) int

	// part returns the distances of rows; those at least lo and below hi are found. While things
	// are counted, the negatives are in any order.
	part(v *anchorView, k int) (d []float32, lo, hi float32)

	// put lists what is found in a part, given as indices of its distances, starting at place at of
	// the list.
	put(at int, v *anchorView, k int, found []int)
}

// An anchorView is the other rows of a batch as one of them sees them, in ascending order.
type anchorView struct {
	anchor               int
	positives, negatives []int     // rows of its label, and of others
	near, far            []float32 // their distances
	d                    []float32 // of all rows, in ascending order
	found                []int
}

// maxListed is how many things a list may have. More would be a mistake.
const maxListed = math.MaxInt32

// count asks f what there is, and returns how long the list will be: at most limit, unless that is
// 0.
func (m *mining) count(op string, f finder, blind bool, limit int, seed uint64) (int, error) {
	n := m.distances.Rows.X.Rows
	m.finder, m.blind, m.counting = f, blind, true
	m.first, m.views = tile.Grow(m.first, n+1), tile.Grow(m.views, m.distances.Workers)
	for i := range m.views {
		v := &m.views[i]
		v.d, v.near, v.far = tile.Grow(v.d, n), tile.Grow(v.near, n), tile.Grow(v.far, n)
		v.positives, v.negatives, v.found = tile.Grow(v.positives, n), tile.Grow(v.negatives, n), tile.Grow(v.found, n)
	}
	if !blind {
		m.distances.Begin(false, 0)
	}
	m.visit()
	var total int64
	for i, count := range m.first[:n] {
		m.first[i] = total
		total += count
	}
	m.first[n] = total
	m.drawing = limit > 0 && total > int64(limit)
	switch {
	case m.drawing:
		m.draw(total, limit, seed)
		return limit, nil
	case total > maxListed:
		return 0, fmt.Errorf("%s: there are %d, more than a list should have: want a Cap", op, total)
	}
	return int(total), nil
}

// list has f list what was counted.
func (m *mining) list() {
	m.counting = false
	m.visit()
	m.finder = nil
}

func (m *mining) visit() {
	if m.blind {
		par.For(m.distances.Workers, m.distances.Rows.X.Rows, m, (*mining).visitBlind)
		return
	}
	m.distances.Run(m, false)
}

// visitBlind visits row i without distances, in the order of labels.
func (m *mining) visitBlind(worker, i int) {
	v := &m.views[worker]
	clear(v.d)
	m.Score(worker, i, v.d, nil)
}

// Score visits row i, whose distances from all rows are d, in the order of labels.
func (m *mining) Score(worker, i int, d, _ []float32) {
	g := &m.distances.Groups
	v, a := &m.views[worker], g.Order[i]
	v.anchor = a
	if !m.counting {
		m.listAnchor(v, d)
		return
	}
	v.split(g.Order[:g.Lo[a]], g.Order[g.Lo[a]:i], g.Order[i+1:g.Hi[a]], g.Order[g.Hi[a]:], d)
	count := 0
	for k := range m.finder.parts(v) {
		count += countIn(m.finder.part(v, k))
	}
	m.first[a] = int64(count)
}

// split takes the view of a row, given the rows of lower labels, those of its label before it and
// after it, and those of higher labels.
func (v *anchorView) split(lower, before, after, higher []int, d []float32) {
	v.positives = append(append(v.positives[:0], before...), after...)
	v.negatives = append(append(v.negatives[:0], lower...), higher...)
	d, far := d[len(lower):], d[:len(lower)]
	v.near = append(append(v.near[:0], d[:len(before)]...), d[len(before)+1:][:len(after)]...)
	v.far = append(append(v.far[:0], far...), d[len(before)+1+len(after):]...)
}

// listAnchor lists what is found at an anchor, or what is drawn of it. The distances d from all
// rows are in the order of labels.
func (m *mining) listAnchor(v *anchorView, d []float32) {
	rank := m.first[v.anchor]
	at, end, drawn := int(rank), int(m.first[v.anchor+1]), m.drawn
	if m.drawing {
		at, _ = slices.BinarySearch(m.drawn, rank)
		end, _ = slices.BinarySearch(m.drawn, m.first[v.anchor+1])
		drawn = m.drawn[at:end]
	}
	if at == end {
		return
	}
	v.look(&m.distances.Groups, d)
	for k := range m.finder.parts(v) {
		d, lo, hi := m.finder.part(v, k)
		found := findIn(v.found, d, lo, hi)
		if m.drawing {
			first := rank
			rank += int64(len(found))
			n := 0
			for ; n < len(drawn) && drawn[n] < rank; n++ {
				found[n] = found[drawn[n]-first]
			}
			found, drawn = found[:n], drawn[n:]
		}
		m.finder.put(at, v, k, found)
		at += len(found)
	}
}

// look fills the view of the anchor, with all rows in ascending order.
func (v *anchorView) look(g *tile.LabelGroups, d []float32) {
	for j, x := range d {
		v.d[g.Order[j]] = x
	}
	v.positives, v.negatives, v.near, v.far = v.positives[:0], v.negatives[:0], v.near[:0], v.far[:0]
	for j, x := range v.d {
		switch {
		case g.Lo[j] != g.Lo[v.anchor]:
			v.negatives, v.far = append(v.negatives, j), append(v.far, x)
		case j != v.anchor:
			v.positives, v.near = append(v.positives, j), append(v.near, x)
		}
	}
}

// between returns the bits of lo, or of 0, and how many numbers there are from there to below hi.
// Numbers that are 0 or above are in the order of their bits, so one comparison tells which are
// between: a second one would look random to the CPU.
func between(lo, hi float32) (from, count uint32) {
	from = math.Float32bits(max(lo, 0))
	return from, math.Float32bits(max(lo, hi, 0)) - from
}

// countIn returns how many of d are at least lo and below hi.
func countIn(d []float32, lo, hi float32) (n int) {
	if lo <= 0 && hi == -tile.NegInf {
		return len(d)
	}
	from, count := between(lo, hi)
	for _, x := range d {
		if math.Float32bits(x)-from < count {
			n++
		}
	}
	return n
}

// findIn stores the indices of those in dst, which is at least as long as d.
func findIn(dst []int, d []float32, lo, hi float32) []int {
	from, count := between(lo, hi)
	n := 0
	for i, x := range d {
		dst[n] = i
		if math.Float32bits(x)-from < count {
			n++
		}
	}
	return dst[:n]
}

// atLeast returns the least float32 that is x or above.
func atLeast(x float64) float32 {
	f := float32(x)
	if float64(f) < x {
		return math.Nextafter32(f, -tile.NegInf)
	}
	return f
}

// moreThan returns the least float32 above x.
func moreThan(x float64) float32 {
	f := atLeast(x)
	if float64(f) == x {
		return math.Nextafter32(f, -tile.NegInf)
	}
	return f
}

// draw draws count of total ranks, fewer than all, each set with the same probability. Ranks that
// were drawn before are drawn again.
func (m *mining) draw(total int64, count int, seed uint64) {
	var source rand.PCG
	source.Seed(seed, 0)
	m.drawn = tile.Grow(m.drawn, count)[:0]
	if total/64 > int64(count) {
		for len(m.drawn) < count {
			for len(m.drawn) < count {
				m.drawn = append(m.drawn, int64(below(&source, uint64(total))))
			}
			slices.Sort(m.drawn)
			m.drawn = slices.Compact(m.drawn)
		}
		return
	}
	// Marks take no more memory than the list. Where the others are fewer, these are marked.
	m.marks = tile.Grow(m.marks, int(total/64)+1)
	clear(m.marks)
	marked, want := min(count, int(total)-count), uint64(0)
	if marked == count {
		want = 1
	}
	for marked > 0 {
		r := below(&source, uint64(total))
		if bit := uint64(1) << (r % 64); m.marks[r/64]&bit == 0 {
			m.marks[r/64] |= bit
			marked--
		}
	}
	for r := range total {
		if m.marks[r/64]>>(r%64)&1 == want {
			m.drawn = append(m.drawn, r)
		}
	}
}

// below returns a number below n, each with the same probability (Lemire 2019).
func below(source *rand.PCG, n uint64) uint64 {
	hi, lo := bits.Mul64(source.Uint64(), n)
	for threshold := -n % n; lo < threshold; {
		hi, lo = bits.Mul64(source.Uint64(), n)
	}
	return hi
}

// measureRows has e take over the rows of x, and returns the number of zero rows.
func measureRows(e *tile.Distances, op string, x simd.Matrix, labels []int, squared, normalize bool, workers int) (zeroNorms int, err error) {
	checkLabels(op, x, labels)
	zeroNorms = e.Load(x, labels, nil, squared, normalize, false, workers)
	return zeroNorms, e.Rows.CheckFinite(op, "x", x, 0)
}

// checkLabels panics unless x has as many rows as there are labels.
func checkLabels(op string, x simd.Matrix, labels []int) {
	x.Check(op, "x", -1, -1)
	if len(labels) != x.Rows {
		panic(&simd.ShapeError{Op: op, Arg: "labels", Got: fmt.Sprintf("of length %d", len(labels)), Want: fmt.Sprintf("of length %d", x.Rows)})
	}
}

// checkRange returns an error unless v, the setting name, is a number from lo to hi.
func checkRange(op, name string, v, lo, hi float32) error {
	if !(v >= lo && v <= hi) {
		return fmt.Errorf("%s: %s is %v, want a number from %v to %v", op, name, v, lo, hi)
	}
	return nil
}
