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
// It reads Q (anchors), K (positives) and Negatives, all n×d; or, where Triplets is not nil, that list of
// triples of rows of Q (n×d) alone. A row may be in any number of triples, and an index that is no row is an error.
// Weights are those of the triplets. Result.Active counts those with a loss above 0. An empty batch has loss 0.
// The zero value is ready to use.
type Triplet struct {
	Margin    float32   // 0 means 1, and 0 with Soft
	Squared   bool      // squared distances
	Swap      bool      // d(p, n) instead of d(a, n) where it is smaller (Balntas et al. 2016)
	Soft      bool      // ln(1 + e^v) instead of max(0, v) (Hermans et al. 2017)
	Normalize bool      // bring the rows to norm 1 first
	Reduction Reduction // of the triplets
	Workers   int       // 0 means GOMAXPROCS; the result does not depend on it

	// For the numbers of other libraries: d(x, y) is √(Σ_j (x_j − y_j + CoordinateEpsilon)² + RootEpsilon).
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
	l.scores = grow(l.scores, b.Q.Rows)
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

// A hinge is how two distances make a loss.
type hinge struct {
	margin              float64
	squared, soft, swap bool
	coordinate, root    float64 // what is added to a distance, see Triplet
	boundary            float64 // that of MarginLoss; else 0
}

// A tripletScore is what the gradient of a triplet needs of its value.
type tripletScore struct {
	positive, negative float64 // distances
	toward, away       float64 // the derivative by the positive distance, and minus that by the negative one
	swapped            bool    // the negative distance is that of the positive
}

// triplet returns the loss of a triplet.
func (h *hinge) triplet(a, p, n []float32) (loss float64, s tripletScore) {
	s.positive, s.negative = h.distance(a, p), h.distance(a, n)
	if h.swap {
		if pn := h.distance(p, n); pn < s.negative {
			s.negative, s.swapped = pn, true
		}
	}
	loss, s.toward = h.score(s.positive, s.negative)
	s.away = s.toward
	return loss, s
}

// addGrad adds w times the gradient of the loss of a triplet to da, dp and dn, or of some columns of it.
func (h *hinge) addGrad(da, dp, dn, a, p, n []float32, s tripletScore, w float64, diff []float32) {
	h.pull(da, dp, a, p, w*s.toward, s.positive, diff)
	if s.swapped {
		a, da = p, dp
	}
	h.pull(da, dn, a, n, -w*s.away, s.negative, diff)
}

func newHinge(op string, margin float32, squared, soft bool) (hinge, error) {
	if math.IsNaN(float64(margin)) || math.IsInf(float64(margin), 0) {
		return hinge{}, fmt.Errorf("%s: margin is %v, want a finite number", op, margin)
	}
	if margin == 0 && !soft {
		margin = 1
	}
	return hinge{margin: float64(margin), squared: squared, soft: soft}, nil
}

// distance returns the distance of x and y, squared if so asked.
func (h *hinge) distance(x, y []float32) float64 {
	d := squaredDistance(x, y)
	if h.coordinate != 0 {
		d = shiftedSquares(x, y, h.coordinate)
	}
	d += h.root
	if h.squared {
		return d
	}
	return math.Sqrt(d)
}

// squaredDistance returns Σ (x_j − y_j)². It sums in float64, because a loss is the small difference of two
// distances; only a few distances a row are computed so.
func squaredDistance(x, y []float32) float64 {
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
	return (lane[0] + lane[2]) + (lane[1] + lane[3])
}

// shiftedSquares returns Σ (x_j − y_j + shift)².
func shiftedSquares(x, y []float32, shift float64) (sum float64) {
	for i := range x {
		d := float64(x[i]) - float64(y[i]) + shift
		sum += float64(d * d)
	}
	return sum
}

// score returns the loss of distances to positive and negative, and its derivative
// with respect to their difference.
func (h *hinge) score(positive, negative float64) (loss, weight float64) {
	v := positive - negative + h.margin
	switch {
	case h.soft:
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
func (h *hinge) pull(dx, dy, x, y []float32, w, d float64, diff []float32) {
	if w == 0 || d == 0 {
		return
	}
	// The difference first: c·x − c·y would cancel where x and y are close.
	copy(diff, x)
	simd.Axpy(diff, -1, y)
	if h.coordinate != 0 {
		for i := range diff {
			diff[i] += float32(h.coordinate)
		}
	}
	c := float32(2 * w)
	if !h.squared {
		if d < 0x1p-100 { // 1/d may exceed float32
			simd.Scale(diff, 0x1p100, diff)
			d *= 0x1p100
		}
		c = float32(w / d)
	}
	simd.Axpy(dx, c, diff)
	simd.Axpy(dy, -c, diff)
}
