package check

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/bits"
)

// The sums were computed on amd64; every architecture is held to them.
func TestRandBits(t *testing.T) {
	for _, c := range []struct {
		name string
		x    []float32
		want string
	}{
		{"Float32s", NewRand(1).Float32s(1000, -125, 105), "f785c3d0ad9beefcb56d5eac32bbd8c2"},
		{"Normals32", NewRand(2).Normals32(1000), "9c793c6f04613ea01753759065299f0c"},
		{"Bits32", NewRand(3).Bits32(1000), "3c2f9bd40f26f7669d3d879d70ebd86a"},
		{"SmallInts", NewRand(4).SmallInts(1000, 9), "b2a86d3cfd35f846efa0eec0cc7351d6"},
	} {
		var h bits.Hash
		h.Float32s(c.x)
		if got := h.Sum(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Mean and variance are within five standard errors of those of the distribution.
func TestRandMoments(t *testing.T) {
	const n = 100000
	for _, c := range []struct {
		name           string
		x              []float32
		mean, variance float64
		kurtosis       float64 // of the distribution: the variance of x² is (kurtosis − 1)·variance²
		lo, hi         float32
	}{
		{"Float32s", NewRand(1).Float32s(n, -2, 4), 1, 3, 1.8, -2, 4},
		{"Normals32", NewRand(2).Normals32(n), 0, 1, 2.9, -6, 6},
		{"SmallInts", NewRand(3).SmallInts(n, 4), 0, 20.0 / 3, 1.77, -4, 4},
	} {
		var sum, squares float64
		for _, v := range c.x {
			if v < c.lo || v > c.hi {
				t.Fatalf("%s: %v outside [%v, %v]", c.name, v, c.lo, c.hi)
			}
			d := float64(v) - c.mean
			sum += d
			squares += float64(d * d)
		}
		if d := math.Abs(sum / n); d > 5*math.Sqrt(c.variance/n) {
			t.Errorf("%s: mean is off by %v", c.name, d)
		}
		if d := math.Abs(squares/n - c.variance); d > 5*c.variance*math.Sqrt((c.kurtosis-1)/n) {
			t.Errorf("%s: variance is off by %v", c.name, d)
		}
	}
}

func TestBits32HasAllKinds(t *testing.T) {
	kinds := map[string]func(v float32) bool{
		"zero":      func(v float32) bool { return v == 0 },
		"subnormal": func(v float32) bool { return v != 0 && math.Abs(float64(v)) < 0x1p-126 },
		"normal":    func(v float32) bool { return math.Abs(float64(v)) >= 0x1p-126 && !math.IsInf(float64(v), 0) },
		"infinite":  func(v float32) bool { return math.IsInf(float64(v), 0) },
		"NaN":       func(v float32) bool { return v != v },
	}
	for name, is := range kinds {
		for _, sign := range []uint32{0, 1} {
			count := 0
			for _, v := range NewRand(3).Bits32(1000) {
				if is(v) && math.Float32bits(v)>>31 == sign {
					count++
				}
			}
			if count < 5 {
				t.Errorf("%d of 1000 are %s with sign bit %d, want 5 at least", count, name, sign)
			}
		}
	}
}
