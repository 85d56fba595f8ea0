package infonce

import (
	"cmp"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// Triplet pulls each anchor to its positive and pushes it from its negative:
//
//	L = mean_i max(0, v_i),  v_i = d(a_i, p_i) − d(a_i, n_i) + margin
//
// with the Euclidean distance d (Weinberger and Saul 2009; Schroff et al. 2015). At
// v = 0 and at d = 0 the subgradient is 0.
//
// It reads Q (anchors), K (positives) and Negatives, all n×d. An empty batch has loss 0.
// The zero value is ready to use.
type Triplet struct {
	Margin    float32 // 0 means 1, and 0 with Soft
	Squared   bool    // squared distances
	Swap      bool    // d(p, n) instead of d(a, n) where it is smaller (Balntas et al. 2016)
	Soft      bool    // ln(1 + e^v) instead of max(0, v) (Hermans et al. 2017)
	Normalize bool    // bring the rows to norm 1 first
	Workers   int     // 0 means GOMAXPROCS; the result does not depend on it

	a, p, n embeddings
	rank    ranking
	loss    []float64
	active  []bool
	diff    simd.Matrix // a difference of rows for each worker
	weight  float32
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *Triplet) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.Triplet"
	n, d := b.Q.Rows, b.Q.Cols
	b.Q.Check(op, "Q", -1, -1)
	b.K.Check(op, "K", n, d)
	b.Negatives.Check(op, "Negatives", n, d)
	want := grad != nil
	if want {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
		checkGrad(op, "grad.K", grad.K, b.K)
		checkGrad(op, "grad.Negatives", grad.Negatives, b.Negatives)
	}
	var err error
	if l.rank, err = newRanking(op, l.Margin, l.Squared, l.Soft); err != nil {
		return Result{}, err
	}

	r := Result{Valid: n}
	r.ZeroNorm = l.a.load(l.Workers, b.Q, l.Normalize, want)
	r.ZeroNorm += l.p.load(l.Workers, b.K, l.Normalize, want)
	r.ZeroNorm += l.n.load(l.Workers, b.Negatives, l.Normalize, want)
	err = cmp.Or(l.a.checkFinite(op, "Q", b.Q, 0), l.p.checkFinite(op, "K", b.K, 0), l.n.checkFinite(op, "Negatives", b.Negatives, 0))
	if err != nil {
		return Result{}, err
	}
	l.loss, l.active = grow(l.loss, n), grow(l.active, n)
	l.diff = l.diff.Reshape(par.Workers(l.Workers), d)
	l.weight = 1 / float32(max(n, 1))
	par.Do(l.Workers, n, (*tripletRows)(l))
	r.Loss = mean(l.loss)
	for _, a := range l.active {
		if a {
			r.Active++
		}
	}
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if want {
		l.a.addGrad(grad.Q, scale, 0)
		l.p.addGrad(grad.K, scale, 0)
		l.n.addGrad(grad.Negatives, scale, 0)
	}
	return r, nil
}

// tripletRows is Triplet as a task whose pieces are rows.
type tripletRows Triplet

// Run scores triplet i.
func (l *tripletRows) Run(worker, i int) {
	a, p, n := l.a.x.Row(i), l.p.x.Row(i), l.n.x.Row(i)
	ap, an := l.rank.distance(a, p), l.rank.distance(a, n)
	swapped := false
	if l.Swap {
		if pn := l.rank.distance(p, n); pn < an {
			an, swapped = pn, true
		}
	}
	loss, w := l.rank.score(ap, an)
	l.loss[i], l.active[i] = loss, w > 0
	if l.a.g.Data == nil {
		return
	}
	da, dp, dn := l.a.g.Row(i), l.p.g.Row(i), l.n.g.Row(i)
	clear(da)
	clear(dp)
	clear(dn)
	diff := l.diff.Row(worker)
	w *= float64(l.weight)
	l.rank.pull(da, dp, a, p, w, ap, diff)
	if swapped {
		l.rank.pull(dp, dn, p, n, -w, an, diff)
	} else {
		l.rank.pull(da, dn, a, n, -w, an, diff)
	}
}

// A ranking is how two distances make a loss.
type ranking struct {
	margin        float64
	squared, soft bool
}

func newRanking(op string, margin float32, squared, soft bool) (ranking, error) {
	if math.IsNaN(float64(margin)) || math.IsInf(float64(margin), 0) {
		return ranking{}, fmt.Errorf("%s: margin is %v, want a finite number", op, margin)
	}
	if margin == 0 && !soft {
		margin = 1
	}
	return ranking{float64(margin), squared, soft}, nil
}

// distance returns the distance of x and y, squared if so asked. It sums in float64,
// because a loss is the small difference of two distances; only a few
// distances a row are computed so.
func (r ranking) distance(x, y []float32) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for len(x) >= 4 {
		d0, d1 := float64(x[0])-float64(y[0]), float64(x[1])-float64(y[1])
		d2, d3 := float64(x[2])-float64(y[2]), float64(x[3])-float64(y[3])
		s0 += float64(d0 * d0)
		s1 += float64(d1 * d1)
		s2 += float64(d2 * d2)
		s3 += float64(d3 * d3)
		x, y = x[4:], y[4:]
	}
	lane := [4]float64{s0, s1, s2, s3}
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		lane[i] += float64(d * d)
	}
	d := (lane[0] + lane[2]) + (lane[1] + lane[3])
	if r.squared {
		return d
	}
	return math.Sqrt(d)
}

// score returns the loss of distances to positive and negative, and its derivative
// with respect to their difference.
func (r ranking) score(positive, negative float64) (loss, weight float64) {
	v := positive - negative + r.margin
	switch {
	case r.soft:
		return softplus(v)
	case v > 0:
		return v, 1
	}
	return 0, 0
}

// softplus returns ln(1 + e^v) and its derivative 1/(1 + e^−v).
func softplus(v float64) (value, slope float64) {
	// e^−|v|, with what is lost in the conversion to float32 put back.
	x := -math.Abs(v)
	hi := float32(max(x, scalar.ExpMin))
	e := float64(float64(scalar.Exp(hi)) * (1 + (max(x, scalar.ExpMin) - float64(hi))))
	if v > 0 {
		return v + scalar.Log1p64(e), 1 / (1 + e)
	}
	return scalar.Log1p64(e), e / (1 + e)
}

// pull adds w times the gradient of the distance d of x and y to dx and dy. diff is scratch.
func (r ranking) pull(dx, dy, x, y []float32, w, d float64, diff []float32) {
	if w == 0 || d == 0 {
		return
	}
	// The difference first: c·x − c·y would cancel where x and y are close.
	copy(diff, x)
	simd.Axpy(diff, -1, y)
	c := float32(2 * w)
	if !r.squared {
		if d < 0x1p-100 { // 1/d may exceed float32
			simd.Scale(diff, 0x1p100, diff)
			d *= 0x1p100
		}
		c = float32(w / d)
	}
	simd.Axpy(dx, c, diff)
	simd.Axpy(dy, -c, diff)
}
