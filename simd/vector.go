package simd

// chunk bounds one call of a kernel to a few microseconds, because Go cannot preempt assembly.
// Longer sums are added chunk by chunk, so chunk is part of the definition of Dot, Sum, ExpSum and
// the like: changing it changes their bits.
const chunk = 1 << 14

// Dot returns Σ x[i]·y[i], and 0 if both are empty. The lengths must agree.
func Dot(x, y []float32) float32 { return dot(x, y) }

// dotChunks is Dot for what does not go to a kernel in one call. dot itself compares the lengths,
// because one more call would take a sixth of the time of a short product.
func dotChunks(x, y []float32) float32 {
	sameLen("simd.Dot", "y", y, len(x))
	var s float32
	for ; len(x) > chunk; x, y = x[chunk:], y[chunk:] {
		s += Dot(x[:chunk], y[:chunk])
	}
	return s + Dot(x, y)
}

// SquaredDistance returns Σ (x[i]−y[i])², without the cancellation of
// |x|² − 2·x·y + |y|². The lengths must agree.
func SquaredDistance(x, y []float32) float32 {
	sameLen("simd.SquaredDistance", "y", y, len(x))
	if len(x) <= chunk {
		return squaredDistance(x, y)
	}
	var s float32
	for ; len(x) > chunk; x, y = x[chunk:], y[chunk:] {
		s += SquaredDistance(x[:chunk], y[:chunk])
	}
	return s + SquaredDistance(x, y)
}

// Sum returns Σ x[i], and 0 for an empty x.
func Sum(x []float32) float32 {
	if len(x) <= chunk {
		return sum(x)
	}
	var s float32
	for ; len(x) > chunk; x = x[chunk:] {
		s += Sum(x[:chunk])
	}
	return s + Sum(x)
}

// Max returns the largest x[i] that is not NaN, and −Inf if there is none.
func Max(x []float32) float32 {
	if len(x) <= chunk {
		return maximum(x)
	}
	m := Max(x[:chunk])
	for x = x[chunk:]; len(x) > 0; x = x[min(chunk, len(x)):] {
		m = max(m, Max(x[:min(chunk, len(x))]))
	}
	return m
}

// IndexAtLeast returns the first i with x[i] ≥ least, and len(x) if there is none. No NaN is at
// least least, and nothing is at least NaN.
func IndexAtLeast(x []float32, least float32) int {
	if len(x) <= chunk {
		return indexAtLeast(x, least)
	}
	for at := 0; at < len(x); at += chunk {
		part := x[at:min(at+chunk, len(x))]
		if i := IndexAtLeast(part, least); i < len(part) {
			return at + i
		}
	}
	return len(x)
}

// Axpy adds alpha·x to y, with fused multiply-adds. The lengths must agree.
func Axpy(y []float32, alpha float32, x []float32) {
	sameLen("simd.Axpy", "x", x, len(y))
	noOverlap("simd.Axpy", "x", y, x)
	for ; len(y) > chunk; y, x = y[chunk:], x[chunk:] {
		Axpy(y[:chunk], alpha, x[:chunk])
	}
	axpy(y, alpha, x)
}

// Scale stores alpha·x in dst. The lengths must agree.
func Scale(dst []float32, alpha float32, x []float32) {
	sameLen("simd.Scale", "x", x, len(dst))
	noOverlap("simd.Scale", "x", dst, x)
	for ; len(dst) > chunk; dst, x = dst[chunk:], x[chunk:] {
		Scale(dst[:chunk], alpha, x[:chunk])
	}
	scale(dst, alpha, x)
}

// Add stores x + y in dst. The lengths must agree.
func Add(dst, x, y []float32) {
	sameLen("simd.Add", "x", x, len(dst))
	sameLen("simd.Add", "y", y, len(dst))
	noOverlap("simd.Add", "x", dst, x)
	noOverlap("simd.Add", "y", dst, y)
	for ; len(dst) > chunk; dst, x, y = dst[chunk:], x[chunk:], y[chunk:] {
		Add(dst[:chunk], x[:chunk], y[:chunk])
	}
	add(dst, x, y)
}

// MulShifted stores x[i]·(w[i] + alpha) in dst. The lengths must agree.
func MulShifted(dst, x, w []float32, alpha float32) {
	sameLen("simd.MulShifted", "x", x, len(dst))
	sameLen("simd.MulShifted", "w", w, len(dst))
	noOverlap("simd.MulShifted", "x", dst, x)
	noOverlap("simd.MulShifted", "w", dst, w)
	for ; len(dst) > chunk; dst, x, w = dst[chunk:], x[chunk:], w[chunk:] {
		MulShifted(dst[:chunk], x[:chunk], w[:chunk], alpha)
	}
	mulShifted(dst, x, w, alpha)
}

// MaxAffine stores max(dst[i], alpha·x[i] + c) in dst, with fused multiply-adds: a running maximum.
// If either argument of the maximum is NaN, dst[i] stays unchanged. The lengths must agree.
func MaxAffine(dst, x []float32, alpha, c float32) {
	sameLen("simd.MaxAffine", "x", x, len(dst))
	noOverlap("simd.MaxAffine", "x", dst, x)
	for ; len(dst) > chunk; dst, x = dst[chunk:], x[chunk:] {
		MaxAffine(dst[:chunk], x[:chunk], alpha, c)
	}
	maxAffine(dst, x, alpha, c)
}
