package miner

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// DistanceWeighted draws a negative for each anchor and positive, for [infonce.MarginLoss] and
// [infonce.Triplet], so that all distances are drawn about equally often (Wu et al. 2017, section
// 4.1). Negatives n of an anchor a are drawn with probabilities
//
//	p_n ∝ 1/q(max(Cutoff, d(a, n))),  q(d) = d^(D−2)·(1 − d²/4)^((D−3)/2)
//
// with the Euclidean distance d of the normalised rows. On a sphere in D dimensions the distances
// of random points have the density q, which is concentrated near √2: uniform draws would give only
// negatives that are too far to learn from. Weights are relative to the largest of their anchor, in
// logarithms, so they do not all vanish, whatever the number of dimensions.
//
// The draw depends only on the rows, the labels and the Seed; use another Seed for each batch.
// Memory grows with the list. The zero value has the numbers of the paper.
type DistanceWeighted struct {
	Cutoff  float32 // nearer negatives are drawn as if they were at this distance; 0 means 0.5
	Reach   float32 // negatives from here on are not drawn; 0 means 1.4, where MarginLoss has no slope
	Seed    uint64  // of the draw
	Workers int     // 0 means GOMAXPROCS; the list does not depend on it

	distances tile.Distances
	zeroNorms int
	near, far float32 // squares of Cutoff and Reach
	first     []int   // the place of the first triplet of each anchor
	out       []infonce.Triple
	scratch   []weightedScratch
}

// weightedScratch is the memory of a worker.
type weightedScratch struct {
	squares, rest, weights []float32 // d², 1 − d²/4 and what is drawn by, in the order of labels
	sums                   []float64 // of the weights up to each row of the batch
}

// Mine appends a triplet of the rows of x (n×d) with the given labels (n) to dst for each anchor
// and each other row of its label, in this order. An anchor without a negative within reach has
// none. Otherwise it behaves as the Mine of [Triplets].
func (m *DistanceWeighted) Mine(dst []infonce.Triple, x simd.Matrix, labels []int) ([]infonce.Triple, error) {
	const op = "miner.DistanceWeighted"
	workers := par.Workers(m.Workers)
	cutoff, reach := cmp.Or(m.Cutoff, 0.5), cmp.Or(m.Reach, 1.4)
	if err := cmp.Or(checkRange(op, "Reach", reach, 0, 2), checkRange(op, "Cutoff", cutoff, 0, reach)); err != nil {
		return dst, err
	}
	m.near, m.far = cutoff*cutoff, reach*reach
	e := &m.distances
	var err error
	if m.zeroNorms, err = measureRows(e, op, x, labels, true, true, workers); err != nil {
		return dst, err
	}
	n, count := x.Rows, int64(0)
	m.first = tile.Grow(m.first, n)
	for a := range n {
		m.first[a] = int(count)
		count += int64(len(e.Groups.Of(a)) - 1)
		if count > maxListed {
			return dst, fmt.Errorf("%s: there are more than %d pairs of one label, more than a list should have", op, maxListed)
		}
	}
	m.scratch = tile.Grow(m.scratch, workers)
	for i := range m.scratch {
		t := &m.scratch[i]
		t.squares, t.rest, t.weights, t.sums = tile.Grow(t.squares, n), tile.Grow(t.rest, n), tile.Grow(t.weights, n), tile.Grow(t.sums, n)
	}
	all, added := extend(dst, int(count))
	m.out = added
	e.Begin(false, 0)
	e.Run((*weightedDraw)(m), false)
	m.out = nil
	// Places of anchors that have no triplet are filled up.
	kept := slices.DeleteFunc(added, func(t infonce.Triple) bool { return t.N < 0 })
	return all[:len(all)-len(added)+len(kept)], nil
}

// weightedDraw is DistanceWeighted as a scorer of rows of squared distances.
type weightedDraw DistanceWeighted

func (m *weightedDraw) Score(worker, i int, d, _ []float32) {
	e := &m.distances
	a := e.Groups.Order[i]
	positives := e.Groups.Of(a)
	if len(positives) == 1 {
		return
	}
	t := &m.scratch[worker]
	total := m.weigh(t, i, d)
	out := m.out[m.first[a]:]
	var source rand.PCG
	source.Seed(m.Seed, uint64(a))
	k := 0
	for _, p := range positives {
		if p == a {
			continue
		}
		out[k] = infonce.Triple{A: a, P: p, N: -1}
		if total > 0 {
			u := float64(float64(source.Uint64()>>11)*0x1p-53) * total
			out[k].N = firstAbove(t.sums, u)
		}
		k++
	}
}

// firstAbove returns the index of the first of the ascending sums that is above u. The last one is.
func firstAbove(sums []float64, u float64) int {
	lo, hi := 0, len(sums)-1
	for lo < hi {
		if mid := (lo + hi) / 2; sums[mid] > u {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// weigh sums the weights of the negatives of row i, in the order of the batch, and returns their
// total: 0 if there is none within reach.
func (m *weightedDraw) weigh(t *weightedScratch, i int, d []float32) float64 {
	e := &m.distances
	lo, hi := e.Group(i)
	if m.zeroNorms > 0 {
		m.part(i, d)
	}
	for j, s := range d {
		s = min(max(s, m.near), m.far)
		t.squares[j], t.rest[j] = s, 1-float32(s/4)
	}
	// The logarithm of 1/q is (2 − D)/2·ln d² + (3 − D)/2·ln(1 − d²/4).
	dims := float32(e.Rows.X.Cols)
	simd.Log(t.squares, t.squares)
	simd.Log(t.rest, t.rest)
	simd.Scale(t.weights, (2-dims)/2, t.squares)
	simd.Axpy(t.weights, (3-dims)/2, t.rest)
	for j, s := range d {
		if s >= m.far {
			t.weights[j] = tile.NegInf
		}
	}
	tile.Fill(t.weights[lo:hi], tile.NegInf)
	most := simd.Max(t.weights)
	if most == tile.NegInf {
		return 0
	}
	simd.ExpSum(t.weights, t.weights, most)
	for j, w := range t.weights {
		t.sums[e.Groups.Order[j]] = float64(w)
	}
	total := 0.0
	for o, w := range t.sums {
		total += w
		t.sums[o] = total
	}
	return total
}

// part sets the squared distances of row i from zero rows, or all of them if it is one, to 2, as
// where the cosine is 0.
func (m *weightedDraw) part(i int, d []float32) {
	order, norms := m.distances.Groups.Order, m.distances.Rows.Norms
	for j := range d {
		if norms[order[i]] == 0 || norms[order[j]] == 0 {
			d[j] = 2
		}
	}
}
