package infonce

import (
	"cmp"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// AlignUniform is the sum of alignment and uniformity (Wang & Isola 2020, section 4.1), to which
// InfoNCE tends for many negatives: pairs should be close to each other, and all rows spread over
// the sphere,
//
//	L = w_a·mean_i |x_i − y_i|^α + w_u·(U(x) + U(y))/2,  U(x) = ln mean_{i<j} e^(−t·|x_i − x_j|²)
//
// over the unit rows x of Q and y of K. Without K it is w_u·U(x). The distances of pairs are
// computed from differences, so those of near duplicates are as exact as the unit rows. U is 0
// where all rows are equal, and negative otherwise; for rows spread evenly in d dimensions it tends
// to −2t + ln ₀F₁(d/2; t²).
//
// It reads Q and K (both n×d, or no K). [Result].Losses holds the three terms: the alignment and
// the uniformities of Q and of K. A term of weight 0 is 0 there, and a uniformity of fewer than two
// rows is 0 and not valid.
//
// The zero value is ready to use.
type AlignUniform struct {
	Alpha      float32        // α; 0 means 2
	T          float32        // t, at most [MaxUniformT]; 0 means 2
	Alignment  float32        // w_a, at least 0
	Uniformity float32        // w_u, at least 0; both 0 means that both are 1
	Workers    int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision  simd.Precision // of matrix products

	q, k   tile.Embeddings
	pass   tile.Sweep
	head   uniformity
	losses []float64 // of the terms

	// What the rows need, some at a time.
	grad         bool
	align        bool
	half         float64     // α/2
	each         float64     // w_a·α/n
	fromQ, fromK float32     // scales of the gradients of the uniformities
	pairs        []float64   // |x_i − y_i|^α
	diff         simd.Matrix // a difference for each worker
}

// MaxUniformT is the largest T of [AlignUniform]. The terms of a uniformity are between e^(−2t) and
// e^(2t), up to a common factor, and products in bfloat16 treat numbers below 2⁻⁵⁶ as 0.
const MaxUniformT = 19

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *AlignUniform) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.AlignUniform"
	workers := par.Workers(l.Workers)
	n, d := b.Q.Rows, b.Q.Cols
	b.Q.Check(op, "Q", -1, -1)
	paired := b.K.Rows > 0
	if paired {
		b.K.Check(op, "K", n, d)
	}
	l.grad = grad != nil
	if l.grad {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
		checkGrad(op, "grad.K", grad.K, b.K)
	}
	alpha, t := cmp.Or(l.Alpha, 2), cmp.Or(l.T, 2)
	if err := cmp.Or(l.check(op, alpha, t), checkPrecision(op, l.Precision)); err != nil {
		return Result{}, err
	}
	var r Result
	r.ZeroNorm = l.q.Load(workers, b.Q, true, l.grad)
	r.ZeroNorm += l.k.Load(workers, b.K, true, l.grad)
	if err := cmp.Or(l.q.CheckFinite(op, "Q", b.Q, 0), l.k.CheckFinite(op, "K", b.K, 0)); err != nil || n == 0 {
		return Result{}, err
	}

	align, uniform := float64(l.Alignment), float64(l.Uniformity)
	if align == 0 && uniform == 0 {
		align, uniform = 1, 1
	}
	if paired {
		uniform /= 2
	} else {
		align = 0
	}
	l.losses = append(l.losses[:0], 0, 0, 0)
	l.fromQ = l.uniform(&r, 1, &l.q, t, uniform, workers)
	l.fromK = l.uniform(&r, 2, &l.k, t, uniform, workers)
	l.align = align > 0
	l.half, l.each = float64(alpha)/2, align*float64(alpha)/float64(n)
	if l.align {
		l.pairs = tile.Grow(l.pairs, n)
		l.diff = l.diff.Reshape(workers, d)
	}
	if l.align || l.grad {
		par.Ranges(workers, n, tile.PieceRows, l, (*AlignUniform).alignRows)
	}
	if l.align {
		l.losses[0] = mean(l.pairs)
		r.Loss += float64(align * l.losses[0])
		r.Valid++
	}
	r.Losses = l.losses
	if l.grad {
		l.q.AddGrad(grad.Q, scale, 0)
		l.k.AddGrad(grad.K, scale, 0)
	}
	return r, nil
}

