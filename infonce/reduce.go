package infonce

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
)

// A Reduction says how the losses ℓ of terms with weights w become one number. [Result].Losses has
// the loss of each term.
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

// checkSmooth is checkReduction for a loss whose rows are all active.
func checkSmooth(op string, r Reduction) error {
	if r == MeanActive {
		return fmt.Errorf("%s: reduction is MeanActive, want Mean or Sum: all rows of a softmax are active", op)
	}
	return checkReduction(op, r)
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

// reduce returns the loss, and the factor of the gradient of Σ w·ℓ. Both are 0 where no term
// counts.
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

// divisor returns what the sum of the weighted losses of n rows is divided by, where all rows count
// and their weights are known beforehand: row i has that of sample i mod len(w).
func divisor(r Reduction, w []float32, n int) float32 {
	switch {
	case r == Sum:
		return 1
	case len(w) == 0:
		return float32(max(n, 1))
	}
	var sum float64
	for i := range n {
		sum += float64(w[i%len(w)])
	}
	if sum == 0 {
		return 1 // and all weights are 0
	}
	return float32(sum)
}

// reduce returns the loss, given that of each row.
func reduce(r Reduction, w []float32, losses []float64) float64 {
	var all tally
	for i, l := range losses {
		all.add(l, tile.WeightOf(w, i))
	}
	loss, _ := all.reduce(r)
	return loss
}

// mass returns the sum of the weights of n rows over what their losses are divided by: 1 for a
// mean.
func mass(r Reduction, w []float32, n int) float64 {
	var sum float64
	for i := range n {
		sum += tile.WeightOf(w, i)
	}
	if sum > 0 && r == Mean {
		return 1
	}
	return sum
}
