package check

import (
	"math"
	"testing"
)

func TestULP(t *testing.T) {
	const (
		tiny = math.SmallestNonzeroFloat32
		huge = math.MaxFloat32
	)
	var (
		inf   = math.Inf(1)
		nan   = math.NaN()
		inf32 = float32(inf)
		nan32 = float32(nan)
		below = math.Nextafter32(1, 0)
		above = math.Nextafter32(1, 2)
	)
	for _, c := range []struct {
		name      string
		got       float32
		want, ulp float64
	}{
		{"exact", 1.5, 1.5, 0},
		{"signed zero", float32(math.Copysign(0, -1)), 0, 0},
		{"above a power of two", above, 1, 1},
		{"below a power of two", below, 1, 0.5},
		{"wanted just below a power of two", 1, float64(below), 1},
		{"half way", 1, 1 + 0x1p-24, 0.5},
		{"want rounds up to a power of two", 1, 1 - 0x1p-40, 0x1p-16},
		{"negative", -above, -1, 1},
		{"wrong sign", -1, 1, 0x1p24},
		{"smallest normal", 0x1p-126, 0x1p-126 - 0x1p-149, 1},
		{"subnormal", 3 * tiny, 2.25 * tiny, 0.75},
		{"flushed subnormal", 0, 0x1p-130, 0x1p19},
		{"zero", tiny, 0, 1},
		{"underflow", 0, 1e-60, 1e-60 / tiny},
		{"underflow of a float64 subnormal", tiny, 5e-324, 1},
		{"largest", huge, huge, 0},
		{"beyond the largest, rounds down", huge, huge + 0x1p102, 0.25},
		{"beyond the largest, rounds up", inf32, huge + 0x1.8p103, 0.25},
		{"early overflow", inf32, huge, 1},
		{"overflow", inf32, 0x1p128, 0},
		{"far overflow", inf32, 1e300, 0},
		{"missed overflow", huge, 0x1p128, 1},
		{"overflow to the wrong side", -inf32, 0x1p128, 0x1p25},
		{"infinity", -inf32, -inf, 0},
		{"missed infinity", huge, inf, inf},
		{"wrong infinity", -inf32, inf, inf},
		{"NaN", nan32, nan, 0},
		{"spurious NaN", nan32, 1, inf},
		{"missed NaN", 1, nan, inf},
	} {
		if got := ULP(c.got, c.want); got != c.ulp {
			t.Errorf("%s: ULP(%v, %v) = %v, want %v", c.name, c.got, c.want, got, c.ulp)
		}
	}
}

// A conversion to float32 is correctly rounded: never more than half a unit, at any magnitude.
func TestULPOfRounding(t *testing.T) {
	r := NewRand(1)
	worst := 0.0
	for range 200000 {
		want := math.Ldexp(1+r.Float64(), r.IntN(290)-155)
		if ulp := ULP(float32(want), want); ulp > 0.5 {
			t.Fatalf("float32(%v) is %v ULP off", want, ulp)
		} else {
			worst = max(worst, ulp)
		}
	}
	if worst < 0.499 {
		t.Errorf("worst rounding error %v ULP, want nearly 0.5", worst)
	}
}
