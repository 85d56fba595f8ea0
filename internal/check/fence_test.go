package check

import (
	"errors"
	"testing"
	"unsafe"
)

var sink float32

// element returns the address of x[i], even if there is no such element.
func element(x []float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(x)), i*4))
}

// A test of the tests: reading or writing one element too far is caught at both edges.
func TestFenceCatches(t *testing.T) {
	if !Guarded() {
		t.Skip("this system has no guard pages here; Linux has")
	}
	const maxLen = 1100
	f := NewFence(t, maxLen)
	for n := range maxLen + 1 {
		for _, atEnd := range []bool{false, true} {
			x := f.Slice(n, atEnd)
			if len(x) != n || cap(x) != n {
				t.Fatalf("n=%d: len %d, cap %d", n, len(x), cap(x))
			}
			outside := -1
			if atEnd {
				outside = n
			}
			if !Faults(func() { sink = *element(x, outside) }) {
				t.Errorf("n=%d atEnd=%v: reading element %d is not caught", n, atEnd, outside)
			}
			if !Faults(func() { *element(x, outside) = 1 }) {
				t.Errorf("n=%d atEnd=%v: writing element %d is not caught", n, atEnd, outside)
			}
		}
	}
}

func TestFenceAllows(t *testing.T) {
	for _, maxLen := range []int{0, 1, 1023, 1024, 1025} {
		f := NewFence(t, maxLen)
		for _, atEnd := range []bool{false, true} {
			x := f.Slice(maxLen, atEnd)
			if Faults(func() {
				for i := range x {
					x[i] = float32(i)
				}
				for i := range x {
					sink += x[i]
				}
			}) {
				t.Errorf("maxLen=%d atEnd=%v: a fault inside the slice", maxLen, atEnd)
			}
		}
	}
	for _, end := range []bool{false, true} {
		if x := Fenced(t, 5, end); len(x) != 5 || x[0] != 0 || x[4] != 0 {
			t.Errorf("Fenced: %v, want five zeros", x)
		}
	}
}

func TestFaultsPassesPanics(t *testing.T) {
	mine := errors.New("mine")
	var empty []float32
	for _, c := range []struct {
		name string
		f    func()
		want func(r any) bool
	}{
		{"own panic", func() { panic(mine) }, func(r any) bool { return r == mine }},
		{"index out of range", func() { sink = empty[len(empty)] }, func(r any) bool {
			_, ok := r.(error)
			return ok
		}},
	} {
		func() {
			defer func() {
				if r := recover(); !c.want(r) {
					t.Errorf("%s: recovered %v", c.name, r)
				}
			}()
			Faults(c.f)
			t.Errorf("%s: no panic", c.name)
		}()
	}
}
