package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
)

// BatchHard scores each labelled row against its farthest positive and its nearest
// negative in the batch (Hermans, Beyer and Leibe 2017, eq. 5):
//
//	L = mean_i max(0, v_i),  v_i = max_p d(x_i, x_p) − min_n d(x_i, x_n) + margin
//
// over the anchors that have a positive, another row of the same label, and a
// negative, a row of another label; Result.Valid counts them. Among equal distances the
// lowest row counts. Distances are computed from differences, so near duplicates are exact.
//
// It reads Q (n×d), Labels (n) and Weights of the anchors. With no valid anchor the loss is 0.
// The zero value is ready to use.
type BatchHard struct {
	Margin    float32   // 0 means 1, and 0 with Soft
	Squared   bool      // squared distances
	Soft      bool      // ln(1 + e^v) instead of max(0, v)
	Normalize bool      // bring the rows to norm 1 first
	Reduction Reduction // of the anchors
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	pass    tile.Sweep
	search  tile.NearestSearch
	list    []Triple // by anchor
	triples triples
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *BatchHard) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.BatchHard"
	workers := par.Workers(l.Workers)
	n := b.Q.Rows
	b.Q.Check(op, "Q", -1, -1)
	checkLen(op, "Labels", len(b.Labels), n)
	if grad != nil {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
	}
	loss, err := newHinge(op, l.Margin, l.Squared, l.Soft)
	if err != nil {
		return Result{}, err
	}
	zeroNorms, err := l.triples.load(op, workers, b.Q, l.Normalize, grad != nil)
	if err != nil {
		return Result{}, err
	}
	l.search.Run(&l.pass, workers, l.triples.x.X, l.Normalize && zeroNorms == 0, b.Labels)
	l.list = tile.Grow(l.list, n)
	for i, h := range l.search.Best {
		l.list[i] = Triple{i, h.Positive, h.Negative} // where one is −1, the triple is not valid
	}
	r, err := l.triples.evaluate(op, loss, l.list, b.Weights, l.Reduction, grad, scale)
	if err == nil {
		r.ZeroNorm = zeroNorms
	}
	return r, err
}

// MemoryEstimate implements [MemoryEstimator].
func (l *BatchHard) MemoryEstimate(b Batch) int64 {
	n := b.Q.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: l.Workers, unit: l.Normalize}
	return e.sides(n, 0) + 4*e.size(n, 1) + e.search(n, true) + estimateTriples(n, 1)
}
