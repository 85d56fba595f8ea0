package eval

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Pairs are pairs of rows for verification.
type Pairs struct {
	A, B []int  // the rows of each pair
	Same []bool // whether they have the same label
}

// AllPairs returns all pairs (i, j), i < j, of rows with the given labels, ordered by i and then j.
// They are n(n−1)/2, and take 17 bytes each.
func AllPairs(labels []int) Pairs {
	n := len(labels)
	total := n * max(n-1, 0) / 2
	p := Pairs{make([]int, 0, total), make([]int, 0, total), make([]bool, 0, total)}
	for i := range n {
		for j := i + 1; j < n; j++ {
			p.add(i, j, labels[i] == labels[j])
		}
	}
	return p
}

// SamplePairs returns n pairs of the same label and then n pairs of different labels, or all pairs
// of a kind that has fewer. All pairs of a kind are equally likely, and none comes twice. The same
// seed gives the same pairs.
func SamplePairs(labels []int, n int, seed uint64) Pairs {
	const op = "eval.SamplePairs"
	if n < 0 {
		panic(&simd.ShapeError{Op: op, Arg: "n", Got: fmt.Sprint(n), Want: "at least 0"})
	}
	// Rows in the order of their labels: of the rows behind a row, those of its label come first.
	rows := make([]int, len(labels))
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(i, j int) int {
		switch {
		case labels[i] < labels[j]:
			return -1
		case labels[i] > labels[j]:
			return 1
		}
		return 0
	})
	ends := make([]int, len(rows)) // for each place, where the rows with the label of the row there end
	for at := len(rows) - 1; at >= 0; at-- {
		ends[at] = at + 1
		if at+1 < len(rows) && labels[rows[at+1]] == labels[rows[at]] {
			ends[at] = ends[at+1]
		}
	}
	var p Pairs
	for kind, same := range []bool{true, false} {
		before := make([]int64, len(rows)+1) // pairs of this kind whose first row is at an earlier place
		for at, end := range ends {
			before[at+1] = before[at] + int64(len(rows)-end)
			if same {
				before[at+1] = before[at] + int64(end-at-1)
			}
		}
		total := before[len(rows)]
		// Fisher and Yates' shuffle of the numbers of all pairs, which stores only those that have
		// moved.
		moved := make(map[int64]int64)
		value := func(i int64) int64 {
			if v, ok := moved[i]; ok {
				return v
			}
			return i
		}
		r := rand.New(rand.NewPCG(seed, uint64(kind)))
		for i := range min(int64(n), total) {
			j := i + r.Int64N(total-i)
			number := value(j)
			moved[j] = value(i)
			at, found := slices.BinarySearch(before, number)
			if !found {
				at--
			}
			for before[at+1] == number { // skip places that are first in no pair
				at++
			}
			partner := ends[at]
			if same {
				partner = at + 1
			}
			a, b := rows[at], rows[partner+int(number-before[at])]
			p.add(min(a, b), max(a, b), same)
		}
	}
	return p
}

func (p *Pairs) add(a, b int, same bool) {
	p.A, p.B, p.Same = append(p.A, a), append(p.B, b), append(p.Same, same)
}

// Scores returns the similarity of the two rows of each pair, which are rows of x (n×d): the
// higher, the more similar. Distances are computed from differences, and negated. Workers is the
// number of goroutines, 0 for GOMAXPROCS; the result does not depend on it. Scores panics with a
// *simd.ShapeError if x lacks a row of a pair.
func (p Pairs) Scores(x simd.Matrix, m Metric, workers int) []float32 {
	const op = "eval.Pairs.Scores"
	x.Check(op, "x", -1, -1)
	m.check(op)
	if len(p.B) != len(p.A) {
		panic(&simd.ShapeError{Op: op, Arg: "B", Got: fmt.Sprintf("of length %d", len(p.B)), Want: fmt.Sprintf("of length %d", len(p.A))})
	}
	for i := range p.A {
		for _, row := range [...]int{p.A[i], p.B[i]} {
			if row < 0 || row >= x.Rows {
				panic(&simd.ShapeError{Op: op, Arg: fmt.Sprintf("pair %d", i), Got: fmt.Sprintf("of row %d", row), Want: fmt.Sprintf("of one of %d", x.Rows)})
			}
		}
	}
	workers = par.Workers(workers)
	if m == Cosine {
		x = normalize(simd.NewMatrix(x.Rows, x.Cols), x, make([]float32, x.Rows), workers)
	}
	t := pairScores{p, x, m, make([]float32, len(p.A))}
	par.Ranges(workers, len(p.A), pairsOfPiece, &t, (*pairScores).score)
	return t.scores
}

// pairsOfPiece is how many pairs are one piece of work.
const pairsOfPiece = 512

type pairScores struct {
	Pairs
	x      simd.Matrix
	metric Metric
	scores []float32
}

func (t *pairScores) score(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		t.scores[i] = t.metric.score(t.x.Row(t.A[i]), t.x.Row(t.B[i]))
	}
}
