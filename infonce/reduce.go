package infonce

import (
	"fmt"

	"github.com/contrast-go/contrast/simd"
)

// A Reduction says how the losses ℓ of terms with weights w become one number.
// [Result] has the loss of each term besides.
type Reduction uint8

const (
	Mean       Reduction = iota // Σ w·ℓ / Σ w over the valid terms
	Sum                         // Σ w·ℓ
	MeanActive                  // Σ w·ℓ / Σ w over the terms with ℓ > 0
)

// String returns the name of the constant.
func (r Reduction) String() string {
	switch r {
	case Mean:
		return "Mean"
	case Sum:
		return "Sum"
	case MeanActive:
		return "MeanActive"
	}
	return fmt.Sprintf("Reduction(%d)", uint8(r))
}

func checkReduction(op string, r Reduction) error {
	if r > MeanActive {
		return fmt.Errorf("%s: reduction is %v, want Mean, Sum or MeanActive", op, r)
	}
	return nil
}

// checkWeights returns an error that names the first weight that is negative or not finite. It
// panics unless there are n weights or none.
func checkWeights(op string, w []float32, n int) error {
	if len(w) == 0 {
		return nil
	}
	checkLen(op, "Weights", len(w), n)
	for i, v := range w {
		if !(v >= 0) || v-v != 0 {
			return fmt.Errorf("%s: weight %d is %v, want a finite number, 0 or above", op, i, v)
		}
	}
	return nil
}

// checkLen panics unless the field arg has n elements.
func checkLen(op, arg string, got, n int) {
	if got != n {
		panic(&simd.ShapeError{Op: op, Arg: arg, Got: fmt.Sprintf("of length %d", got), Want: fmt.Sprintf("of length %d", n)})
	}
}

// weightOf returns the weight of term i.
func weightOf(w []float32, i int) float64 {
	if len(w) == 0 {
		return 1
	}
	return float64(w[i])
}

// A tally reduces the losses of terms, which come in order.
type tally struct {
	sum           float64 // Σ w·ℓ
	weight        float64 // Σ w
	activeWeight  float64 // Σ w over ℓ > 0
	valid, active int
}

// add counts a valid term.
func (t *tally) add(loss, weight float64) {
	t.valid++
	t.sum += float64(weight * loss)
	t.weight += weight
	if loss > 0 {
		t.active++
		t.activeWeight += weight
	}
}

// reduce returns the loss, and what to multiply the gradient of Σ w·ℓ with. Both are 0 where no
// term counts.
func (t *tally) reduce(r Reduction) (loss, factor float64) {
	of := t.weight
	switch r {
	case Sum:
		return t.sum, 1
	case MeanActive:
		of = t.activeWeight
	}
	if of == 0 {
		return 0, 0
	}
	return t.sum / of, 1 / of
}
