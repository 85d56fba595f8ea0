package tile

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

var NegInf = float32(math.Inf(-1))

// MaxShift is the shift of rows that take no part: all exponentials with it are 0.
const MaxShift = math.MaxFloat32

// Contrast is the cross-entropy of the softmax over one positive logit and the negative logits z:
//
//	loss = −pos + ln(e^pos + Σ e^z_j)
//
// It replaces z by e^(z−shift) and returns the loss, the sum neg of what it stored, and the sum s
// including the positive's exponential. So the probability of negative j is z_j/s, and the gradient
// of the positive is −neg/s, which is accurate even where the probability of the positive is 1 to
// the last bit. A z_j of −Inf takes no part.
func Contrast(z []float32, pos, shift float32) (loss float64, neg, s float32) {
	neg = simd.ExpSum(z, z, shift)
	loss, s = CrossEntropy(neg, pos, shift)
	return loss, neg, s
}

// CrossEntropy is Contrast where the sum of the negatives is known.
func CrossEntropy(neg, pos, shift float32) (loss float64, s float32) {
	e := scalar.Exp(pos - shift)
	s = neg + e
	if neg <= e {
		// Small losses would vanish in the difference of two logarithms.
		return scalar.Log1p64(float64(neg) / float64(e)), s
	}
	return scalar.Log64(float64(neg)+float64(e)) + (float64(shift) - float64(pos)), s
}

// RowShift returns what to subtract from the logits before the exponential: the maximum of those
// that take part, so that nothing overflows at any temperature.
func RowShift(z []float32, pos float32) float32 { return max(simd.Max(z), pos) }

// CommonShift is the shift that rows and columns share in the two-sided losses where the logits are
// bounded by β: with cosines, e^(z−β) is at least e^−2β, a normal float32 for β ≤ 40. One
// exponential then serves both sides. ok is false where it does not apply.
func CommonShift(beta float32, cosine bool) (shift float32, ok bool) {
	return beta, cosine && beta <= 40
}

// Softmax is what the rows of a softmax have in common. Their weights are known beforehand, and so
// go into the gradient where it is made.
type Softmax struct {
	Beta    float32
	Cosine  bool
	Budget  int64
	Workers int
	Weights []float32   // of the samples; row i is of sample i mod len(weights)
	Total   float32     // what the sum of the weighted losses is divided by
	Same    *Duplicates // candidates

	// Decoupled are the weights of the positives of each sample, where the positive is not in the
	// denominator (DCL). None means that it is.
	Decoupled []float32
}

// A Side holds the sums of the rows, or of the columns, of a two-sided softmax.
type Side struct {
	shift  []float32 // of the exponentials
	inv    []float32 // weight/s
	pos    []float32 // gradient of the positive, −weight·neg/s
	Losses []float64
}

func (d *Side) resize(n int) {
	d.shift, d.inv, d.pos, d.Losses = Grow(d.shift, n), Grow(d.inv, n), Grow(d.pos, n), Grow(d.Losses, n)
}

// set stores the sums of row i, given that of the exponentials of its negatives. The factor weight
// of the gradient goes into them: so it is applied once to each element, and a gradient does not
// depend on which side its rows are on.
func (d *Side) set(i int, neg, pos, shift, weight float32) {
	loss, s := CrossEntropy(neg, pos, shift)
	d.shift[i], d.inv[i], d.pos[i], d.Losses[i] = shift, weight/s, -(neg/s)*weight, loss
}

// decoupled is CrossEntropy where the positive is not in the denominator, and counts by a weight of
// its own:
//
//	loss = −weight·pos + ln Σ e^z_j
func decoupled(neg, pos, shift, weight float32) (loss float64) {
	return scalar.Log64(float64(neg)) + (float64(shift) - float64(float64(weight)*float64(pos)))
}

// setDecoupled is set for such a loss. A row without negatives takes no part.
func (d *Side) setDecoupled(i int, neg, pos, shift, weight, positive float32) {
	if neg == 0 {
		d.leaveOut(i, i+1)
		return
	}
	d.shift[i], d.inv[i], d.pos[i], d.Losses[i] = shift, weight/neg, -(positive * weight), decoupled(neg, pos, shift, positive)
}

// leaveOut excludes rows i to j−1.
func (d *Side) leaveOut(i, j int) {
	for ; i < j; i++ {
		d.shift[i], d.inv[i], d.pos[i], d.Losses[i] = MaxShift, 0, 0, 0
	}
}

// Grow returns a slice of length n, in the memory of x if that suffices. Its elements are
// arbitrary.
func Grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}
