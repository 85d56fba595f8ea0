package infonce

import "fmt"

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
