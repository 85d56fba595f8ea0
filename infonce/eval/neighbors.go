package eval

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Neighbor is a row of the gallery near a query.
type Neighbor struct {
	Row    int     // of the gallery
	Cosine float32 // of the angle to the query
}

// Neighbors returns, for each row of queries (n×d), the k rows of gallery (m×d) that are nearest by
// cosine, nearest first, or all m if k is larger. Among equals the lower row comes first.
//
// The cosine with a row of zeros is 0; with a row that is not finite it counts as −Inf. Workers is
// the number of goroutines, 0 for GOMAXPROCS; the result does not depend on it.
//
// The gallery is searched block by block, so that memory is O(n·(d+k)) and one block, whatever m
// is. Neighbors panics with a *simd.ShapeError if k is negative or the columns differ.
func Neighbors(queries, gallery simd.Matrix, k, workers int) [][]Neighbor {
	const op = "eval.Neighbors"
	queries.Check(op, "queries", -1, -1)
	gallery.Check(op, "gallery", -1, queries.Cols)
	if k < 0 {
		panic(&simd.ShapeError{Op: op, Arg: "k", Got: fmt.Sprint(k), Want: "at least 0"})
	}
	n, d := queries.Rows, queries.Cols
	k = min(k, gallery.Rows)
	s := nearestSearch{nearest: make([][]Neighbor, n)}
	all := make([]Neighbor, n*k)
	for i := range s.nearest {
		s.nearest[i] = all[i*k : i*k : (i+1)*k]
	}
	if n == 0 || k == 0 {
		return s.nearest
	}

	workers = par.Workers(workers)
	queryNorms := make([]float32, n)
	s.queries = normalize(simd.NewMatrix(n, d), queries, queryNorms, workers)
	block := min(blockRows, gallery.Rows)
	unit, norms := simd.NewMatrix(block, d), make([]float32, block)
	s.cosines = simd.NewMatrix(busy(workers, n, pieceRows)*pieceRows, block)
	for s.first = 0; s.first < gallery.Rows; s.first += block {
		s.rows = min(block, gallery.Rows-s.first)
		b := gallery.Slice(s.first, s.first+s.rows)
		s.block.PackTrans(normalize(unit.Slice(0, s.rows), b, norms[:s.rows], workers))
		par.Ranges(workers, n, pieceRows, &s, (*nearestSearch).visit)
	}
	return s.nearest
}

// The result depends on neither of these.
const (
	// blockRows is how many rows of the gallery are searched at a time: the cosines of a piece fit
	// the second-level cache. It is not a multiple of 1024, because rows a multiple of 4 KiB apart
	// compete for the same lines of the first-level cache.
	blockRows = 4080

	// pieceRows is how many queries are one piece of work, a multiple of all tile heights.
	pieceRows = 48
)

// busy returns the number of workers that can have a range, when n is cut into ranges of size: as
// much scratch memory is needed.
func busy(workers, n, size int) int { return min(workers, (n+size-1)/size) }

// A nearestSearch looks through one block of the gallery.
type nearestSearch struct {
	queries     simd.Matrix // unit rows
	block       simd.Packed // unit rows of the gallery, transposed
	first, rows int         // where the block lies in the gallery
	cosines     simd.Matrix // pieceRows rows for each worker
	nearest     [][]Neighbor
}

// visit looks for neighbours of queries [lo, hi) among the rows of the block.
func (s *nearestSearch) visit(worker, lo, hi int) {
	c := s.cosines.Slice(worker*pieceRows, worker*pieceRows+hi-lo)
	c.Cols = s.rows
	s.block.Mul(c, 1, s.queries.Slice(lo, hi))
	for i := range c.Rows {
		s.nearest[lo+i] = insert(s.nearest[lo+i], s.first, c.Row(i))
	}
}

// insert adds rows of the gallery, starting at row first, to the neighbours of a query, if there is
// room or they are nearer than the last neighbour.
func insert(near []Neighbor, first int, cosines []float32) []Neighbor {
	last := float32(math.Inf(-1))
	if len(near) == cap(near) {
		last = near[len(near)-1].Cosine
	}
	for j, c := range cosines {
		if len(near) == cap(near) && !(c > last) {
			continue
		}
		if c != c {
			c = float32(math.Inf(-1))
		}
		if len(near) < cap(near) {
			near = near[:len(near)+1]
		}
		at := len(near) - 1
		for ; at > 0 && near[at-1].Cosine < c; at-- {
			near[at] = near[at-1]
		}
		near[at] = Neighbor{first + j, c}
		last = near[len(near)-1].Cosine
	}
	return near
}

// normalize stores the unit rows of src in dst, and returns dst.
func normalize(dst, src simd.Matrix, norms []float32, workers int) simd.Matrix {
	par.Ranges(workers, src.Rows, pieceRows, &normalization{dst, src, norms}, (*normalization).rows)
	return dst
}

type normalization struct {
	dst, src simd.Matrix
	norms    []float32
}

func (t *normalization) rows(_, lo, hi int) {
	simd.NormalizeRows(t.dst.Slice(lo, hi), t.src.Slice(lo, hi), t.norms[lo:hi])
}
