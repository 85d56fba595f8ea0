package simd

import (
	"fmt"
	"unsafe"
)

// A ShapeError is what the functions of this package and of package infonce panic with if the
// length, shape, stride or memory of an argument does not fit.
type ShapeError struct {
	Op   string // the function, as "simd.Dot"
	Arg  string // the argument
	Got  string // what it is
	Want string // what it should be
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s: %s is %s, want %s", e.Op, e.Arg, e.Got, e.Want)
}

func length(n int) string { return fmt.Sprintf("of length %d", n) }

func shape(rows, cols int) string { return fmt.Sprintf("%d×%d", rows, cols) }

// sameLen panics unless len(x) == n.
func sameLen(op, arg string, x []float32, n int) {
	if len(x) != n {
		wrongLen(op, arg, len(x), n)
	}
}

// wrongLen is separate so that the compiler inlines sameLen.
func wrongLen(op, arg string, got, want int) {
	panic(&ShapeError{op, arg, length(got), length(want)})
}

// noOverlap panics if dst and x share memory but are not the same slice.
func noOverlap(op, arg string, dst, x []float32) {
	if len(dst) == 0 || len(x) == 0 || &dst[0] == &x[0] {
		return
	}
	if overlap(dst, x) {
		const want = "apart from it or the same slice"
		panic(&ShapeError{op, arg, "partly the memory of the destination", want})
	}
}

func overlap(x, y []float32) bool {
	x0 := uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	y0 := uintptr(unsafe.Pointer(unsafe.SliceData(y)))
	return x0 < y0+4*uintptr(len(y)) && y0 < x0+4*uintptr(len(x))
}

// offset returns the index that y[0] has, or would have, in x.
func offset(x, y []float32) int {
	return (int(uintptr(unsafe.Pointer(&y[0]))) - int(uintptr(unsafe.Pointer(&x[0])))) / 4
}

// A NonFiniteError reports a NaN or an infinity among numbers that have to be finite, as those that
// a loss compares.
type NonFiniteError struct {
	Op, Arg  string
	Row, Col int
	Value    float32
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("%s: %s has %v at row %d, column %d, want finite numbers", e.Op, e.Arg, e.Value, e.Row, e.Col)
}
