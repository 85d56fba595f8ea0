package check

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"unsafe"
)

// A Fence is memory between two pages of which no byte can be read or written,
// for showing that a kernel stays within its slices. Where Guarded returns
// false it is ordinary memory. A test needs one Fence an operand, since all
// slices of one Fence share its memory.
type Fence struct {
	base  unsafe.Pointer // the first element after the lower page
	elems int            // up to the upper page
}

// NewFence returns a Fence for slices of up to maxLen elements. It lasts until
// the end of the test.
func NewFence(t testing.TB, maxLen int) *Fence {
	t.Helper()
	page := os.Getpagesize()
	size := (max(maxLen, 1)*4 + page - 1) / page * page
	region := fencedRegion(t, size, page)
	return &Fence{base: unsafe.Pointer(&region[page]), elems: size / 4}
}

// Slice returns n elements that touch the upper page with their end, or else
// the lower page with their beginning. An empty slice touches it too. The
// elements keep what was last written there, 0 at first.
func (f *Fence) Slice(n int, atEnd bool) []float32 {
	if n < 0 || n > f.elems {
		panic(fmt.Sprintf("check: slice of %d elements from a fence of %d", n, f.elems))
	}
	offset := 0
	if atEnd {
		offset = f.elems - n
	}
	// Slicing would not do: an empty slice need not point to its place.
	return unsafe.Slice((*float32)(unsafe.Add(f.base, offset*4)), n)
}

// Fenced returns n zeros with a page that faults right after their end, or else
// right before their beginning. It maps memory each time; NewFence is for loops.
func Fenced(t testing.TB, n int, end bool) []float32 {
	t.Helper()
	return NewFence(t, n).Slice(n, end)
}

// Faults reports whether f touched memory that it may not. The panics of f that
// mean something else pass through. Faults of other goroutines, also those that
// f starts, end the program.
func Faults(f func()) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			// Only the run-time error of a fault has an address.
			if _, fault = r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
		}
	}()
	f()
	return false
}
