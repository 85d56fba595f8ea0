//go:build !linux

package check

import "testing"

// Guarded reports whether a Fence catches accesses outside it.
func Guarded() bool { return false }

// fencedRegion returns size bytes between two pages, all of ordinary memory.
func fencedRegion(t testing.TB, size, page int) []byte {
	return make([]byte, size+2*page)
}
