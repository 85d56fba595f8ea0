package check

import (
	"syscall"
	"testing"
)

// Guarded reports whether a Fence catches accesses outside it.
func Guarded() bool { return true }

// fencedRegion maps size bytes between two pages that fault, until the test ends.
func fencedRegion(t testing.TB, size, page int) []byte {
	t.Helper()
	region, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("fence: map %d bytes: %v", size+2*page, err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(region); err != nil {
			t.Errorf("fence: unmap: %v", err)
		}
	})
	for _, edge := range [][]byte{region[:page], region[page+size:]} {
		if err := syscall.Mprotect(edge, syscall.PROT_NONE); err != nil {
			t.Fatalf("fence: protect: %v", err)
		}
	}
	return region
}
