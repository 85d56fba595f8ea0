package infonce

import (
	"fmt"

	"github.com/contrast-go/contrast/simd"
)

// checkNumber returns an error unless the setting x is a finite number.
func checkNumber(op, name string, x float32) error {
	if x-x != 0 {
		return fmt.Errorf("%s: %s is %v, want a finite number", op, name, x)
	}
	return nil
}

// checkPositive returns an error unless the setting x is a finite number above 0.
func checkPositive(op, name string, x float32) error {
	if !(x > 0) || x-x != 0 {
		return fmt.Errorf("%s: %s is %v, want a finite number above 0", op, name, x)
	}
	return nil
}

// checkPairs panics unless Q and K have the same shape, and what grad has of them that of theirs.
func checkPairs(op string, b Batch, grad *Batch) {
	b.Q.Check(op, "Q", -1, -1)
	b.K.Check(op, "K", b.Q.Rows, b.Q.Cols)
	if grad != nil {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
		checkGrad(op, "grad.K", grad.K, b.K)
	}
}

// checkGrad panics unless the gradient matrix g, the field arg, is empty or has the shape of x.
func checkGrad(op, arg string, g, x simd.Matrix) {
	if g.Data != nil {
		g.Check(op, arg, x.Rows, x.Cols)
	}
}

// checkKeys panics unless b has a key for each query.
func checkKeys(op string, b Batch) {
	b.Q.Check(op, "Q", -1, -1)
	if b.K.Rows < b.Q.Rows {
		b.K.Check(op, "K", b.Q.Rows, b.Q.Cols)
	}
}

// checkPairLabels returns an error that names the first label that is neither one nor other. It
// panics unless there are n labels.
func checkPairLabels(op string, labels []int, n, one, other int) error {
	checkLen(op, "Labels", len(labels), n)
	for i, y := range labels {
		if y != one && y != other {
			return fmt.Errorf("%s: label %d is %d, want %d or %d", op, i, y, one, other)
		}
	}
	return nil
}

// checkRange returns an error unless v, the field arg, is a number from lo to hi.
func checkRange(op, arg string, v, lo, hi float32) error {
	if !(v >= lo && v <= hi) {
		return fmt.Errorf("%s: %s is %v, want a number from %v to %v", op, arg, v, lo, hi)
	}
	return nil
}

// checkLen panics unless the field arg has n elements.
func checkLen(op, arg string, got, n int) {
	if got != n {
		panic(&simd.ShapeError{Op: op, Arg: arg, Got: fmt.Sprintf("of length %d", got), Want: fmt.Sprintf("of length %d", n)})
	}
}

func checkPrecision(op string, p simd.Precision) error {
	if p > simd.BFloat16 {
		return fmt.Errorf("%s: precision is %v, want %v or %v", op, p, simd.Float32, simd.BFloat16)
	}
	return nil
}

// checkIDs panics unless there are n IDs or none.
func checkIDs(op string, ids []int, n int) {
	if len(ids) > 0 {
		checkLen(op, "IDs", len(ids), n)
	}
}
