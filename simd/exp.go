package simd

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

var negInf = float32(math.Inf(-1))

// Exp stores e^x[i] in dst, with an error below 0.9 ULP, even for subnormal results.
// Exp(−Inf) = 0, Exp(+Inf) = +Inf, Exp(NaN) = NaN. The lengths must agree.
func Exp(dst, x []float32) {
	sameLen("simd.Exp", "x", x, len(dst))
	noOverlap("simd.Exp", "x", dst, x)
	ExpSum(dst, x, 0)
}

// ExpSum stores e^(x[i]−shift) in dst and returns the sum of the stored values. The lengths must
// agree.
func ExpSum(dst, x []float32, shift float32) float32 {
	sameLen("simd.ExpSum", "x", x, len(dst))
	noOverlap("simd.ExpSum", "x", dst, x)
	if len(x) <= chunk {
		var lane [16]float32
		expLanes(dst, x, shift, &lane)
		return SumLanes(&lane)
	}
	var s float32
	for ; len(x) > chunk; dst, x = dst[chunk:], x[chunk:] {
		s += ExpSum(dst[:chunk], x[:chunk], shift)
	}
	return s + ExpSum(dst, x, shift)
}

// ExpLanes stores e^(x[i]−shift) in dst and adds it to lane[i mod 16]. [SumLanes] adds up the
// lanes. Starting from zeros the result has the bits of [ExpSum] for up to 16384 elements, beyond
// which ExpSum adds piece by piece. A sum may be cut at any multiple of 16 without changing a bit
// of its lanes. The lengths must agree; lane must be apart from dst and x.
func ExpLanes(dst, x []float32, shift float32, lane *[16]float32) {
	sameLen("simd.ExpLanes", "x", x, len(dst))
	noOverlap("simd.ExpLanes", "x", dst, x)
	for ; len(x) > chunk; dst, x = dst[chunk:], x[chunk:] {
		ExpLanes(dst[:chunk], x[:chunk], shift, lane)
	}
	expLanes(dst, x, shift, lane)
}

// SumLanes returns the sum of the lanes, added in halves: the upper 8 to the lower 8, of those the
// upper 4 to the lower 4, and so on.
func SumLanes(lane *[16]float32) float32 {
	var s [8]float32
	for i := range s {
		s[i] = lane[i] + lane[i+8]
	}
	s0, s1, s2, s3 := s[0]+s[4], s[1]+s[5], s[2]+s[6], s[3]+s[7]
	return s0 + s2 + (s1 + s3) + 0
}

// SumExp returns Σ e^(x[i]−shift), with the bits of [ExpSum], and stores nothing.
func SumExp(x []float32, shift float32) float32 {
	if len(x) <= chunk {
		return sumExp(x, shift)
	}
	var s float32
	for ; len(x) > chunk; x = x[chunk:] {
		s += SumExp(x[:chunk], shift)
	}
	return s + SumExp(x, shift)
}

// Log stores the natural logarithm of x[i] in dst, with an error below 0.9 ULP. Log(±0) = −Inf,
// Log(+Inf) = +Inf, and the logarithm of a negative number or NaN is NaN. The lengths must agree.
func Log(dst, x []float32) {
	sameLen("simd.Log", "x", x, len(dst))
	noOverlap("simd.Log", "x", dst, x)
	for ; len(dst) > chunk; dst, x = dst[chunk:], x[chunk:] {
		Log(dst[:chunk], x[:chunk])
	}
	log(dst, x)
}

// LogSumExp returns ln Σ e^x[i], without overflow for large x.
//
// It is −Inf if x is empty or all −Inf, +Inf if some x[i] is +Inf, and NaN if some x[i] is NaN.
func LogSumExp(x []float32) float32 {
	m := Max(x)
	if math.IsInf(float64(m), 0) {
		return infiniteMax(x, m)
	}
	return logShift(SumExp(x, m), m)
}

// Softmax stores e^x[i] / Σ e^x[j] in dst and returns [LogSumExp] of x.
//
// If x is all −Inf, dst is all 0; if some x[i] is +Inf or NaN, dst is all NaN. The lengths must
// agree.
func Softmax(dst, x []float32) (lse float32) {
	sameLen("simd.Softmax", "x", x, len(dst))
	noOverlap("simd.Softmax", "x", dst, x)
	m := Max(x)
	if math.IsInf(float64(m), 0) {
		lse = infiniteMax(x, m)
		fill := float32(math.NaN())
		if lse == negInf {
			fill = 0
		}
		for i := range dst {
			dst[i] = fill
		}
		return lse
	}
	s := ExpSum(dst, x, m)
	Scale(dst, 1/s, dst)
	return logShift(s, m)
}

// LogSumExpRows stores [LogSumExp] of each row of x in dst. The losses of package infonce fuse it
// with their products; this is for callers that have a matrix of logits.
func LogSumExpRows(dst []float32, x Matrix) {
	const op = "simd.LogSumExpRows"
	x.Check(op, "x", -1, -1)
	sameLen(op, "dst", dst, x.Rows)
	apart(op, "x", asRow(dst), x)
	for i := range dst {
		dst[i] = LogSumExp(x.Row(i))
	}
}

// SoftmaxRows stores [Softmax] of each row of x in dst and, unless lse is nil, [LogSumExp] of each
// row in lse. Like [LogSumExpRows] it is for callers that have a matrix of logits.
func SoftmaxRows(dst, x Matrix, lse []float32) {
	const op = "simd.SoftmaxRows"
	x.Check(op, "x", -1, -1)
	dst.Check(op, "dst", x.Rows, x.Cols)
	if lse != nil {
		sameLen(op, "lse", lse, x.Rows)
	}
	rowsOverlap(op, "x", dst, x)
	apart(op, "lse", dst, asRow(lse))
	apart(op, "x", asRow(lse), x)
	for i := range x.Rows {
		s := Softmax(dst.Row(i), x.Row(i))
		if lse != nil {
			lse[i] = s
		}
	}
}

// logShift returns ln(s) + shift, rounded once.
func logShift(s, shift float32) float32 {
	return float32(scalar.Log64(float64(s)) + float64(shift))
}

// infiniteMax returns the log-sum-exp of an x whose maximum m is infinite.
func infiniteMax(x []float32, m float32) float32 {
	for _, v := range x {
		if v != v {
			return v
		}
	}
	return m
}
