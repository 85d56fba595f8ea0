package generic_test

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/generic"
)

// What BFloat16 returns is nearest to x among the numbers whose lower half is 0, by exact
// distances; for every upper half, with the lower halves where the result changes.
func TestBFloat16IsNearest(t *testing.T) {
	for upper := range uint32(1 << 16) {
		for _, lower := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff} {
			u := upper<<16 | lower
			x := math.Float32frombits(u)
			got := generic.BFloat16(x)
			bits := math.Float32bits(got)
			if bits&0xffff != 0 {
				t.Fatalf("BFloat16(%v) = %v, whose lower half is not 0", x, got)
			}
			switch size := math.Abs(float64(x)); {
			case x != x:
				if got == got {
					t.Fatalf("BFloat16(NaN %#x) = %v", u, got)
				}
			case size < 0x1p-56:
				if bits != u&(1<<31) {
					t.Fatalf("BFloat16(%v) = %v, want a zero of its sign", x, got)
				}
			case math.IsInf(size, 1):
				if got != x {
					t.Fatalf("BFloat16(%v) = %v", x, got)
				}
			default:
				// Beyond the largest number lies 2^128, which stands for infinity.
				below := math.Abs(float64(math.Float32frombits(u &^ 0xffff)))
				above := math.Float64frombits(math.Float64bits(below) + 1<<(52-7))
				want := below
				if d := (size - below) - (above - size); d > 0 || d == 0 && upper&1 == 1 {
					want = above
				}
				if want == 0x1p128 {
					want = math.Inf(1)
				}
				if math.Copysign(want, float64(x)) != float64(got) {
					t.Fatalf("BFloat16(%x) = %x, want the size %x", x, got, want)
				}
			}
		}
	}
}
