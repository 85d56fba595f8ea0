package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
)

// Triplet pulls each anchor towards its positive and pushes it away from its negative:
//
//	L = mean_i max(0, v_i),  v_i = d(a_i, p_i) − d(a_i, n_i) + margin
//
// with the Euclidean distance d (Weinberger and Saul 2009; Schroff et al. 2015). At v = 0 and at d
// = 0 the subgradient is 0.
//
// It reads Q (anchors), K (positives) and Negatives, all n×d; or, where Triplets is not nil, only
// that list of triples of rows of Q (n×d). A row may be in any number of triples, and an index that
// is no row is an error. Weights are those of the triplets. [Result].Active counts those with a
// loss above 0. An empty batch has loss 0. The zero value is ready to use.
type Triplet struct {
	Margin    float32   // 0 means 1, and 0 with Soft
	Squared   bool      // squared distances
	Swap      bool      // d(p, n) instead of d(a, n) where it is smaller (Balntas et al. 2016)
	Soft      bool      // ln(1 + e^v) instead of max(0, v) (Hermans et al. 2017)
	Normalize bool      // bring the rows to norm 1 first
	Reduction Reduction // of the triplets
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	// To match other libraries: d(x, y) is √(Σ_j (x_j − y_j + CoordinateEpsilon)² + RootEpsilon).
	// PyTorch has 1e-6 for the first, optax for the second; 0 is the distance itself.
	CoordinateEpsilon, RootEpsilon float32

	hinge  hinge
	terms  terms
	scores []tripletScore
	listed triples
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *Triplet) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.Triplet"
	workers := par.Workers(l.Workers)
	var err error
	if l.hinge, err = newHinge(op, l.Margin, l.Squared, l.Soft); err != nil {
		return Result{}, err
	}
	l.hinge.swap, l.hinge.coordinate, l.hinge.root = l.Swap, float64(l.CoordinateEpsilon), float64(l.RootEpsilon)
	if err := cmp.Or(checkEpsilon(op, "CoordinateEpsilon", l.CoordinateEpsilon), checkEpsilon(op, "RootEpsilon", l.RootEpsilon)); err != nil {
		return Result{}, err
	}
	if b.Triplets != nil {
		return l.listed.evaluateRows(op, l.hinge, workers, l.Normalize, b, l.Reduction, grad, scale)
	}
	l.scores = tile.Grow(l.scores, b.Q.Rows)
	return l.terms.evaluate(termSettings{
		op: op, sideCount: 3, each: 1, normalize: l.Normalize, reduction: l.Reduction, workers: workers,
	}, l, b, grad, scale)
}

func checkEpsilon(op, name string, eps float32) error {
	if !(eps >= 0) || eps-eps != 0 {
		return fmt.Errorf("%s: %s is %v, want a finite number, 0 or above", op, name, eps)
	}
	return nil
}

func (l *Triplet) score(i int, losses []float64) {
	losses[0], l.scores[i] = l.hinge.triplet(l.terms.row(0, i), l.terms.row(1, i), l.terms.row(2, i))
}

func (l *Triplet) addGrad(i int, w float64, g termGrad) {
	l.hinge.addGrad(g.q, g.k, g.n, l.terms.row(0, i), l.terms.row(1, i), l.terms.row(2, i), l.scores[i], w, g.diff)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *Triplet) MemoryEstimate(b Batch) int64 {
	if len(b.Triplets) > 0 {
		e := memoryEstimate{d: b.Q.Cols, unit: l.Normalize}
		return e.sides(b.Q.Rows, 0) + estimateTriples(len(b.Triplets), 1)
	}
	return estimateTerms(b, 3, l.Normalize) + estimateTriples(b.Q.Rows, 1)
}
