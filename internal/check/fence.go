package check

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"unsafe"
)

// A Fence is memory between two pages that can be neither read nor written. It shows that a kernel
// stays within its slices. If Guarded returns false it is ordinary memory. A test needs one Fence
// for each operand, because all slices of a Fence share its memory.
type Fence struct {
	base  unsafe.Pointer // the first element after the lower page
	elems int            // up to the upper page
}

// NewFence returns a Fence for slices of up to maxLen elements. It lasts until the test ends.
func NewFence(t testing.TB, maxLen int) *Fence {
	t.Helper()
	page := os.Getpagesize()
	size := (max(maxLen, 1)*4 + page - 1) / page * page
	region := fencedRegion(t, size, page)
	return &Fence{base: unsafe.Pointer(&region[page]), elems: size / 4}
}

// Slice returns n elements that end at the upper page, or begin at the lower page. So does an empty
// slice. The elements keep what was last written there, initially 0.
func (f *Fence) Slice(n int, atEnd bool) []float32 {
	if n < 0 || n > f.elems {
		panic(fmt.Sprintf("check: slice of %d elements from a fence of %d", n, f.elems))
	}
	offset := 0
	if atEnd {
		offset = f.elems - n
	}
	// A slice expression would not do: an empty slice may point elsewhere.
	return unsafe.Slice((*float32)(unsafe.Add(f.base, offset*4)), n)
}

// Fenced returns n zeros with a page that faults right after or right before them. It maps memory
// in every call; loops should use a Fence.
func Fenced(t testing.TB, n int, end bool) []float32 {
	t.Helper()
	return NewFence(t, n).Slice(n, end)
}

// Faults reports whether f touched memory that it may not touch. Other panics of f pass through. A
// fault in another goroutine ends the program, even if f started it.
func Faults(f func()) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			// Only the runtime error of a fault has an address.
			if _, fault = r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
		}
	}()
	f()
	return false
}
