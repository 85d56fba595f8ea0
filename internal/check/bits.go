package check

import (
	"math"
	"testing"
)

// SameBits reports an error if got and want differ in length or in any bit, and says where first
// and how often. All NaNs count as the same, because their sign and payload are unspecified.
func SameBits(t testing.TB, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", name, len(got), len(want))
		return
	}
	first, count := 0, 0
	for i, g := range got {
		if math.Float32bits(g) == math.Float32bits(want[i]) || g != g && want[i] != want[i] {
			continue
		}
		if count == 0 {
			first = i
		}
		count++
	}
	if count > 0 {
		g, w := got[first], want[first]
		t.Errorf("%s[%d] = %#08x (%v), want %#08x (%v); %d of %d differ",
			name, first, math.Float32bits(g), g, math.Float32bits(w), w, count, len(got))
	}
}
