package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// SupCon is the supervised contrastive loss (Khosla et al. 2020): each row against all others,
// where all rows of its label are positives,
//
//	L = mean_i 1/|P_i|·Σ_{p∈P_i} ( −z_ip + ln Σ_{j≠i} e^z_ij ),  z_ij = cos(x_i, x_j)/τ   (eq. 2, outside)
//	L = mean_i ( ln |P_i| − ln Σ_{p∈P_i} e^z_ip + ln Σ_{j≠i} e^z_ij )                     (eq. 3, inside)
//
// over the rows i for which P_i, the other rows of the label, is not empty; [Result].Valid counts
// them. The loss inside the logarithm is at most the one outside, and both are [NTXent] where each
// label has two rows. The authors' code also multiplies by τ/τ_base, and counts rows without a
// positive as 0 in the mean.
//
// It reads Q (n×d), Labels (n) and Weights (n). The loss is ln(n−1) where all rows are equal.
//
// The zero value is ready to use.
type SupCon struct {
	Temperature  float32        // 0 means 0.1
	Inside       bool           // the mean over positives inside the logarithm
	DotProduct   bool           // compare by dot product; by default rows are normalised inside
	Reduction    Reduction      // Mean or Sum over the valid rows
	Workers      int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision    simd.Precision // of matrix products
	MemoryBudget int64          // bytes it may keep beyond O(n·d), see [DefaultMemoryBudget]

	softmax softmaxLoss
	rows    supConRows
}

// positives are what a row keeps of its logits for the gradient of those of its positives.
type positives struct {
	n        float64 // positives
	neg, s   float64 // sums of the exponentials of the negatives, and of all
	sum      float64 // of the positives
	top, own float64 // the largest logit of the positives, and the sum of exponentials with this shift
	weight   float32
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *SupCon) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.SupCon"
	s, n := &l.softmax, b.Q.Rows
	b.Q.Check(op, "Q", -1, -1)
	checkLen(op, "Labels", len(b.Labels), n)
	g := gradOf(grad)
	checkGrad(op, "grad.Q", g.Q, b.Q)
	err := s.begin(softmaxSettings{
		op: op, temperature: l.Temperature, standard: 0.1, dot: l.DotProduct,
		reduction: l.Reduction, workers: l.Workers, precision: l.Precision, budget: l.MemoryBudget,
	}, Batch{Q: b.Q, Weights: b.Weights}, grad, 0)
	if err != nil {
		return Result{}, err
	}
	s.self = true
	s.in.load(&s.q, "Q", b.Q, g.Q, s.want)
	if err := s.loaded(n); err != nil {
		return Result{}, err
	}
	rows := &l.rows
	rows.groups.Sort(b.Labels)
	valid := s.restrict(n, n, func(i int) bool { return len(rows.groups.Of(i)) > 1 })
	rows.run(&s.sweep, &s.q, l.Inside, s.task)
	r := s.result(rows.loss, valid)
	r.Bound = s.logitError().shared(3, r.Loss, s.mass(n), n, n, rows.common)
	return s.finish(r, scale)
}

// supConRows is the row kernel of SupCon.
type supConRows struct {
	groups  tile.LabelGroups
	inside  bool
	task    tile.Softmax
	sweep   *tile.Sweep
	sums    []positives
	shift   []float32 // of the exponentials of each row
	inv     []float32 // weight of the row over the sum of its exponentials
	loss    []float64
	each    float32     // weight of a row of weight 1
	common  bool        // all rows have the same shift
	collect bool        // the sweep that runs is the one for the sums
	logits  simd.Matrix // of the positives of a row, for each worker
	spare   simd.Matrix // a row of logits for each worker
}

// run makes the sweeps for the sums and for the gradient β·(G+Gᵀ)·x.
func (l *supConRows) run(p *tile.Sweep, x *tile.Embeddings, inside bool, t tile.Softmax) {
	n, want := x.X.Rows, x.G.Data != nil
	l.inside, l.task, l.sweep = inside, t, p
	l.sums, l.shift, l.inv, l.loss = tile.Grow(l.sums, n), tile.Grow(l.shift, n), tile.Grow(l.inv, n), tile.Grow(l.loss, n)
	most := 0
	for i := range n {
		most = max(most, len(l.groups.Of(i)))
	}
	l.logits = l.logits.Reshape(t.Workers, most)
	l.spare = l.spare.Reshape(t.Workers, n)
	l.each = t.Beta / t.Total
	_, l.common = tile.CommonShift(t.Beta, t.Cosine)
	p.Load(t.Workers, t.Beta, x.X, x.X, false, want)
	p.Rows = l
	if want {
		p.Hold(t.Budget)
	}
	l.collect = true
	p.Run()
	l.collect = false
	if want {
		p.DQ = x.G
		p.Run()
	}
}

// gather moves the logits of the positives of row i out of z, and removes row i itself.
func (l *supConRows) gather(worker, i int, z []float32) []float32 {
	t := l.logits.Row(worker)[:0]
	for _, p := range l.groups.Of(i) {
		if p != i {
			t = append(t, z[p])
		}
		z[p] = tile.NegInf
	}
	return t
}

