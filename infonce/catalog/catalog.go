// Package catalog is the one table of the losses of package infonce, for what offers, measures or
// checks all of them. A row says what a loss reads, who published it and how the command line names
// it, and has cases: the loss in some settings, each with an oracle in float64.
//
//	for _, l := range catalog.Losses() {
//		for _, c := range l.Cases(catalog.Settings{Temperature: 0.07, Scale: 20}) {
//			b := c.Batch(random, 100, 32, 0.5)
//			result, err := c.New(0).Evaluate(b, nil, 1)
//			loss, gradient := c.Oracle(b)
//		}
//	}
//
// The README, the command, the golden hashes, the benchmarks and the tests of all losses iterate
// over the table, so that a new loss is one row here beside its own files. Package infonce does not
// import it: only programs that do link the oracles.
package catalog

import (
	"slices"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// A Loss is a row of the table.
type Loss struct {
	Name  string // of the type in package infonce
	About string // what is compared with what, for the list in the package's documentation

	// Uses are the rows of the README; neighbours of the same title share one.
	Uses []Use

	// Commands are the values of --loss that train with it.
	Commands []Command

	// Varies says which of the settings change its cases.
	Varies Variation

	// Cases returns the loss in each of its options, as far as they have an oracle.
	Cases func(s Settings) []Case

	// Golden are the cases whose bits are recorded, by names that stay. They have no oracle, and
	// New may return the same value at each call: they are not for use side by side.
	Golden []Case

	// Bench are the cases that are measured.
	Bench []Case
}

// A Use is a row of the README: a title, the type with the field that makes the difference, the
// fields of a Batch that are read, and the paper.
type Use struct {
	Title, Type, Reads, Paper string
}

// A Command is a value of --loss.
type Command struct {
	Name, Title string
	Labelled    bool           // a batch has several samples of each class, one view each
	Margin      bool           // the flag --margin counts
	Defaults    map[string]any // of flags, where they differ from those of other losses

	// New returns the loss, and where its temperature is, or nil where it has none.
	New func(s Settings) (infonce.Loss, *float32)
}

// Settings are the settings that cases and commands are made with. A loss ignores those that it
// does not have. 0 means the default of the loss, but for Temperature and Scale of Cases, which
// must be above 0.
type Settings struct {
	Temperature float32
	DotProduct  bool
	Margin      float32
	Normalize   bool
	Scale       float32
	Seed        uint64 // of what is drawn at random
	Workers     int    // of commands; a case gets it in New
}

// A Variation says which settings change the cases of a loss.
type Variation int

const (
	ByNothing     Variation = iota // none: the cases have fixed settings
	ByTemperature                  // Temperature and DotProduct
	ByMargin                       // Margin and Normalize
	ByScale                        // Scale and Margin
)

// A Case is a loss in one setting.
type Case struct {
	Name string
	New  func(workers int) infonce.Loss

	// Oracle returns the loss and its gradients in float64, by the formula as it was published.
	Oracle func(b infonce.Batch) (float64, ref.Grad)

	Shape
	Rounding

	// Flops counts the operations of value and gradients when they are computed the plain way; nil
	// of cases that are not measured.
	Flops func(n, d float64) float64

	// Detached: the gradient is not that of the value, because the loss takes weights or choices
	// for constants.
	Detached bool
}

// A Shape says what a batch for a case holds beside n rows of Q.
type Shape struct {
	Keys, Negatives func(n int) int // rows of K and Negatives; nil is none
	Labels          bool            // labels of the rows of Q
	Classes         bool            // labels that are rows of K
	Choices         []int           // labels of pairs
	Triplets        bool            // a list of rows of Q
	IDs, Weights    bool
	Guide           bool // embeddings by another model
}

// Random is a source of random numbers.
type Random interface {
	IntN(n int) int
	Normals32(n int) []float32 // of mean 0 and variance 1
}

// Batch returns a batch of n rows of d normal numbers. With a spread above 0 row i of K is row i of
// Q plus spread times normal numbers, and of the class i; otherwise K is as random as the rest.
func (s Shape) Batch(r Random, n, d int, spread float32) infonce.Batch {
	matrix := func(rows int) simd.Matrix {
		return simd.Matrix{Rows: rows, Cols: d, Stride: d, Data: r.Normals32(rows * d)}
	}
	b := infonce.Batch{Q: matrix(n), K: matrix(s.KeyRows(n)), Negatives: matrix(s.NegativeRows(n))}
	if spread > 0 {
		for i := range min(n, b.K.Rows) {
			for j, q := range b.Q.Row(i) {
				b.K.Row(i)[j] = q + float32(spread*b.K.Row(i)[j])
			}
		}
	}
	if s.IDs {
		for range b.K.Rows + b.Negatives.Rows {
			b.IDs = append(b.IDs, r.IntN(n+1))
		}
	}
	if s.Weights {
		for range n {
			b.Weights = append(b.Weights, []float32{0, 0.5, 1, 3}[r.IntN(4)])
		}
	}
	if s.Labels || s.Classes || s.Choices != nil {
		b.Labels = make([]int, n)
	}
	for i := range b.Labels {
		switch {
		case s.Labels:
			b.Labels[i] = r.IntN(n/3+1) - 1
		case s.Choices != nil:
			b.Labels[i] = s.Choices[r.IntN(len(s.Choices))]
		case spread > 0 && i < b.K.Rows:
			b.Labels[i] = i
		default:
			b.Labels[i] = r.IntN(b.K.Rows)
		}
	}
	if s.Triplets {
		b.Triplets = make([]infonce.Triple, 2*n)
		for i := range b.Triplets {
			b.Triplets[i] = infonce.Triple{A: r.IntN(n), P: r.IntN(n), N: r.IntN(n)}
		}
	}
	return b
}

// KeyRows returns how many rows of K go with n rows of Q.
func (s Shape) KeyRows(n int) int { return rows(s.Keys, n) }

// NegativeRows returns how many rows of Negatives go with n rows of Q.
func (s Shape) NegativeRows(n int) int { return rows(s.Negatives, n) }

func rows(f func(n int) int, n int) int {
	if f == nil {
		return 0
	}
	return f(n)
}

// same returns n: one row for each row of Q.
func same(n int) int { return n }

// Losses returns the table in the order of the README.
func Losses() []Loss {
	return slices.Concat(softmaxLosses(), viewLosses(), distanceLosses(), cosineLosses(), pairLosses())
}

// Cases returns the cases of all losses that v applies to.
func Cases(v Variation, s Settings) []Case {
	var cases []Case
	for _, l := range Losses() {
		if l.Varies == v {
			cases = append(cases, l.Cases(s)...)
		}
	}
	return cases
}

// Commands returns the values of --loss.
func Commands() []Command {
	var commands []Command
	for _, l := range Losses() {
		commands = append(commands, l.Commands...)
	}
	return commands
}
