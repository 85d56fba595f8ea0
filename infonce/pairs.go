package infonce

import "fmt"

// checkPairLabels returns an error that names the first label that is neither one nor other. It panics unless
// there are n labels.
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
