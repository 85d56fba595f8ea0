package eval

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// Pairs are pairs of rows, to be told apart by whether both are of the same label.
type Pairs struct {
	A, B []int // rows
	Same []bool
}

// AllPairs returns all pairs (i, j), i < j, of rows with the given labels, ordered by i and then j: n(n−1)/2, of 17 bytes each.
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

// SamplePairs returns n pairs of the same label, and after these n pairs of different labels; or all there are, where there
// are less. All pairs of a kind are equally likely and none comes twice. The same seed gives the same pairs.
func SamplePairs(labels []int, n int, seed uint64) Pairs {
	const op = "eval.SamplePairs"
	if n < 0 {
		panic(&simd.ShapeError{Op: op, Arg: "n", Got: fmt.Sprint(n), Want: "at least 0"})
	}
	// Rows in the order of their labels: the partners of a row that lie behind it are first those of its label, then the others.
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
	ends := make([]int, len(rows)) // of the rows that have the label of the row at a place
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
		// A shuffle of all numbers of pairs, of which only those are kept that have moved (Fisher and Yates).
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
			for before[at+1] == number { // places that are first in no pair
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

// Scores returns how alike the rows of each pair are, rows of x (n×d): the higher, the more. Distances are taken from
// differences, and negated. The result does not depend on workers, of which 0 means GOMAXPROCS. Scores panics
// with a *simd.ShapeError where a pair names a row that x has not.
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
	if m == Cosine {
		x = normalize(simd.NewMatrix(x.Rows, x.Cols), x, make([]float32, x.Rows), workers)
	}
	t := pairTask{p, x, m, make([]float32, len(p.A))}
	par.Do(workers, (len(p.A)+pairsOfPiece-1)/pairsOfPiece, &t)
	return t.scores
}

// pairsOfPiece is the number of pairs that are one piece of work.
const pairsOfPiece = 512

// A pairTask is a task whose pieces are pairs.
type pairTask struct {
	Pairs
	x      simd.Matrix
	metric Metric
	scores []float32
}

func (t *pairTask) Run(_, piece int) {
	for i := piece * pairsOfPiece; i < min((piece+1)*pairsOfPiece, len(t.scores)); i++ {
		t.scores[i] = t.metric.score(t.x.Row(t.A[i]), t.x.Row(t.B[i]))
	}
}
