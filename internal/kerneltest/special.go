package kerneltest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/generic"
	"github.com/contrast-go/contrast/internal/scalar"
)

var (
	nan       = float32(math.NaN())
	inf       = float32(math.Inf(1))
	minusZero = float32(math.Copysign(0, -1))
)

// maxIgnoresNaN puts one number in every place among others. Max ignores NaNs, quiet or signalling
// and of either sign, returns −Inf if there is nothing else, and +0 for both zeros.
func maxIgnoresNaN(t *testing.T, k Kernels) {
	cases := []struct{ fill, v float32 }{
		{-2, nan}, {-inf, nan}, {minusZero, minusZero}, {-inf, inf}, {-1, minusZero},
	}
	for _, u := range []uint32{0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fbfffff} {
		fill := math.Float32frombits(u)
		for _, v := range []float32{-3, -inf, minusZero, fill} {
			cases = append(cases, struct{ fill, v float32 }{fill, v})
		}
	}
	for _, c := range cases {
		for n := range 70 {
			for at := range max(n, 1) {
				x := slices.Repeat([]float32{c.fill}, n)
				if n > 0 {
					x[at] = c.v
				}
				want := []float32{largest(x)}
				name := fmt.Sprintf("Max of %d %#x, but %v at %d", n, math.Float32bits(c.fill), c.v, at)
				check.SameBits(t, name, []float32{k.Max(x)}, want)
				check.SameBits(t, "generic."+name, []float32{generic.Max(x)}, want)
			}
		}
	}
}

// largest is Max by the bits of its arguments, without comparing floats.
func largest(x []float32) float32 {
	const inf = 0x7f800000
	most := int32(-inf)
	for _, v := range x {
		size := int32(math.Float32bits(v) &^ (1 << 31))
		if size > inf {
			continue
		}
		if math.Signbit(float64(v)) {
			size = -size
		}
		most = max(most, size)
	}
	if most < 0 {
		return math.Float32frombits(1<<31 | uint32(-most))
	}
	return math.Float32frombits(uint32(most))
}

// indexAtLeastAnywhere looks for the first of several in every place. NaN is never found.
func indexAtLeastAnywhere(t *testing.T, k Kernels) {
	for n := range 200 {
		x := slices.Repeat([]float32{1}, n)
		for at := range n {
			x[at] = 2
			for _, later := range []int{n, at + 1, at + 8, at + 31, at + 64} {
				before := slices.Clone(x)
				if later < n {
					x[later] = 3
				}
				if at > 0 {
					x[at-1] = nan
				}
				if got := k.IndexAtLeast(x, 2); got != at {
					t.Fatalf("n=%d: %d, want %d", n, got, at)
				}
				copy(x, before)
			}
			x[at] = 1
		}
		if got := k.IndexAtLeast(x, 2); got != n {
			t.Fatalf("n=%d: %d, want n where none is so large", n, got)
		}
		if got := k.IndexAtLeast(x, nan); got != n {
			t.Fatalf("n=%d: %d, want n for NaN", n, got)
		}
	}
}

// maxAffineSpecial checks that a NaN in dst stays, that no other NaN gets there, and that dst wins
// among zeros.
func maxAffineSpecial(t *testing.T, k Kernels) {
	for _, c := range []struct{ dst, x, alpha, c, want float32 }{
		{nan, 1, 1, 1, nan}, {1, nan, 1, 1, 1}, {1, inf, 0, 1, 1}, {1, 1, 1, nan, 1}, {nan, nan, 1, 1, nan},
		{minusZero, 0, 1, 0, minusZero}, {0, minusZero, 1, minusZero, 0},
		{-inf, inf, -1, 0, -inf}, {-inf, 1, 2, 3, 5}, {5, 1, 2, 3, 5}, {1, inf, 1, 0, inf},
	} {
		for n := range 80 {
			dst, x := slices.Repeat([]float32{c.dst}, n), slices.Repeat([]float32{c.x}, n)
			k.MaxAffine(dst, x, c.alpha, c.c)
			check.SameBits(t, fmt.Sprintf("MaxAffine %+v n=%d", c, n), dst, slices.Repeat([]float32{c.want}, n))
		}
	}
}

// dotOfMinusZeros adds products that underflow to −0. The sum is +0, whether or not there are empty
// lanes.
func dotOfMinusZeros(t *testing.T, k Kernels) {
	for n := range 100 {
		x, y := slices.Repeat([]float32{-0x1p-100}, n), slices.Repeat([]float32{0x1p-100}, n)
		check.SameBits(t, fmt.Sprint("Dot n=", n), []float32{k.Dot(x, y)}, []float32{0})
	}
}

// expLogBits compares exp and log of every 251st bit pattern, or with -short of every 4099th, and
// of all patterns near the bounds of a case. Neither number divides a power of two.
func expLogBits(t *testing.T, k Kernels) {
	stride := uint64(251)
	if testing.Short() {
		stride = 4099
	}
	x := make([]float32, 4096)
	for u := uint64(0); u < 1<<32 && !t.Failed(); {
		for i := range x {
			x[i] = math.Float32frombits(uint32(u))
			u += stride
		}
		compareExpLog(t, k, fmt.Sprintf("up to %#x", u), x)
	}
	for _, v := range []float32{0, 1, -104, -103.97208, -87.33655, 88.72284, 89, math.Sqrt2, math.Sqrt2 / 2, 0x1p-126, math.MaxFloat32} {
		const reach = 1000
		around := x[:2*reach+1]
		for i := range around {
			around[i] = math.Float32frombits(math.Float32bits(v) + uint32(i) - reach)
		}
		compareExpLog(t, k, fmt.Sprint("around ", v), around)
	}
}

func compareExpLog(t *testing.T, k Kernels, name string, x []float32) {
	got, want := make([]float32, len(x)), make([]float32, len(x))
	var lane, wantLane [16]float32
	k.ExpLanes(got, x, 0, &lane)
	for i, v := range x {
		want[i] = scalar.Exp(v)
		wantLane[i%16] += want[i]
	}
	check.SameBits(t, "exp "+name, got, want)
	check.SameBits(t, "ExpLanes adds "+name, lane[:], wantLane[:])
	check.SameBits(t, "SumExp "+name, []float32{k.SumExp(x, 0)}, []float32{generic.Sum(want)})
	k.Log(got, x)
	for i, v := range x {
		want[i] = scalar.Log(v)
	}
	check.SameBits(t, "log "+name, got, want)
}
