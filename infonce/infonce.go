package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// InfoNCE scores each query against its key, the positive, and negatives:
//
//	L = mean_i ( −z_ii + ln Σ_j e^z_ij ),  z_ij = s(q_i, k_j)/τ
//
// where s is the cosine, j runs over the candidates of query i, and τ is the temperature
// (van den Oord et al. 2018, eq. 4). The candidates are
//
//   - all rows of K, where the batch has no Negatives. K may have more rows than Q; those
//     are negatives for all queries.
//   - row i of K and all rows of Negatives, where it has some (He et al. 2020).
//   - with PairedNegatives, row i of K and rows i·m to (i+1)·m − 1 of Negatives,
//     where Negatives has n·m rows.
//
// It reads Q (n×d), K (n×d, or m×d with m ≥ n in the first case), Negatives (m×d), IDs and Weights (of the queries). The
// loss is at least 0, and ln n where all logits of n candidates are equal. An empty
// batch has loss 0.
//
// With InBatch it is the multiple-negatives ranking loss with hard negatives (Henderson et al. 2017), whose usual
// temperature is 0.05.
//
// The zero value is ready to use.
type InfoNCE struct {
	Temperature     float32        // 0 means 0.07
	Symmetric       bool           // mean of queries against keys and keys against queries (CLIP, Radford et al. 2021)
	InBatch         bool           // all rows of K are candidates also where there are Negatives
	PairedNegatives bool           // each query has negatives of its own
	LabelSmoothing  float32        // the share of the target that is spread over all candidates (Szegedy et al. 2016)
	FalseNegatives  FalseNegatives // candidates too much like the positive to be negatives

	// Exclude reports whether candidate j of query i takes no part: a row of K, or with Negatives one of them, or
	// with InBatch both in this order. It is called side by side for different
	// queries, and not for the positive among the rows of K. nil excludes none.
	Exclude func(i, j int) bool

	DotProduct   bool           // compare by dot product; by default rows are normalised inside
	Reduction    Reduction      // Mean or Sum over the queries
	Workers      int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision    simd.Precision // of matrix products; those of PairedNegatives are always Float32
	MemoryBudget int64          // bytes that copies and exponentials may take, see [DefaultMemoryBudget]

	q, k, neg embeddings
	pass      pass
	rows      oneSided
	two       twoSided
	paired    pairedNegatives
	lean      leanPass
	ids       duplicates
	smooth    smoothing
	filter    falseNegatives
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *InfoNCE) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.InfoNCE"
	workers := par.Workers(l.Workers)
	l.checkShapes(op, b, grad)
	beta, err := inverseTemperature(op, l.Temperature, 0.07)
	err = cmp.Or(err, checkPrecision(op, l.Precision), checkSmooth(op, l.Reduction), checkWeights(op, b.Weights, b.Q.Rows), l.checkOptions(op, b))
	if err != nil {
		return Result{}, err
	}
	n, want, cosine := b.Q.Rows, grad != nil, !l.DotProduct
	same := l.ids.load(op, b.IDs, b.K.Rows+b.Negatives.Rows)
	t := softmaxTask{beta, cosine, memoryBudget(l.MemoryBudget), workers, b.Weights, l.Reduction, same}
	plain := same == nil && l.LabelSmoothing == 0 && !l.filters()
	if b.Negatives.Rows == 0 && !l.Symmetric && plain && worthLean(b, t.budget) {
		if r, ok, err := l.evaluateLean(op, b, grad, scale, t); ok {
			return r, err
		}
	}
	l.pass.precision = l.Precision
	r := Result{Valid: n}
	r.ZeroNorm = l.q.load(workers, b.Q, cosine, want)
	stacked := l.InBatch && b.Negatives.Rows > 0
	if stacked {
		r.ZeroNorm += l.k.stack(workers, b.K, b.Negatives, cosine, want)
	} else {
		r.ZeroNorm += l.k.load(workers, b.K, cosine, want && (grad.K.Data != nil || b.Negatives.Rows > 0))
		r.ZeroNorm += l.neg.load(workers, b.Negatives, cosine, want && grad.Negatives.Data != nil)
	}
	err = cmp.Or(l.q.checkFinite(op, "Q", b.Q, 0), l.k.checkFinite(op, "K", b.K, 0))
	if stacked {
		err = cmp.Or(err, l.k.checkFinite(op, "Negatives", b.Negatives, n))
	} else {
		err = cmp.Or(err, l.neg.checkFinite(op, "Negatives", b.Negatives, 0))
	}
	if err != nil {
		return Result{}, err
	}
	l.rows.reset(n, t)
	if l.pass.filter, err = l.filter.load(op, l, b, stacked, t); err != nil {
		return Result{}, err
	}
	switch explicit := b.Negatives.Rows > 0 && !stacked; {
	case l.Symmetric:
		r.Loss = l.two.clip(&l.pass, &l.q, &l.k, t)
		r.Losses = l.two.rows.loss
	case !explicit:
		r.Loss = l.rows.run(&l.pass, &l.q, &l.k, t)
		r.Losses = l.rows.loss
	case l.PairedNegatives:
		r.Loss = l.paired.run(&l.q, &l.k, &l.neg, t)
		r.Losses = l.paired.loss
	default:
		r.Loss = l.rows.runShared(&l.pass, &l.q, &l.k, &l.neg, t)
		r.Losses = l.rows.loss
	}
	l.pass.filter = nil
	r.Bound = l.bound(r.Loss, t, b, stacked)
	if l.LabelSmoothing > 0 {
		r.Loss += l.smooth.add(l.LabelSmoothing, &l.q, &l.k, &l.neg, l.Symmetric, t, r.Losses)
	}
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if want {
		r.DTemperature = float64(scale) * (-float64(beta) * l.q.inner())
		l.q.addGrad(grad.Q, scale, 0)
		l.k.addGrad(grad.K, scale, 0)
		if stacked {
			l.k.addGrad(grad.Negatives, scale, n)
		} else {
			l.neg.addGrad(grad.Negatives, scale, 0)
		}
	}
	return r, nil
}

