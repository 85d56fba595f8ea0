package reproduce

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
)

// Normal numbers have the bits that they had when this was written, on amd64.
func TestNormalBits(t *testing.T) {
	r, h := newRandom(1, 2, 3), sha256.New()
	for range 10_000 {
		binary.Write(h, binary.LittleEndian, r.normal())
	}
	const want = "0e3f3fc9fb2ba58c"
	if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != want {
		t.Errorf("hash is %s, want %s", got, want)
	}
}

// The distribution of normal numbers is within what Kolmogorov and Smirnov allow in all but one of
// a thousand samples.
func TestNormalDistribution(t *testing.T) {
	const n = 100_000
	r := newRandom(7)
	x := make([]float64, n)
	for i := range x {
		x[i] = r.normal()
	}
	slices.Sort(x)
	farthest := 0.0
	for i, v := range x {
		p := math.Erfc(-v/math.Sqrt2) / 2
		farthest = max(farthest, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
	}
	if bound := 1.95 / math.Sqrt(n); farthest > bound {
		t.Errorf("distribution is off by %v, want at most %v", farthest, bound)
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := make(map[uint64]string)
	for seed := range uint64(4) {
		for _, purpose := range [][]uint64{{}, {0}, {1}, {0, 1}, {1, 0}, {2, 3}, {3, 2}} {
			name := fmt.Sprint(seed, purpose)
			v := newRandom(seed, purpose...).pcg.Uint64()
			if other, ok := seen[v]; ok {
				t.Errorf("%s has the numbers of %s", name, other)
			}
			seen[v] = name
		}
	}
}

func TestIntN(t *testing.T) {
	r := newRandom(5)
	counts := make([]int, 7)
	for range 70_000 {
		counts[r.intN(len(counts))]++
	}
	for i, c := range counts {
		if math.Abs(float64(c)-10_000) > 5*math.Sqrt(10_000*6.0/7) {
			t.Errorf("%d comes %d times of 70,000", i, c)
		}
	}
}

func TestExponent(t *testing.T) {
	x, y := []float64{1, 2, 4, 8}, make([]float64, 4)
	for i := range x {
		y[i] = 3 * math.Pow(x[i], 1.7)
	}
	if e := exponent(x, y); math.Abs(e-1.7) > 1e-12 {
		t.Errorf("exponent is %v, want 1.7", e)
	}
}

func TestSample(t *testing.T) {
	s := sampleOf([]float64{1, 2, 3, 6})
	if s.mean != 3 || math.Abs(s.deviation-math.Sqrt(14.0/3)) > 1e-15 || math.Abs(s.err()-math.Sqrt(14.0/12)) > 1e-15 {
		t.Errorf("sample is %+v, error %v", s, s.err())
	}
	if s := sampleOf([]float64{4}); s.mean != 4 || s.err() == s.err() {
		t.Errorf("sample of one is %+v", s)
	}
}
