package tile

import (
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Hardest are the rows that an anchor is scored against; −1 where there is none.
type Hardest struct{ Positive, Negative int }

// Valid reports whether the anchor is scored.
func (h Hardest) Valid() bool { return h.Positive >= 0 && h.Negative >= 0 }

// A NearestSearch finds the farthest positive and the nearest negative of each row by squared
// distances that are computed from differences; of equal ones the lowest row.
//
// Half of a matrix of dot products tells which rows are candidates. With w_ij = x_i·x_j − |x_i|²/2
// − |x_j|²/2, minus half the squared distance, a distance is measured only if its w is as good as
// the best up to rounding errors, and if several are. The search is the kernel of that sweep. Rows
// are sorted by label, so that the positives of a row are neighbours.
type NearestSearch struct {
	Best []Hardest // by row of the batch

	batch   simd.Matrix
	labels  []int
	groups  LabelGroups
	order   []int       // rows of the batch, by label
	x       simd.Matrix // the rows in this order
	unit    bool        // |x_i|²/2 + |x_j|²/2 counts as 1, for the rows have norm 1
	half    []float32   // what to take from x_i·x_j for row i: |x_i|²/2, or 1
	slack   float64     // more than |2·w_ij + d_ij| for a measured distance d
	margin  float64     // some of slack, for what w is compared with is rounded too
	rows    []nearestRow
	near    []float32 // the least score with which a row may be the nearest negative
	far     []float32 // the least score with which a row may be the farthest positive
	scratch []nearestScratch
}

// A nearestRow is what is known about a row.
type nearestRow struct {
	lo, hi             int // rows of its label
	negative, positive contest
}

// A contest is for the row with the largest score: w among the negatives, −w among the positives.
type contest struct {
	row      int     // the winner so far, or −1
	score    float64 // the largest so far
	distance float64 // squared, of the winner, with the sign of the score; NaN while it was not needed
}

// The columns of a strip are searched some rows at a time, and these in groups: a group whose
// best is too low need not be looked through.
const (
	// The columns of a strip are searched a few rows at a time, and these in groups: a group whose
	// best is too low is skipped.
	groupRows = 16
	groups    = 6
)

// A nearestScratch is the memory of a worker.
type nearestScratch struct {
	positives []float32                  // a row of −w
	up        [groups][pieceCols]float32 // the largest w of a group
	down      [groups][pieceCols]float32 // the largest −w among its positives
	top       [pieceCols]float32         // the largest of all groups
}

// Run fills Best. unit says that the rows of x have norm 1.
func (s *NearestSearch) Run(p *Sweep, workers int, x simd.Matrix, unit bool, labels []int) {
	n, d := x.Rows, x.Cols
	s.batch, s.labels, s.unit = x, labels, unit
	s.Best = Grow(s.Best, n)
	s.sort()
	largest := 0.0
	for i, o := range s.order {
		copy(s.x.Row(i), x.Row(o))
		square := simd.Dot(x.Row(o), x.Row(o))
		largest = max(largest, float64(square))
		s.half[i] = square / 2
		if unit {
			s.half[i] = 1
		}
	}
	// A dot product of d terms has an error of at most d·u·|x_i||x_j| (u = 2⁻²⁴), squares and
	// measured distances have less; the rest is for single roundings.
	s.slack = float64(float64(3*d+128)*0x1p-24) * largest
	s.margin = s.slack / 8
	if largest > 0x1p-60 && largest < 0x1p100 {
		s.scratch = Grow(s.scratch, workers)
		for i := range s.scratch {
			s.scratch[i].positives = Grow(s.scratch[i].positives, n)
		}
		p.Load(workers, 1, s.x, s.x, true, false)
		p.Rows, p.Columns = s, s
		p.Run()
	} else {
		par.For(workers, n, s, (*NearestSearch).searchAll)
	}
	for i, o := range s.order {
		s.Best[o] = Hardest{s.winner(s.rows[i].positive), s.winner(s.rows[i].negative)}
	}
	s.batch, s.labels = simd.Matrix{}, nil
}

// winner returns the row of the batch that won, or −1.
func (s *NearestSearch) winner(c contest) int {
	if c.row < 0 {
		return -1
	}
	return s.order[c.row]
}

// sort orders the rows by label.
func (s *NearestSearch) sort() {
	n := len(s.labels)
	s.groups.Sort(s.labels)
	s.order, s.rows = s.groups.Order, Grow(s.rows, n)
	s.half, s.near, s.far = Grow(s.half, n), Grow(s.near, n), Grow(s.far, n)
	s.x = s.x.Reshape(n, s.batch.Cols)
	for i, o := range s.order {
		s.rows[i] = nearestRow{s.groups.Lo[o], s.groups.Hi[o], contest{row: -1}, contest{row: -1}}
		s.near[i], s.far[i] = NegInf, NegInf
	}
}

// Row searches row i among the rows from j on, and leaves in z what Column needs: w_ij is z_ij −
// half_i.
func (s *NearestSearch) Row(worker, i, j int, z []float32) float32 {
	if !s.unit {
		simd.Axpy(z, -1, s.half[j:])
	}
	lo, hi := max(s.rows[i].lo-j, 0), s.rows[i].hi-j
	s.searchNegatives(i, j, z[:lo])
	s.searchNegatives(i, j+hi, z[hi:])
	if hi-lo > 1 {
		t := s.scratch[worker].positives[:hi-lo]
		simd.Scale(t, -1, z[lo:hi])
		t[i-j-lo] = NegInf
		half := float64(s.half[i])
		m := float64(simd.Max(t)) + half
		if least := max(m-s.slack, float64(s.far[i])); m >= least {
			for k := range AtLeast(t, least-half-s.margin) {
				s.tryPositive(i, j+lo+k, float64(t[k])+half)
			}
		}
	}
	return 0
}

// searchNegatives searches row i among the negatives from row j on, with z_ij in z.
func (s *NearestSearch) searchNegatives(i, j int, z []float32) {
	half := float64(s.half[i])
	m := float64(simd.Max(z)) - half
	if least := max(m-s.slack, float64(s.near[i])); m >= least {
		for k := range AtLeast(z, least+half-s.margin) {
			s.tryNegative(i, j+k, float64(z[k])-half)
		}
	}
}

// AtLeast yields the indices of the numbers that are least or above.
func AtLeast(x []float32, least float64) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for k := 0; ; k++ {
			k += simd.IndexAtLeast(x[k:], float32(least))
			if k == len(x) || !yield(k) {
				return
			}
		}
	}
}

