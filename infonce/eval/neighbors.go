package eval

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Neighbor is a row of a gallery, as a query sees it.
type Neighbor struct {
	Row    int     // of the gallery
	Cosine float32 // of the angle to the query
}

// Neighbors returns for each row of queries (n×d) the k rows of gallery (m×d) that
// are nearest by cosine, or all m where k is larger, nearest first. Among equals the
// lower row comes first.
//
// The cosine with a row of zeros is 0; with one that is not finite it counts as
// −Inf. The result does not depend on workers, of which 0 means GOMAXPROCS.
//
// Queries meet the gallery block by block, so that memory is O(n·(d+k)) and a block,
// whatever m is. Neighbors panics with a *simd.ShapeError where k is negative or the
// columns differ.
func Neighbors(queries, gallery simd.Matrix, k, workers int) [][]Neighbor {
	const op = "eval.Neighbors"
	queries.Check(op, "queries", -1, -1)
	gallery.Check(op, "gallery", -1, queries.Cols)
	if k < 0 {
		panic(&simd.ShapeError{Op: op, Arg: "k", Got: fmt.Sprint(k), Want: "at least 0"})
	}
	n, d := queries.Rows, queries.Cols
	k = min(k, gallery.Rows)
	s := search{nearest: make([][]Neighbor, n)}
	all := make([]Neighbor, n*k)
	for i := range s.nearest {
		s.nearest[i] = all[i*k : i*k : (i+1)*k]
	}
	if n == 0 || k == 0 {
		return s.nearest
	}

	queryNorms := make([]float32, n)
	s.queries = normalize(simd.NewMatrix(n, d), queries, queryNorms, workers)
	block := min(blockRows, gallery.Rows)
	unit, norms := simd.NewMatrix(block, d), make([]float32, block)
	s.cosines = simd.NewMatrix(min(par.Workers(workers), pieces(n))*pieceRows, block)
	for s.first = 0; s.first < gallery.Rows; s.first += block {
		s.rows = min(block, gallery.Rows-s.first)
		b := gallery.Slice(s.first, s.first+s.rows)
		s.block.PackTrans(normalize(unit.Slice(0, s.rows), b, norms[:s.rows], workers))
		par.Do(workers, pieces(n), &s)
	}
	return s.nearest
}

// blockRows is the number of rows of the gallery that are searched at a time: as
// many cosines of a piece as the second-level cache holds, and not a multiple of 1024,
// for rows a multiple of 4 KiB apart compete for the same lines of the first-level cache.
// pieceRows is the number of queries that are one piece of work, a multiple of all tile
// heights. The result depends on neither.
const (
	blockRows = 4080
	pieceRows = 48
)

func pieces(rows int) int { return (rows + pieceRows - 1) / pieceRows }

// A search is a task whose pieces are queries, for one block of the gallery.
type search struct {
	queries     simd.Matrix // unit rows
	block       simd.Packed // unit rows of the gallery, transposed
	first, rows int         // where the block lies in the gallery
	cosines     simd.Matrix // pieceRows rows for each worker
	nearest     [][]Neighbor
}

// Run looks for neighbours of the queries of a piece among the rows of the block.
func (s *search) Run(worker, piece int) {
	lo, hi := piece*pieceRows, min((piece+1)*pieceRows, s.queries.Rows)
	c := s.cosines.Slice(worker*pieceRows, worker*pieceRows+hi-lo)
	c.Cols = s.rows
	s.block.Mul(c, 1, s.queries.Slice(lo, hi))
	for i := range c.Rows {
		s.nearest[lo+i] = insert(s.nearest[lo+i], s.first, c.Row(i))
	}
}

// insert adds rows, the first of which is row first, to the neighbours of a query, as
// long as there is room or they are nearer than the last.
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

// normalize stores the unit rows of src in dst, which it returns.
func normalize(dst, src simd.Matrix, norms []float32, workers int) simd.Matrix {
	par.Do(workers, pieces(src.Rows), &normalizeRows{dst, src, norms})
	return dst
}

// normalizeRows is a task whose pieces are rows.
type normalizeRows struct {
	dst, src simd.Matrix
	norms    []float32
}

func (t *normalizeRows) Run(_, piece int) {
	lo, hi := piece*pieceRows, min((piece+1)*pieceRows, t.src.Rows)
	simd.NormalizeRows(t.dst.Slice(lo, hi), t.src.Slice(lo, hi), t.norms[lo:hi])
}
