package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// InfoNCE scores each query against its key, the positive, and negatives:
//
//	L = mean_i ( −z_ii + ln Σ_j e^z_ij ),  z_ij = s(q_i, k_j)/τ
//
// where s is the cosine, j runs over the candidates of query i, and τ is the temperature (van den
// Oord et al. 2018, eq. 4). The candidates are
//
//   - all rows of K, where the batch has no Negatives. K may have more rows than Q; those are
//     negatives for all queries.
//   - row i of K and all rows of Negatives, where it has some (He et al. 2020).
//   - with PairedNegatives, row i of K and rows i·m to (i+1)·m − 1 of Negatives, which has n·m
//     rows.
//
// It reads Q (n×d), K (n×d, or m×d with m ≥ n in the first case), Negatives (m×d), IDs and Weights
// (of the queries). The loss is at least 0, and ln n where all logits of n candidates are equal. An
// empty batch has loss 0.
//
// With InBatch it is the multiple-negatives ranking loss with hard negatives (Henderson et al.
// 2017), usually at temperature 0.05.
//
// The zero value is ready to use.
type InfoNCE struct {
	Temperature     float32        // 0 means 0.07
	Symmetric       bool           // also keys against queries (CLIP, Radford et al. 2021)
	InBatch         bool           // all rows of K are candidates also where there are Negatives
	PairedNegatives bool           // each query has negatives of its own
	LabelSmoothing  float32        // share of the target spread over all candidates (Szegedy et al. 2016)
	FalseNegatives  FalseNegatives // candidates too much like the positive to be negatives

	// Exclude reports whether candidate j of query i takes no part: a row of K, or with Negatives
	// one of them, or with InBatch both in this order. It is called concurrently for different
	// queries, and not for the positive among the rows of K. nil excludes none.
	Exclude func(i, j int) bool

	DotProduct   bool           // compare by dot product; by default rows are normalised inside
	Reduction    Reduction      // Mean or Sum over the queries
	Workers      int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision    simd.Precision // of matrix products; those of PairedNegatives are always Float32
	MemoryBudget int64          // bytes of copies and exponentials, see [DefaultMemoryBudget]

	softmax  softmaxLoss
	own      pairedNegatives
	streamed tile.Streamed
	smooth   smoothing
	filter   falseNegatives
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *InfoNCE) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.InfoNCE"
	s, n := &l.softmax, b.Q.Rows
	l.checkShapes(op, b, grad)
	err := s.begin(softmaxSettings{
		op: op, temperature: l.Temperature, standard: 0.07, dot: l.DotProduct,
		reduction: l.Reduction, workers: l.Workers, precision: l.Precision, budget: l.MemoryBudget,
	}, b, grad, b.K.Rows+b.Negatives.Rows)
	if err := cmp.Or(err, l.checkOptions(op, b)); err != nil {
		return Result{}, err
	}
	if l.streams(b) {
		if r, ok, err := l.evaluateStreamed(b, grad, scale); ok {
			return r, err
		}
	}
	if err := l.load(b, grad); err != nil {
		return Result{}, err
	}
	r := s.result(nil, n)
	r.Loss, r.Losses = l.regime(b)(l)
	r.Bound = l.bound(r.Loss, b)
	if l.LabelSmoothing > 0 {
		r.Loss += l.smooth.add(l.LabelSmoothing, s, l.Symmetric, r.Losses)
	}
	return s.finish(r, scale)
}

// load takes over the rows of b, and the rules for leaving out candidates.
func (l *InfoNCE) load(b Batch, grad *Batch) error {
	s, g := &l.softmax, gradOf(grad)
	s.in.load(&s.q, "Q", b.Q, g.Q, s.want)
	if l.stacks(b) {
		s.in.stack(&s.k, "K", b.K, g.K, "Negatives", b.Negatives, g.Negatives, s.want)
	} else {
		s.in.load(&s.k, "K", b.K, g.K, s.want && (g.K.Data != nil || b.Negatives.Rows > 0))
		s.in.load(&s.neg, "Negatives", b.Negatives, g.Negatives, s.want && g.Negatives.Data != nil)
	}
	if err := s.loaded(b.Q.Rows); err != nil {
		return err
	}
	s.sweep.Filter = nil
	if l.filters() {
		s.sweep.Filter = &l.filter
		return l.filter.load(l, b)
	}
	return nil
}

// stacks reports whether negatives are candidates like the rows of K.
func (l *InfoNCE) stacks(b Batch) bool { return l.InBatch && b.Negatives.Rows > 0 }

// A regime scores the queries that are loaded, and returns the loss and that of each query.
type regime = func(l *InfoNCE) (loss float64, losses []float64)

// regime returns how b is scored.
func (l *InfoNCE) regime(b Batch) regime {
	switch {
	case l.Symmetric:
		return (*InfoNCE).bothWays
	case b.Negatives.Rows == 0 || l.InBatch:
		return (*InfoNCE).allKeys
	case l.PairedNegatives:
		return (*InfoNCE).ownNegatives
	}
	return (*InfoNCE).sharedNegatives
}

// allKeys tells the key of a query from all other keys.
func (l *InfoNCE) allKeys() (loss float64, losses []float64) {
	s := &l.softmax
	s.rows.Run(&s.sweep, &s.q, &s.k, s.task)
	return s.reduce(s.rows.Losses), s.rows.Losses
}

