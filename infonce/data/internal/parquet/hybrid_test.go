package parquet

import (
	"slices"
	"testing"
)

// TestRuns has runs that say that they are of 2⁴⁰ values, of indices and of levels.
func TestRuns(t *testing.T) {
	run := []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0}
	h := hybrid{b: run, width: 8}
	for range 1000 {
		if v, err := h.next(); v != 0 || err != nil {
			t.Fatalf("%d, error %v", v, err)
		}
	}
	h = hybrid{b: append(slices.Clone(run[:6]), 5), width: 8}
	if v, err := h.next(); v != 5 || err != nil {
		t.Errorf("%d, error %v", v, err)
	}
	h = hybrid{b: []byte{3, 0b10001000, 0b11000110, 0b11111010}, width: 3} // 0 to 7
	for want := range uint32(8) {
		if v, err := h.next(); v != want || err != nil {
			t.Errorf("%d, error %v, want %d", v, err, want)
		}
	}
	if _, err := h.next(); err == nil {
		t.Error("more than there are")
	}
}