// bound returns the bound of the error of the loss, which is that before smoothing. There is none with
// FalseNegatives, which rounding may add or take away.
func (l *InfoNCE) bound(loss float64, t softmaxTask, b Batch, stacked bool) float64 {
	if l.FalseNegatives != (FalseNegatives{}) {
		return 0
	}
	n, m, precision := b.Q.Rows, b.K.Rows+b.Negatives.Rows, l.Precision
	if l.PairedNegatives && b.Negatives.Rows > 0 {
		precision = simd.Float32
	}
	keys := l.k.largestSquare()
	if b.Negatives.Rows > 0 && !stacked {
		keys = max(keys, l.neg.largestSquare())
	}
	e := newLogitError(t.beta, b.Q.Cols, t.cosine, l.q.largestSquare(), keys, precision)
	_, common := commonShift(t.beta, t.cosine)
	weight := t.mass(n)
	bound := e.softmax(loss, weight, n, m, l.Symmetric && common)
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

// filters reports whether candidates are looked at before the loss sees them.
func (l *InfoNCE) filters() bool { return l.FalseNegatives != FalseNegatives{} || l.Exclude != nil }

// oneSided is the head of the losses that normalise over rows only.
type oneSided struct {
	loss  []float64
	pos   []float32 // positive logits, where the positive is not among the columns
	dpos  []float32 // gradient with respect to them
	beta  float32
	total float32     // what the sum of weighted losses is divided by
	w     []float32   // weights of the rows
	same  *duplicates // candidates
	keys  int         // candidates before those of the columns

	// decoupled are the weights of the positives, where these are not among what they are told from (DCL).
	// None means that they are.
	decoupled []float32
}

func (h *oneSided) reset(n int, t softmaxTask) {
	*h = oneSided{loss: grow(h.loss, n), pos: h.pos[:0], dpos: h.dpos, beta: t.beta, total: t.total(n), w: t.weights, same: t.same}
}

// run scores queries against keys, of which key i is the positive of query i.
func (h *oneSided) run(p *pass, q, k *embeddings, t softmaxTask) float64 {
	p.load(t.workers, t.beta, q.x, k.x, false, q.g.Data != nil)
	p.head, p.dq, p.dk = h, q.g, k.g
	p.run()
	return t.reduce(h.loss)
}

// runShared scores queries against their own key and the negatives neg, shared by all.
func (h *oneSided) runShared(p *pass, q, k, neg *embeddings, t softmaxTask) float64 {
	n := q.x.Rows
	h.pos, h.dpos, h.keys = grow(h.pos, n), grow(h.dpos, n), n
	for i := range h.pos {
		h.pos[i] = h.beta * simd.Dot(q.x.Row(i), k.x.Row(i))
	}
	p.load(t.workers, t.beta, q.x, neg.x, false, q.g.Data != nil)
	p.head, p.dq, p.dk = h, q.g, neg.g
	p.run()
	if q.g.Data != nil {
		for i, d := range h.dpos {
			w := h.beta * d
			simd.Axpy(q.g.Row(i), w, k.x.Row(i))
			simd.Scale(k.g.Row(i), w, q.x.Row(i))
		}
	}
	return t.reduce(h.loss)
}

func (h *oneSided) row(_, i, _ int, z []float32) float32 {
	inside := len(h.pos) == 0
	var pos float32
	if inside {
		pos = z[i]
		z[i] = negInf
	} else {
		pos = h.pos[i]
	}
	h.same.exclude(z, i, h.keys, 0)
	if len(h.decoupled) > 0 {
		return h.decoupledRow(i, z, pos)
	}
	loss, neg, s := contrast(z, pos, rowShift(z, pos))
	h.loss[i] = loss
	w := weightIn(1/(s*h.total), h.w, i)
	if inside {
		z[i] = -neg
	} else {
		h.dpos[i] = -neg * w
	}
	return h.beta * w
}

func (h *oneSided) decoupledRow(i int, z []float32, pos float32) float32 {
	shift := simd.Max(z)
	h.loss[i] = 0
	if shift == negInf {
		clear(z)
		return 0
	}
	neg := simd.ExpSum(z, z, shift)
	h.loss[i] = decoupled(neg, pos, shift, h.decoupled[i])
	z[i] = -float32(neg * h.decoupled[i])
	return h.beta * weightIn(1/(neg*h.total), h.w, i)
}

// column is not called: the passes have no columns.
func (h *oneSided) column(int, int, int, simd.Matrix) {}

// pairedNegatives scores queries that have negatives of their own.
type pairedNegatives struct {
	q, k, neg *embeddings
	beta      float32
	m         int // negatives a query
	z         []float32
	loss      []float64
	total     float32
	w         []float32
	same      *duplicates
}

func (h *pairedNegatives) run(q, k, neg *embeddings, t softmaxTask) float64 {
	n := q.x.Rows
	h.q, h.k, h.neg, h.beta, h.m = q, k, neg, t.beta, neg.x.Rows/n
	h.z, h.loss = grow(h.z, neg.x.Rows), grow(h.loss, n)
	h.total, h.w, h.same = t.total(n), t.weights, t.same
	par.For(t.workers, n, h, (*pairedNegatives).score)
	return t.reduce(h.loss)
}

// score scores query i.
func (h *pairedNegatives) score(_, i int) {
	q, k, m := h.q.x.Row(i), h.k.x.Row(i), h.m
	z := h.z[i*m : (i+1)*m]
	for j := range z {
		z[j] = h.beta * simd.Dot(q, h.neg.x.Row(i*m+j))
	}
	h.same.exclude(z, i, len(h.loss)+i*m, 0)
	pos := h.beta * simd.Dot(q, k)
	loss, neg, s := contrast(z, pos, rowShift(z, pos))
	h.loss[i] = loss
	if h.q.g.Data == nil {
		return
	}
	w := weightIn(h.beta/(s*h.total), h.w, i)
	dq := h.q.g.Row(i)
	simd.Scale(dq, -neg*w, k)
	simd.Scale(h.k.g.Row(i), -neg*w, q)
	for j, e := range z {
		simd.Axpy(dq, e*w, h.neg.x.Row(i*m+j))
		if h.neg.g.Data != nil {
			simd.Scale(h.neg.g.Row(i*m+j), e*w, q)
		}
	}
}
