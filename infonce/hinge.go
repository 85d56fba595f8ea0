package infonce

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// A hinge turns two distances into a loss.
type hinge struct {
	margin              float64
	squared, soft, swap bool
	coordinate, root    float64 // what is added to a distance, see Triplet
	boundary            float64 // that of MarginLoss; else 0
}

// A tripletScore is what the gradient of a triplet needs of its value.
type tripletScore struct {
	positive, negative float64 // distances
	toward, away       float64 // ∂loss/∂positive and −∂loss/∂negative
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

// addGrad adds w times the gradient of the loss of a triplet to da, dp and dn, or of some columns
// of it.
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
	d := tile.SquaredDistance(x, y)
	if h.coordinate != 0 {
		d = shiftedSquares(x, y, h.coordinate)
	}
	d += h.root
	if h.squared {
		return d
	}
	return math.Sqrt(d)
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
		return tile.Softplus(v)
	case v > 0:
		return v, 1
	}
	return 0, 0
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

// apart returns the losses of the pairs of a triplet.
func (h *hinge) apart(a, p, n []float32) (positive, negative float64, s tripletScore) {
	s.positive, s.negative = h.distance(a, p), h.distance(a, n)
	positive, s.toward = h.score(s.positive, h.boundary)
	negative, s.away = h.score(h.boundary, s.negative)
	return positive, negative, s
}
