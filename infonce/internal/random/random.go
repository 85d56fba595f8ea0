// Package random provides the random numbers of training: streams that depend on a seed and a
// purpose.
package random

import (
	"math/bits"
	"math/rand/v2"
)

// A Stream is a sequence of random numbers that depends on a seed and a purpose, and not on what
// was drawn before for other purposes. So neither the order of work nor a resumed run changes any
// number.
type Stream struct{ pcg rand.PCG }

// The purposes of streams.
const (
	ForShuffle  = iota // the order of an epoch
	ForPartner         // the positive of a sample, the samples of a class
	ForView            // the augmentation of a row
	ForRowNoise        // augmentations of a row of vectors, one each
	ForRowDropout
	ForRowCrop
	ForViewOptional // the part of ForView that is off by default
)

// Seed starts the stream of a purpose and of two indices, such as step and row.
func (s *Stream) Seed(seed, purpose uint64, a, b int) {
	h := Mix(seed)
	h = Mix(h ^ purpose)
	h = Mix(h ^ uint64(a))
	h = Mix(h ^ uint64(b))
	s.pcg.Seed(h, Mix(h))
}

// Mix is a bijection in which each bit of x changes half of the bits of the result: SplitMix64
// (Steele, Lea and Flood 2014).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Uint64 returns the next 64 random bits.
func (s *Stream) Uint64() uint64 { return s.pcg.Uint64() }

// IntN returns a number in [0, n). Its bias is below n/2⁶⁴.
func (s *Stream) IntN(n int) int {
	hi, _ := bits.Mul64(s.pcg.Uint64(), uint64(n))
	return int(hi)
}

// Unit returns a number in [0, 1).
func (s *Stream) Unit() float64 { return float64(s.pcg.Uint64()>>11) * 0x1p-53 }

// Around returns a number in [−reach, reach).
func (s *Stream) Around(reach float32) float64 {
	u := s.Unit()
	return float64(float64(reach) * (u + u - 1)) // not fused with a sum of the caller
}

// Shuffle puts x in random order (Fisher and Yates).
func (s *Stream) Shuffle(x []int) { s.Choose(x, len(x)) }

// Choose moves n random elements of x, in random order, to its front.
func (s *Stream) Choose(x []int, n int) {
	for i := range n {
		j := i + s.IntN(len(x)-i)
		x[i], x[j] = x[j], x[i]
	}
}
