package number

import (
	"math"
	"testing"
)

// TestHalf compares every binary16 with its definition.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign, exponent, fraction := 1.0, h>>10&31, float64(h&1023)
		if h>>15 == 1 {
			sign = -1
		}
		want := sign * math.Ldexp(1024+fraction, exponent-25)
		switch {
		case exponent == 0:
			want = math.Copysign(math.Ldexp(fraction, -24), sign)
		case exponent == 31 && fraction == 0:
			want = math.Inf(int(sign))
		case exponent == 31:
			want = math.NaN()
		}
		got := half(uint16(h))
		if float64(got) != want && !(got != got && math.IsNaN(want)) || math.Signbit(float64(got)) != (sign < 0) {
			t.Fatalf("half(%#04x) = %v, want %v", h, got, want)
		}
	}
}
