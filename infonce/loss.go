package infonce

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/simd"
)

// A Batch is what a loss scores; each loss documents the fields that it reads. The same type holds
// gradients: a field without memory is not computed.
type Batch struct {
	Q, K      simd.Matrix // row i of Q belongs with row i of K
	Negatives simd.Matrix
	Labels    []int

	// IDs tell which rows are the same thing: those of K, followed by those of Negatives. A
	// candidate with the ID of the positive is no negative. None means that all differ.
	IDs []int

	// Weights of the terms of the loss, which are rows of Q, pairs or triplets: finite, 0 or above.
	// None means 1 each.
	Weights []float32

	Triplets []Triple // rows of Q

	// Guide holds embeddings of the same things by another model, of any width, by which
	// [FalseNegatives] are recognised. nil means that there are none.
	Guide *Batch
}

// A Triple is an anchor, a positive and a negative, as indices of rows.
type Triple struct{ A, P, N int }

// A Loss scores a batch.
//
// Evaluate returns the loss of b. Unless grad is nil it adds scale·∂loss/∂b to the matrices of
// grad, each of which has the shape of its counterpart in b or is empty. Shapes that do not fit
// panic with a *simd.ShapeError; settings and numbers that make no sense, such as a negative
// temperature or a NaN, return an error and leave grad unchanged.
type Loss interface {
	Evaluate(b Batch, grad *Batch, scale float32) (Result, error)
}

// A Result is the value of a loss and what went into it.
type Result struct {
	Loss         float64 // 0 where no term is valid
	DTemperature float64 // scale·∂loss/∂temperature; 0 without a gradient or a temperature
	DBias        float64 // scale·∂loss/∂bias, of the losses that have such a number

	// Bound is an upper bound on |Loss − exact loss| for the same float32 inputs, typically 100
	// times too large. It is +Inf where sums might exceed float32, and 0 for losses without a
	// bound, such as all those with distances.
	Bound float64

	// Losses holds the loss of each term, without its weight, and 0 where it is not valid. It is
	// memory of the loss until its next call, and nil where there are too many terms to keep.
	Losses []float64

	Valid      int // terms that could be scored
	Active     int // terms of a hinge with a loss above 0; 0 for other losses
	ZeroNorm   int // rows of norm 0, whose direction is not defined; their gradient is 0
	Clamped    int // terms that were held at a bound of the loss
	Degenerate int // negatives at distance 0, which have no direction to go; their gradient is 0
}

// DefaultMemoryBudget is the MemoryBudget of a loss where the field is 0; a negative budget is
// none.
//
// The gradient of a loss normalised over rows and columns needs the exponentials of all
// similarities once more when their sums are known. They are kept if they fit into the budget, at 4
// bytes each and half of them for a symmetric matrix; otherwise they are computed again, which
// takes about a third longer. InfoNCE without Symmetric does not copy queries and keys as a whole
// where the copies would exceed the budget, or 96 MiB. The result has the same bits.
const DefaultMemoryBudget = 256 << 20

func memoryBudget(field int64) int64 {
	if field == 0 {
		return DefaultMemoryBudget
	}
	return field
}

// inverseTemperature returns 1/t, or 1/standard where t is 0.
func inverseTemperature(op string, t, standard float32) (float32, error) {
	if t == 0 {
		t = standard
	}
	if !(t > 0) || math.IsInf(float64(t), 1) {
		return 0, fmt.Errorf("%s: temperature is %v, want a finite number above 0", op, t)
	}
	return 1 / t, nil
}

// finiteLoss returns an error unless the loss is a finite number. Finite embeddings
// give another only where logits overflow.
func finiteLoss(op string, loss float64) error {
	if loss-loss != 0 {
		return fmt.Errorf("%s: loss is %v: similarities over temperature exceed float32", op, loss)
	}
	return nil
}
