package train

import (
	"math/bits"
	"math/rand/v2"
)

// A stream is a sequence of random numbers that follows from a seed and from what
// it is drawn for, and from nothing that was drawn before. So neither the order of the
// draws nor a resumed run changes any.
type stream struct{ pcg rand.PCG }

// What a stream is drawn for.
const (
	forShuffle  = iota // the order of an epoch
	forPartner         // the positive of a sample, the members of a class
	forView            // the augmentation of a row
	forRowNoise        // that of a row of vectors, one each
	forRowDropout
	forRowCrop
	forViewMore // what augmentation of a row is off by default
)

// seed starts the stream of purpose for the indices a and b.
func (s *stream) seed(seed, purpose uint64, a, b int) {
	h := mix(seed)
	h = mix(h ^ purpose)
	h = mix(h ^ uint64(a))
	h = mix(h ^ uint64(b))
	s.pcg.Seed(h, mix(h))
}

// mix is a bijection in which each bit of x changes half of the result: SplitMix64
// (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// intN returns a number in [0, n). Its bias is below n/2⁶⁴.
func (s *stream) intN(n int) int {
	hi, _ := bits.Mul64(s.pcg.Uint64(), uint64(n))
	return int(hi)
}

// unit returns a number in [0, 1).
func (s *stream) unit() float64 { return float64(s.pcg.Uint64()>>11) * 0x1p-53 }

// around returns a number in [−reach, reach).
func (s *stream) around(reach float32) float64 {
	u := s.unit()
	return float64(float64(reach) * (u + u - 1)) // not fused with a sum of the caller
}

// shuffle brings x into random order (Fisher and Yates).
func (s *stream) shuffle(x []int) { s.choose(x, len(x)) }

// choose brings a random selection of x, in random order, to its first n elements.
func (s *stream) choose(x []int, n int) {
	for i := range n {
		j := i + s.intN(len(x)-i)
		x[i], x[j] = x[j], x[i]
	}
}
