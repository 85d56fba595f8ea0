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
// It reads Q (n×d), K (n×d, or m×d with m ≥ n in the first case) and Negatives (m×d). The
// loss is at least 0, and ln n where all logits of n candidates are equal. An empty
// batch has loss 0.
//
// The zero value is ready to use.
type InfoNCE struct {
	Temperature     float32        // 0 means 0.07
	Symmetric       bool           // mean of queries against keys and keys against queries (CLIP, Radford et al. 2021)
	PairedNegatives bool           // each query has negatives of its own
	DotProduct      bool           // compare by dot product; by default rows are normalised inside
	Workers         int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision       simd.Precision // of matrix products; those of PairedNegatives are always Float32
	MemoryBudget    int64          // bytes that copies and exponentials may take, see [DefaultMemoryBudget]

	q, k, neg embeddings
	pass      pass
	rows      oneSided
	two       twoSided
	paired    pairedNegatives
	lean      leanPass
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *InfoNCE) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.InfoNCE"
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
	case explicit && l.Symmetric:
		return Result{}, fmt.Errorf("%s: Symmetric with Negatives: keys have no negatives of their own", op)
	}
	want := grad != nil
	if want {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
		checkGrad(op, "grad.K", grad.K, b.K)
		checkGrad(op, "grad.Negatives", grad.Negatives, b.Negatives)
	}
	beta, err := inverseTemperature(op, l.Temperature, 0.07)
	if err := cmp.Or(err, checkPrecision(op, l.Precision)); err != nil {
		return Result{}, err
	}

	budget := memoryBudget(l.MemoryBudget)
	if b.Negatives.Rows == 0 && !l.Symmetric && worthLean(b, budget) {
		if r, ok, err := l.evaluateLean(op, b, grad, scale, beta); ok {
			return r, err
		}
	}
	cosine := !l.DotProduct
	l.pass.precision = l.Precision
	r := Result{Valid: n}
	r.ZeroNorm = l.q.load(l.Workers, b.Q, cosine, want)
	r.ZeroNorm += l.k.load(l.Workers, b.K, cosine, want && (grad.K.Data != nil || b.Negatives.Rows > 0))
	r.ZeroNorm += l.neg.load(l.Workers, b.Negatives, cosine, want && grad.Negatives.Data != nil)
	err = cmp.Or(l.q.checkFinite(op, "Q", b.Q, 0), l.k.checkFinite(op, "K", b.K, 0), l.neg.checkFinite(op, "Negatives", b.Negatives, 0))
	if err != nil {
		return Result{}, err
	}
	switch {
	case b.Negatives.Rows == 0 && l.Symmetric:
		r.Loss = l.two.clip(&l.pass, &l.q, &l.k, beta, cosine, budget, l.Workers)
	case b.Negatives.Rows == 0:
		l.rows = oneSided{loss: grow(l.rows.loss, n)}
		r.Loss = l.rows.run(&l.pass, &l.q, &l.k, beta, l.Workers)
	case l.PairedNegatives:
		r.Loss = l.paired.run(&l.q, &l.k, &l.neg, beta, l.Workers)
	default:
		l.rows = oneSided{loss: grow(l.rows.loss, n), pos: grow(l.rows.pos, n), dpos: grow(l.rows.dpos, n)}
		r.Loss = l.rows.runShared(&l.pass, &l.q, &l.k, &l.neg, beta, l.Workers)
	}
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if want {
		r.DTemperature = float64(scale) * (-float64(beta) * l.q.inner())
		l.q.addGrad(grad.Q, scale, 0)
		l.k.addGrad(grad.K, scale, 0)
		l.neg.addGrad(grad.Negatives, scale, 0)
	}
	return r, nil
}

// oneSided is the head of the losses that normalise over rows only.
type oneSided struct {
	loss []float64
	pos  []float32 // positive logits, where the positive is not among the columns
	dpos []float32 // gradient with respect to them
	beta float32
}

// run scores queries against keys, of which key i is the positive of query i.
func (h *oneSided) run(p *pass, q, k *embeddings, beta float32, workers int) float64 {
	h.beta = beta
	p.load(workers, beta, q.x, k.x, false, q.g.Data != nil)
	p.head, p.dq, p.dk = h, q.g, k.g
	p.run()
	return mean(h.loss)
}

// runShared scores queries against their own key and the negatives neg, shared by all.
func (h *oneSided) runShared(p *pass, q, k, neg *embeddings, beta float32, workers int) float64 {
	for i := range h.pos {
		h.pos[i] = beta * simd.Dot(q.x.Row(i), k.x.Row(i))
	}
	h.beta = beta
	p.load(workers, beta, q.x, neg.x, false, q.g.Data != nil)
	p.head, p.dq, p.dk = h, q.g, neg.g
	p.run()
	if q.g.Data != nil {
		for i, d := range h.dpos {
			w := beta * d
			simd.Axpy(q.g.Row(i), w, k.x.Row(i))
			simd.Scale(k.g.Row(i), w, q.x.Row(i))
		}
	}
	return mean(h.loss)
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
	loss, neg, s := contrast(z, pos, rowShift(z, pos))
	h.loss[i] = loss
	w := 1 / (s * float32(len(h.loss)))
	if inside {
		z[i] = -neg
	} else {
		h.dpos[i] = -neg * w
	}
	return h.beta * w
}

// column is not called: the passes have no columns.
func (h *oneSided) column(int, int, int, simd.Matrix) {}

// pairedNegatives scores queries that have negatives of their own; its pieces are rows.
type pairedNegatives struct {
	q, k, neg *embeddings
	beta      float32
	m         int // negatives a query
	z         []float32
	loss      []float64
}

func (h *pairedNegatives) run(q, k, neg *embeddings, beta float32, workers int) float64 {
	n := q.x.Rows
	h.q, h.k, h.neg, h.beta, h.m = q, k, neg, beta, neg.x.Rows/n
	h.z, h.loss = grow(h.z, neg.x.Rows), grow(h.loss, n)
	par.Do(workers, n, h)
	return mean(h.loss)
}

// Run scores query i.
func (h *pairedNegatives) Run(_, i int) {
	q, k, m := h.q.x.Row(i), h.k.x.Row(i), h.m
	z := h.z[i*m : (i+1)*m]
	for j := range z {
		z[j] = h.beta * simd.Dot(q, h.neg.x.Row(i*m+j))
	}
	pos := h.beta * simd.Dot(q, k)
	loss, neg, s := contrast(z, pos, rowShift(z, pos))
	h.loss[i] = loss
	if h.q.g.Data == nil {
		return
	}
	w := h.beta / (s * float32(len(h.loss)))
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