// sharedNegatives tells the key of a query from negatives that all queries have.
func (l *InfoNCE) sharedNegatives() (loss float64, losses []float64) {
	s := &l.softmax
	s.rows.RunShared(&s.sweep, &s.q, &s.k, &s.neg, s.task)
	return s.reduce(s.rows.Losses), s.rows.Losses
}

// ownNegatives tells the key of a query from negatives that it alone has.
func (l *InfoNCE) ownNegatives() (loss float64, losses []float64) {
	s := &l.softmax
	s.precision = simd.Float32 // there are no products of matrices
	l.own.run(&s.q, &s.k, &s.neg, s.task)
	return s.reduce(l.own.loss), l.own.loss
}

// bothWays tells the key of a query from all keys, and the query of a key from all queries.
func (l *InfoNCE) bothWays() (loss float64, losses []float64) {
	s := &l.softmax
	s.two.BothWays(&s.sweep, &s.q, &s.k, s.task)
	rows, cols := s.two.Rows.Losses, s.two.Cols.Losses[:s.q.X.Rows]
	loss = (s.reduce(rows) + s.reduce(cols)) / 2
	for i, l := range cols {
		rows[i] = (rows[i] + l) / 2
	}
	return loss, rows
}

// bound returns the bound of the error of the loss before smoothing. There is none with
// FalseNegatives, whose choices depend on rounding.
func (l *InfoNCE) bound(loss float64, b Batch) float64 {
	if l.FalseNegatives != (FalseNegatives{}) {
		return 0
	}
	s := &l.softmax
	n, m := b.Q.Rows, b.K.Rows+b.Negatives.Rows
	e, weight := s.logitError(), s.mass(n)
	bound := e.softmax(loss, weight, n, m, l.Symmetric && s.carried())
	if l.LabelSmoothing > 0 {
		bound += e.smoothing(float64(l.LabelSmoothing), weight)
	}
	return bound
}

// checkShapes panics unless matrices that belong together do.
func (l *InfoNCE) checkShapes(op string, b Batch, grad *Batch) {
	n, d := b.Q.Rows, b.Q.Cols
	b.Q.Check(op, "Q", -1, -1)
	b.K.Check(op, "K", -1, d)
	if b.Negatives.Rows > 0 {
		b.Negatives.Check(op, "Negatives", -1, d)
	}
	switch explicit := b.Negatives.Rows > 0; {
	case b.K.Rows < n || ((l.Symmetric || explicit) && b.K.Rows != n):
		panic(&simd.ShapeError{Op: op, Arg: "K", Got: fmt.Sprintf("%d×%d", b.K.Rows, d), Want: fmt.Sprintf("%d×%d", n, d)})
	case explicit && l.PairedNegatives && (n == 0 || b.Negatives.Rows%n != 0):
		panic(&simd.ShapeError{Op: op, Arg: "Negatives", Got: fmt.Sprintf("%d×%d", b.Negatives.Rows, d), Want: fmt.Sprintf("a multiple of %d rows", n)})
	}
	if grad != nil {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
		checkGrad(op, "grad.K", grad.K, b.K)
		checkGrad(op, "grad.Negatives", grad.Negatives, b.Negatives)
	}
}

// checkOptions returns an error for options that do not go together.
func (l *InfoNCE) checkOptions(op string, b Batch) error {
	own := b.Negatives.Rows > 0 && !l.InBatch // each query has its key and Negatives only
	switch e := l.LabelSmoothing; {
	case own && l.Symmetric:
		return fmt.Errorf("%s: Symmetric with Negatives: keys have no negatives of their own, want InBatch too", op)
	case l.InBatch && l.PairedNegatives:
		return fmt.Errorf("%s: InBatch with PairedNegatives: negatives are either for all queries or for one", op)
	case e != 0 && (l.PairedNegatives || len(b.IDs) > 0 || l.filters()):
		return fmt.Errorf("%s: LabelSmoothing with PairedNegatives, IDs, FalseNegatives or Exclude: want all rows to have the same candidates", op)
	case l.filters() && (l.Symmetric || l.PairedNegatives):
		return fmt.Errorf("%s: FalseNegatives or Exclude with Symmetric or PairedNegatives: want queries against shared candidates", op)
	case !(e >= 0 && e < 1):
		return fmt.Errorf("%s: label smoothing is %v, want a number from 0 to below 1", op, e)
	}
	return l.FalseNegatives.check(op)
}

// filters reports whether some candidates may be removed before the loss sees them.
func (l *InfoNCE) filters() bool { return l.FalseNegatives != FalseNegatives{} || l.Exclude != nil }

// MemoryEstimate implements [MemoryEstimator].
func (l *InfoNCE) MemoryEstimate(b Batch) int64 {
	n, m, x := b.Q.Rows, b.K.Rows, b.Negatives.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: l.Workers, precision: l.Precision, unit: !l.DotProduct, budget: memoryBudget(l.MemoryBudget)}
	switch {
	case l.streams(b):
		return e.streamed(n, m)
	case l.stacks(b):
		e.copies = true
		return e.sides(n, m+x) + e.sweep(n, m+x, l.Symmetric, false)
	case x == 0:
		return e.sides(n, m) + e.sweep(n, m, l.Symmetric, false)
	case l.PairedNegatives:
		return e.sides(n, m+x)
	}
	return e.sides(n, m+x) + e.sweep(n, x, false, false)
}