func (l *supConRows) Row(worker, i, _ int, z []float32) float32 {
	switch {
	case l.collect:
		l.collectRow(worker, i, z)
		return 0
	case l.common:
		l.commonRow(worker, i, z)
	default:
		l.ownRow(worker, i, z)
	}
	return 1
}

// collectRow fills in what row i keeps. It leaves the exponentials in z where one shift serves all
// rows, and otherwise the logits.
func (l *supConRows) collectRow(worker, i int, z []float32) {
	t := l.gather(worker, i, z)
	shift, neg := l.task.Beta, float32(0)
	if l.common {
		var lane [16]float32
		simd.ExpLanes(z, z, shift, &lane)
		neg = simd.SumLanes(&lane)
	} else {
		shift = max(simd.Max(z), simd.Max(t))
		if shift > tile.NegInf {
			neg = simd.SumExp(z, shift)
		}
	}
	r := positives{n: float64(len(t)), neg: float64(neg), weight: tile.WeightIn(l.each, l.task.Weights, i)}
	mean := 0.0
	r.top = float64(simd.Max(t))
	k := 0
	for _, p := range l.groups.Of(i) {
		if p == i {
			continue
		}
		e := scalar.Exp(t[k] - shift)
		r.sum += float64(e)
		r.own += float64(scalar.Exp(t[k] - float32(r.top)))
		mean += float64(t[k])
		z[p] = t[k]
		if l.common {
			z[p] = e
		}
		k++
	}
	mean /= max(r.n, 1)
	s := neg + float32(r.sum)
	r.s = float64(s)
	l.sums[i], l.shift[i], l.inv[i], l.loss[i] = r, shift, r.weight/s, 0
	switch {
	case r.n == 0:
		l.shift[i], l.inv[i] = tile.MaxShift, 0
	case r.n == 1:
		l.loss[i], _ = tile.CrossEntropy(neg, t[0], shift)
	case !l.inside:
		l.loss[i] = scalar.Log64(r.neg+r.sum) + (float64(shift) - mean)
	case r.neg <= r.sum:
		l.loss[i] = scalar.Log64(r.n) + scalar.Log1p64(r.neg/r.sum)
	default:
		l.loss[i] = scalar.Log64(r.n) + (scalar.Log64(r.neg+r.sum) - scalar.Log64(r.own)) + (float64(shift) - r.top)
	}
}

// commonRow turns the exponentials of row i, or its logits where they were not kept, into G+Gᵀ.
func (l *supConRows) commonRow(worker, i int, z []float32) {
	others := l.groups.Of(i)
	t := l.logits.Row(worker)[:0]
	if l.sweep.Kept {
		for _, p := range others {
			if p != i {
				t = append(t, z[p])
			}
		}
	} else {
		t = l.gather(worker, i, z)
		for k, v := range t {
			t[k] = scalar.Exp(v - l.task.Beta)
		}
		simd.ExpSum(z, z, l.task.Beta)
	}
	simd.MulShifted(z, z, l.inv, l.inv[i])
	k := 0
	for _, p := range others {
		if p == i {
			continue
		}
		a, b, e := &l.sums[i], &l.sums[p], float64(t[k])
		z[p] = a.grad(l.inside, e, e/a.sum) + b.grad(l.inside, e, e/b.sum)
		k++
	}
}

// ownRow turns the logits of row i into G+Gᵀ where each row has a shift of its own.
func (l *supConRows) ownRow(worker, i int, z []float32) {
	t := l.gather(worker, i, z)
	other := l.spare.Row(worker)
	copy(other, z)
	simd.Axpy(other, -1, l.shift) // z − shift, rounded once as in the sweep for the sums
	simd.Exp(other, other)
	simd.MulShifted(other, other, l.inv, 0)
	simd.ExpSum(z, z, l.shift[i])
	simd.Scale(z, l.inv[i], z)
	simd.Add(z, z, other)
	k := 0
	for _, p := range l.groups.Of(i) {
		if p == i {
			continue
		}
		z[p] = l.sums[i].gradAt(l.inside, t[k], l.shift[i]) + l.sums[p].gradAt(l.inside, t[k], l.shift[p])
		k++
	}
}

// grad returns the gradient with respect to the logit of a positive with exponential e, which is
// the given share of those of all positives:
//
//	weight·(e/s − 1/n)      outside, with s = neg + sum
//	weight·(e/s − e/sum)    inside
//
// written so that it is exact where e/s is 1 to the last bit.
func (r *positives) grad(inside bool, e, share float64) float32 {
	if inside {
		return float32(-share*(r.neg/r.s)) * r.weight
	}
	return float32(((float64(e*r.n)-r.sum)-r.neg)/(r.n*r.s)) * r.weight
}

// gradAt is grad for a logit.
func (r *positives) gradAt(inside bool, z, shift float32) float32 {
	return r.grad(inside, float64(scalar.Exp(z-shift)), float64(scalar.Exp(z-float32(r.top)))/r.own)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *SupCon) MemoryEstimate(b Batch) int64 {
	n := b.Q.Rows
	e := memoryEstimate{d: b.Q.Cols, workers: l.Workers, precision: l.Precision, unit: !l.DotProduct, budget: memoryBudget(l.MemoryBudget)}
	return e.sides(n, 0) + e.sweep(n, n, true, false)
}