// Column searches the rows from j on among the rows from i on, which are lower.
func (s *NearestSearch) Column(worker, i, j int, z simd.Matrix) {
	for r := 0; r < z.Rows; r += groups * groupRows {
		s.block(&s.scratch[worker], i+r, j, z.Slice(r, min(r+groups*groupRows, z.Rows)))
	}
}

func (s *NearestSearch) block(t *nearestScratch, i, j int, z simd.Matrix) {
	// Positives of the rows, if there are any, are the first columns; more for later rows.
	positives := func(r int) int { return min(max(s.rows[i+r].hi-j, 0), z.Cols) }
	most := positives(z.Rows - 1)
	for r := range z.Rows {
		g := r / groupRows
		up, down := t.up[g][:z.Cols], t.down[g][:most]
		if r%groupRows == 0 {
			Fill(up, NegInf)
			Fill(down, NegInf)
		}
		x, half := z.Row(r), s.half[i+r]
		if most == 0 {
			simd.MaxAffine(up, x, 1, -half)
			continue
		}
		e := positives(r)
		simd.MaxAffine(up[e:], x[e:], 1, -half)
		simd.MaxAffine(down[:e], x[:e], -1, half)
	}
	s.lookThrough(t.top[:z.Cols], &t.up, i, j, z, false)
	if most > 0 {
		s.lookThrough(t.top[:most], &t.down, i, j, z, true)
	}
}

// lookThrough tries the negatives, or positives, of those columns of z where a group may hold the
// best one. top is scratch memory.
func (s *NearestSearch) lookThrough(top []float32, best *[groups][pieceCols]float32, i, j int, z simd.Matrix, positives bool) {
	least, sign := s.near[j:j+len(top)], float32(1)
	if positives {
		least, sign = s.far[j:j+len(top)], -1
	}
	n := pieces(z.Rows, groupRows)
	copy(top, best[0][:])
	for g := 1; g < n; g++ {
		simd.MaxAffine(top, best[g][:len(top)], 1, 0)
	}
	for c, w := range top {
		if w < least[c] || w == NegInf {
			continue
		}
		bound := max(w-float32(s.slack), least[c])
		for g := range n {
			if best[g][c] < bound {
				continue
			}
			for r := g * groupRows; r < min((g+1)*groupRows, z.Rows); r++ {
				w := z.Data[r*z.Stride+c] - s.half[i+r]
				if sign*w < bound || (s.rows[i+r].hi > j+c) != positives {
					continue
				}
				if positives {
					s.tryPositive(j+c, i+r, -float64(w))
				} else {
					s.tryNegative(j+c, i+r, float64(w))
				}
			}
		}
	}
}

// Fill sets all elements of x to v.
func Fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// tryNegative enters row j into the contest of row i for the nearest negative.
func (s *NearestSearch) tryNegative(i, j int, score float64) {
	s.near[i] = s.try(&s.rows[i].negative, i, j, score, -1)
}

// tryPositive enters row j into the contest of row i for the farthest positive.
func (s *NearestSearch) tryPositive(i, j int, score float64) {
	s.far[i] = s.try(&s.rows[i].positive, i, j, score, 1)
}

// try enters row j into a contest of row i and returns the least score that others need. Of two
// scores that differ by more than the slack the larger one is certainly the better row.
func (s *NearestSearch) try(c *contest, i, j int, score, sign float64) (least float32) {
	switch {
	case c.row < 0 || score > c.score+s.slack:
		*c = contest{j, score, math.NaN()}
	case score >= c.score-s.slack:
		if c.distance != c.distance {
			c.distance = sign * s.distance(i, c.row)
		}
		if d := sign * s.distance(i, j); d > c.distance || (d == c.distance && s.order[j] < s.order[c.row]) {
			c.row, c.distance = j, d
		}
		c.score = max(c.score, score)
	}
	return float32(c.score - s.slack - s.margin)
}

// distance measures the squared distance of rows i and j.
func (s *NearestSearch) distance(i, j int) float64 {
	x, y := s.x.Row(i), s.x.Row(j)
	d := float64(simd.SquaredDistance(x, y))
	if d < 0x1p-80 || d > math.MaxFloat32 {
		// Squares that float32 does not hold would make distances equal that are not.
		return SquaredDistance(x, y)
	}
	return d
}

// searchAll searches row i among all rows by distances, for rows whose dot products may exceed
// float32. Equal scores decide nothing, so all are measured.
func (s *NearestSearch) searchAll(_, i int) {
	for j := range s.rows {
		switch {
		case j < s.rows[i].lo || j >= s.rows[i].hi:
			s.tryNegative(i, j, 0)
		case j != i:
			s.tryPositive(i, j, 0)
		}
	}
}
