package eval

import (
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Probe is a linear probe: it fits a linear classifier to frozen embeddings, to see how well
// their classes can be separated (Alain & Bengio 2016; Chen et al. 2020, section 3).
//
// It is logistic regression with any number of classes. With each column of x standardised to mean
// 0 and deviation 1, it minimises, over the weights W with a row for each class and the biases b,
//
//	mean_i −ln softmax(W·x_i + b)[label_i] + L2/2·|W|²
//
// by L-BFGS (Liu & Nocedal 1989; Nocedal & Wright 2006, algorithm 7.5) from 0. The zero value is a
// useful probe.
type Probe struct {
	L2      float32 // 0 means 1/n for n rows, which is C = 1 of scikit-learn
	Steps   int     // at most; 0 means 200
	Workers int     // goroutines; 0 means GOMAXPROCS; the result does not depend on it
}

// A LinearClassifier is what a [Probe] has learnt. Goroutines may share it.
type LinearClassifier struct {
	Classes []int // ascending

	Loss      float64 // the minimised loss
	Gradient  float64 // the largest component of its gradient
	Steps     int     // taken
	Converged bool    // Gradient is at most 10⁻⁵, or no step in float32 lowers Loss; if not, more Steps may

	columns []standard
	weights simd.Matrix // len(Classes)×(d+1), for standard columns; the last column is the bias
}

// Fit learns from the rows of x (n×d) with the given labels, which may be any integers. A column
// whose elements are all equal is ignored. With a single class there is nothing to learn.
//
// Sums over rows are taken in float32 over 512 rows, and in float64 beyond. Fit takes memory for a
// copy of x, 240 bytes for each weight, and 512 rows of scores for each worker.
//
// Fit returns an error if there are no rows, an element is not finite, or L2 or Steps is negative.
// It panics with a *simd.ShapeError if the lengths differ.
func (p Probe) Fit(x simd.Matrix, labels []int) (*LinearClassifier, error) {
	const op = "eval.Probe"
	x.Check(op, "x", -1, -1)
	if len(labels) != x.Rows {
		panic(&simd.ShapeError{Op: op, Arg: "labels", Got: fmt.Sprintf("of length %d", len(labels)), Want: fmt.Sprintf("of length %d", x.Rows)})
	}
	switch {
	case x.Rows == 0:
		return nil, fmt.Errorf("%s: got no rows, want at least one", op)
	case !(p.L2 >= 0 && p.L2 <= math.MaxFloat32):
		return nil, fmt.Errorf("%s: L2 is %v, want a finite number of at least 0", op, p.L2)
	case p.Steps < 0:
		return nil, fmt.Errorf("%s: Steps is %d, want at least 0", op, p.Steps)
	}
	if err := checkFinite(op, x); err != nil {
		return nil, err
	}
	l2, steps := float64(p.L2), p.Steps
	if l2 == 0 {
		l2 = 1 / float64(x.Rows)
	}
	if steps == 0 {
		steps = 200
	}
	classes := slices.Clone(labels)
	slices.Sort(classes)
	c := &LinearClassifier{Classes: slices.Compact(classes), columns: standards(x)}
	t := probeLoss{x: simd.NewMatrix(x.Rows, x.Cols+1), class: make([]int, x.Rows), l2: l2, workers: par.Workers(p.Workers)}
	for i, label := range labels {
		t.class[i], _ = slices.BinarySearch(c.Classes, label)
		standardize(t.x.Row(i), x.Row(i), c.columns)
	}
	c.weights = simd.NewMatrix(len(c.Classes), x.Cols+1)
	t.start(c.weights)
	m := lbfgs{evaluate: t.evaluate, x: make([]float64, len(c.weights.Data)), tolerance: 1e-5}
	c.Loss, c.Gradient, c.Steps, c.Converged = m.minimize(steps)
	round(c.weights.Data, m.x)
	return c, nil
}

// Predict returns the class of each row of x (n×d): the one with the highest score, the lowest
// among equals. It returns an error if an element is not finite. Workers is the number of
// goroutines, 0 for GOMAXPROCS; the result does not depend on it.
func (c *LinearClassifier) Predict(x simd.Matrix, workers int) ([]int, error) {
	const op = "eval.LinearClassifier"
	x.Check(op, "x", -1, len(c.columns))
	if err := checkFinite(op, x); err != nil {
		return nil, err
	}
	workers = par.Workers(workers)
	t := prediction{c: c, x: x, labels: make([]int, x.Rows)}
	t.weights.PackTrans(c.weights)
	rows := busy(workers, x.Rows, pieceRows) * pieceRows
	t.standard, t.scores = simd.NewMatrix(rows, x.Cols+1), simd.NewMatrix(rows, len(c.Classes))
	par.Ranges(workers, x.Rows, pieceRows, &t, (*prediction).rows)
	return t.labels, nil
}

// Accuracy returns the share of the rows of x (n×d) whose class [LinearClassifier.Predict] gets
// right, 0 without rows. A label that is not among Classes counts as wrong. Accuracy panics with a
// *simd.ShapeError if the lengths differ.
func (c *LinearClassifier) Accuracy(x simd.Matrix, labels []int, workers int) (float64, error) {
	if len(labels) != x.Rows {
		panic(&simd.ShapeError{Op: "eval.LinearClassifier", Arg: "labels", Got: fmt.Sprintf("of length %d", len(labels)), Want: fmt.Sprintf("of length %d", x.Rows)})
	}
	predicted, err := c.Predict(x, workers)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, label := range predicted {
		if label == labels[i] {
			right++
		}
	}
	return float64(right) / float64(max(len(labels), 1)), nil
}

// checkFinite returns an error that names the first element that is not finite.
func checkFinite(op string, x simd.Matrix) error {
	for i := range x.Rows {
		row := x.Row(i)
		if j := slices.IndexFunc(row, func(v float32) bool { return v-v != 0 }); j >= 0 {
			return fmt.Errorf("%s: row %d, column %d is %v, want a finite number", op, i, j, row[j])
		}
	}
	return nil
}

// A standard is the mean of a column and 1/deviation, which is 0 if all elements are equal.
type standard struct{ mean, scale float64 }

func standards(x simd.Matrix) []standard {
	s := make([]standard, x.Cols)
	n := float64(x.Rows)
	for j := range s {
		// Relative to the first element: if all are equal, nothing remains, not even a rounding
		// error.
		first := float64(x.Row(0)[j])
		var sum, squares float64
		for i := range x.Rows {
			sum += float64(x.Row(i)[j]) - first
		}
		s[j].mean = first + sum/n
		for i := range x.Rows {
			d := float64(x.Row(i)[j]) - s[j].mean
			squares += float64(d * d)
		}
		if squares > 0 {
			s[j].scale = math.Sqrt(n / squares)
		}
	}
	return s
}

// standardize stores the standardised elements of x in dst, and after them 1 for the bias.
func standardize(dst, x []float32, s []standard) {
	const most = 1 << 40 // far beyond what Fit has seen; a sum of such products does not overflow
	for j, v := range x {
		dst[j] = float32(max(-most, min(most, (float64(v)-s[j].mean)*s[j].scale)))
	}
	dst[len(x)] = 1
}

// round stores x in dst.
func round(dst []float32, x []float64) {
	for i, v := range x {
		dst[i] = float32(v)
	}
}

type prediction struct {
	c                *LinearClassifier
	x                simd.Matrix
	weights          simd.Packed // transposed
	standard, scores simd.Matrix // pieceRows rows for each worker
	labels           []int
}

// rows predicts the classes of rows [lo, hi).
func (t *prediction) rows(worker, lo, hi int) {
	standard := t.standard.Slice(worker*pieceRows, worker*pieceRows+hi-lo)
	scores := t.scores.Slice(worker*pieceRows, worker*pieceRows+hi-lo)
	for i := range standard.Rows {
		standardize(standard.Row(i), t.x.Row(lo+i), t.c.columns)
	}
	t.weights.Mul(scores, 1, standard)
	for i := range scores.Rows {
		best := 0
		row := scores.Row(i)
		for j, v := range row {
			if v > row[best] {
				best = j
			}
		}
		t.labels[lo+i] = t.c.Classes[best]
	}
}
