package reproduce

import (
	"math"
	"math/rand/v2"

	"github.com/contrast-go/contrast/internal/scalar"
)

// A random is a stream of random numbers that has the same bits on every architecture, normal ones
// too: rand.NormFloat64 calls math.Exp and math.Log, which differ between architectures.
type random struct {
	pcg    rand.PCG
	second float64 // a normal number left over from the last pair
	left   bool
}

// What random numbers are for, besides batches of a size.
const (
	toLearn = 1<<32 + iota
	toTest
	toDefine
)

// newRandom returns the stream of a seed for a purpose, such as the number of a batch.
func newRandom(seed uint64, purpose ...uint64) *random {
	h := mix(seed)
	for _, p := range purpose {
		h = mix(h ^ p)
	}
	r := new(random)
	r.pcg.Seed(h, mix(h))
	return r
}

// mix is SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// intN returns a number in [0, n). Its bias is below n/2³².
func (r *random) intN(n int) int { return int(r.pcg.Uint64() >> 32 * uint64(n) >> 32) }

// normal returns a number of the standard normal distribution, by the polar method
// (Marsaglia and Bray 1964).
func (r *random) normal() float64 {
	if r.left {
		r.left = false
		return r.second
	}
	for {
		u := float64(int64(r.pcg.Uint64())>>10) * 0x1p-53 // in [−1, 1)
		v := float64(int64(r.pcg.Uint64())>>10) * 0x1p-53
		s := float64(u*u) + float64(v*v)
		if s >= 1 || s == 0 {
			continue
		}
		f := math.Sqrt(-2 * scalar.Log64(s) / s)
		r.second, r.left = v*f, true
		return u * f
	}
}

// fill stores normal numbers in dst.
func (r *random) fill(dst []float32) {
	for i := range dst {
		dst[i] = float32(r.normal())
	}
}
