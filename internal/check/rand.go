package check

import (
	"math"
	"math/rand/v2"
)

// A Rand makes test inputs: the same seed gives the same bits on every architecture. This holds for
// all methods of rand.Rand except NormFloat64 and ExpFloat64, which call math.Exp and math.Log.
type Rand struct{ *rand.Rand }

// NewRand returns a generator (PCG) with the given seed.
func NewRand(seed uint64) *Rand {
	return &Rand{rand.New(rand.NewPCG(seed, 0))}
}

// Float32s returns n numbers uniform in [lo, hi]: lo + u·(hi − lo), where u is a multiple of 2^−24
// below 1.
func (r *Rand) Float32s(n int, lo, hi float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		// The conversion keeps the product from being fused with the sum.
		x[i] = lo + float32(r.Float32()*(hi-lo))
	}
	return x
}

// Normals32 returns n approximately normal numbers of mean 0 and variance 1: the sum of 12 uniform
// ones minus 6 (Irwin and Hall). They lie within ±6. The sum is over integers, and each number is
// rounded once.
func (r *Rand) Normals32(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		sum := int64(0)
		for range 6 {
			u := r.Uint64()
			sum += int64(u>>32) + int64(u&math.MaxUint32)
		}
		x[i] = float32(float64(sum-6*math.MaxUint32) * 0x1p-32)
	}
	return x
}

// specials are numbers that uniform bits hardly ever hit.
var specials = []uint32{
	0x00000000,             // 0
	0x00000001, 0x007fffff, // least and greatest subnormal
	0x00800000,                         // least normal
	0x3f7fffff, 0x3f800000, 0x3f800001, // around 1
	0x7f7fffff,             // greatest
	0x7f800000,             // Inf
	0x7fc00000, 0x7fc12345, // quiet NaN
	0x7f800001, // signalling NaN
}

// Bits32 returns n numbers of all kinds. Three of four are uniform over the bit patterns; the
// fourth is, with either sign, 0, 1 or a neighbour of 1, an extreme subnormal or normal number, an
// infinity or a NaN.
func (r *Rand) Bits32(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		b := r.Uint32()
		if r.IntN(4) == 0 {
			b = b&(1<<31) | specials[r.IntN(len(specials))]
		}
		x[i] = math.Float32frombits(b)
	}
	return x
}

// SmallInts returns n integers uniform in [−limit, limit]. Sums of their products are exact in any
// order as long as they stay below 2^24.
func (r *Rand) SmallInts(n, limit int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(2*limit+1) - limit)
	}
	return x
}
