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

// ArcFace classifies rows by their angles to the rows of K, one for each class, and asks that the
// angle to a row's own class be smaller by a margin m (Deng et al. 2019, eq. 3):
//
//	L = mean_i −ln( e^t_i / (e^t_i + Σ_{j≠y_i} e^(γ·cos θ_ij)) ),  t_i = γ·cos(θ_i + m)
//
// where θ_ij is the angle between q_i and k_j, θ_i that to the class y_i of the row, and γ the
// scale. Where θ_i exceeds π − m, t_i is γ·(cos θ_i − m·sin m), so that it keeps falling.
//
// It reads Q (n×d), K (c×d) and Labels (n), which are rows of K. At angles to the class below 2⁻¹²
// the pull towards it, which is γ·sin(θ + m) above that, fades to 0 at angle 0, where it has no
// direction; [Result].Clamped counts such rows. The zero value is ready to use.
type ArcFace struct {
	Margin    float32        // m, up to π/2; 0 means 0.5
	Scale     float32        // γ; 0 means 64
	Reduction Reduction      // of the rows
	Workers   int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision simd.Precision // of matrix products

	rows     rowLoss
	labels   []int
	gamma    float64
	cos, sin float64 // of the margin
	below    float64 // m·sin m
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *ArcFace) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.ArcFace"
	margin, gamma := cmp.Or(l.Margin, 0.5), cmp.Or(l.Scale, 64)
	if !(margin > 0 && margin <= math.Pi/2) {
		return Result{}, fmt.Errorf("%s: margin is %v, want an angle above 0 and up to π/2", op, margin)
	}
	if err := cmp.Or(checkPositive(op, "scale", gamma), checkClasses(op, b)); err != nil {
		return Result{}, err
	}
	turn := float64(margin) / math.Pi
	l.cos, l.sin = scalar.CosPi64(turn), scalar.CosPi64(turn-0.5)
	l.below = float64(margin) * l.sin
	l.labels, l.gamma = b.Labels, float64(gamma)
	r, err := l.rows.evaluate(rowSettings{
		op: op, beta: gamma, cosine: true,
		workers: par.Workers(l.Workers), precision: l.Precision, reduction: l.Reduction,
	}, l, b, grad, scale)
	l.labels = nil
	return r, err
}

func (l *ArcFace) score(_, i int, z []float32) rowScore {
	y := l.labels[i]
	t, slope, clamped := l.target(float64(z[y])/l.gamma, i, y)
	r := classify(z, y, float32(l.gamma*t), float32(slope))
	r.clamped = clamped
	return r
}

// leastSine is the sine of the angle below which the pull fades. The slope grows as 1/sin θ, and
// with it the effect of the rounding of unit rows on a gradient that stays bounded; here it is 2⁻¹²
// of the gradient.
const leastSine = 0x1p-12

// target returns cos(θ + m) and its derivative with respect to s = cos θ, cos m + s·sin m/sin θ.
func (l *ArcFace) target(s float64, i, y int) (t, slope float64, clamped bool) {
	if s < -l.cos {
		return s - l.below, 1, false
	}
	rest := 1 - s
	if s > 0.5 {
		// 1 − s has no digits left where rows are close; half the square of their distance has.
		rest = float64(float64(simd.SquaredDistance(l.rows.q.X.Row(i), l.rows.k.X.Row(y))) / 2)
		s = 1 - rest
	}
	sine := math.Sqrt(max(0, rest*(1+s)))
	t = float64(s*l.cos) - float64(sine*l.sin)
	if sine < leastSine {
		return t, l.cos + float64(sine*(l.sin/(leastSine*leastSine))), true
	}
	return t, l.cos + s*l.sin/sine, false
}

// CosFace classifies rows by their cosines with the rows of K, one for each class, and asks that
// the cosine with a row's own class be larger by a margin m (Wang et al. 2018, eq. 4):
//
//	L = mean_i −ln( e^t_i / (e^t_i + Σ_{j≠y_i} e^(γ·s_ij)) ),  t_i = γ·(s_iy_i − m)
//
// where s_ij is the cosine of q_i and k_j, y_i the class of row i, and γ the scale. It reads Q
// (n×d), K (c×d) and Labels (n), which are rows of K. The zero value is ready to use.
type CosFace struct {
	Margin    float32        // m; 0 means 0.35
	Scale     float32        // γ; 0 means 64
	Reduction Reduction      // of the rows
	Workers   int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision simd.Precision // of matrix products

	rows   rowLoss
	labels []int
	offset float64 // γ·m
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *CosFace) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.CosFace"
	margin, gamma := cmp.Or(l.Margin, 0.35), cmp.Or(l.Scale, 64)
	err := cmp.Or(checkNumber(op, "margin", margin), checkPositive(op, "scale", gamma), checkClasses(op, b))
	if err != nil {
		return Result{}, err
	}
	l.labels, l.offset = b.Labels, float64(gamma)*float64(margin)
	r, err := l.rows.evaluate(rowSettings{
		op: op, beta: gamma, cosine: true,
		workers: par.Workers(l.Workers), precision: l.Precision, reduction: l.Reduction,
	}, l, b, grad, scale)
	l.labels = nil
	return r, err
}

func (l *CosFace) score(_, i int, z []float32) rowScore {
	y := l.labels[i]
	return classify(z, y, float32(float64(z[y])-l.offset), 1)
}

// classify is the cross-entropy of logits z for class y, whose logit is replaced by target, with
// the given slope.
func classify(z []float32, y int, target, slope float32) rowScore {
	z[y] = tile.NegInf
	loss, others, sum := tile.Contrast(z, target, tile.RowShift(z, target))
	z[y] = -others * slope
	return rowScore{loss: loss, factor: 1 / sum, valid: true}
}

// checkClasses returns an error that names the first label that is no row of K. It panics unless
// there is a label for each row of Q.
func checkClasses(op string, b Batch) error {
	checkLen(op, "Labels", len(b.Labels), b.Q.Rows)
	for i, y := range b.Labels {
		if y < 0 || y >= b.K.Rows {
			return fmt.Errorf("%s: label %d is %d, want the number of one of the %d rows of K", op, i, y, b.K.Rows)
		}
	}
	return nil
}

// MemoryEstimate implements [MemoryEstimator].
func (l *ArcFace) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, b.K.Rows, b.Q.Cols, true, l.Workers, l.Precision)
}

// MemoryEstimate implements [MemoryEstimator].
func (l *CosFace) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, b.K.Rows, b.Q.Cols, true, l.Workers, l.Precision)
}