func (l *AlignUniform) check(op string, alpha, t float32) error {
	switch {
	case !(alpha > 0) || math.IsInf(float64(alpha), 1):
		return fmt.Errorf("%s: alpha is %v, want a finite number above 0", op, alpha)
	case !(t > 0 && t <= MaxUniformT):
		return fmt.Errorf("%s: t is %v, want a number above 0 and at most %v", op, t, MaxUniformT)
	}
	for _, w := range []struct {
		name string
		v    float32
	}{{"alignment", l.Alignment}, {"uniformity", l.Uniformity}} {
		if !(w.v >= 0) || math.IsInf(float64(w.v), 1) {
			return fmt.Errorf("%s: weight of the %s is %v, want a finite number, 0 or above", op, w.name, w.v)
		}
	}
	return nil
}

// uniform adds weight times the uniformity of x, which is the given term, to r. It leaves the
// gradient in x.G, up to the factor that it returns.
func (l *AlignUniform) uniform(r *Result, term int, x *tile.Embeddings, t float32, weight float64, workers int) float32 {
	n := x.X.Rows
	if n < 2 || weight == 0 {
		clear(x.G.Data)
		return 0
	}
	l.pass.Precision = l.Precision
	sum := l.head.run(&l.pass, x, 2*t, workers)
	zeros := float64(tile.CountZeros(x.Norms))
	if zeros > 0 {
		// A zero row has the distance 1 to a unit row, and 0 to another zero row, where both have
		// the product 0.
		e := scalar.Exp64(float64(t))
		sum += float64(zeros*(float64(n)-zeros)*(e-1)) + float64(zeros*(zeros-1)/2*(float64(e*e)-1))
	}
	l.losses[term] = scalar.Log64(sum/(float64(n)*float64(n-1)/2)) - 2*float64(t)
	r.Loss += float64(weight * l.losses[term])
	r.Valid++
	return float32(weight * 2 * float64(t) / sum)
}

// alignRows adds pairs i to end−1 to the alignment, and completes the gradient of their rows.
func (l *AlignUniform) alignRows(worker, i, end int) {
	for ; i < end; i++ {
		if l.grad {
			simd.Scale(l.q.G.Row(i), l.fromQ, l.q.G.Row(i))
		}
		if l.k.X.Rows == 0 {
			continue
		}
		if l.grad {
			simd.Scale(l.k.G.Row(i), l.fromK, l.k.G.Row(i))
		}
		if !l.align {
			continue
		}
		diff := l.diff.Row(worker)
		copy(diff, l.q.X.Row(i))
		simd.Axpy(diff, -1, l.k.X.Row(i))
		square := float64(simd.Dot(diff, diff))
		l.pairs[i] = pow(square, l.half)
		if l.grad && square > 0 {
			w := float32(l.each * l.pairs[i] / square)
			simd.Axpy(l.q.G.Row(i), w, diff)
			simd.Axpy(l.k.G.Row(i), -w, diff)
		}
	}
}

// pow returns x^y for x ≥ 0 and y > 0.
func pow(x, y float64) float64 {
	switch {
	case y == 1:
		return x
	case x == 0:
		return 0
	}
	return scalar.Exp64(y * scalar.Log64(x))
}

// uniformity is the kernel of a sweep over z_ij = 2t·x_i·x_j that sums e^z over all pairs of rows
// and leaves the gradient of the sum with respect to z. No shift is needed: see MaxUniformT.
type uniformity struct {
	grad bool
	sums []float64 // of each row over the rows after it
}

// run returns the sum over all pairs of rows of x, and leaves Σ_j e^z_ij·x_j in x.G, if that has
// memory.
func (h *uniformity) run(p *tile.Sweep, x *tile.Embeddings, beta float32, workers int) (sum float64) {
	h.grad, h.sums = x.G.Data != nil, tile.Grow(h.sums, x.X.Rows)
	p.Load(workers, beta, x.X, x.X, true, h.grad)
	p.Rows, p.DQ = h, x.G
	p.Run()
	for _, s := range h.sums {
		sum += s
	}
	return sum
}

func (h *uniformity) Row(_, i, j int, z []float32) float32 {
	before, after := z[:i-j], z[i-j+1:]
	if h.grad {
		simd.Exp(before, before)
		z[i-j] = 0
	}
	h.sums[i] = float64(simd.ExpSum(after, after, 0))
	return 1
}

// mean returns Σ x / len(x), summed in order, and 0 for no x.
func mean(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s / float64(max(len(x), 1))
}

// MemoryEstimate implements [MemoryEstimator].
func (l *AlignUniform) MemoryEstimate(b Batch) int64 {
	e := memoryEstimate{d: b.Q.Cols, workers: l.Workers, precision: l.Precision, unit: true}
	total := e.sides(b.Q.Rows, b.K.Rows)
	if l.Alignment == 0 || l.Uniformity > 0 {
		total += e.sweep(b.Q.Rows, b.Q.Rows, false, true)
	}
	return total
}
