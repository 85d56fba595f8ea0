package infonce

import (
	"math"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// Bounds of the rounding errors of losses, for [Result].Bound.
//
// Exact is what the formula of the loss gives for the float32 numbers of the batch and of the
// settings, in real arithmetic. The bounds follow the computation step by step and add up the worst
// that each could do, so they hold for any batch; what happens is mostly far less, because
// roundings cancel. Notation: u = 2⁻²⁴ is the largest relative error of a rounding, γ(n) = n·u/(1 −
// n·u) that of n of them (Higham 2002, lemma 3.1), and ~ marks what was computed.
//
// All steps but those on the way to the logits are looked at as changes of logits: a number e^z
// with the relative error ε is e^(z+Δ) with |Δ| ≤ −ln(1 − ε). So a computed loss is the exact loss
// of other logits, and what remains is how much the loss changes with these.

const (
	unitRoundoff = 0x1p-24  // u
	subnormal    = 0x1p-149 // twice the largest error of a rounding to a subnormal number

	// Relative error of an exponential: 0.895 ULP, which is 1.79·u or less. It is −ln(1 − 1.79·u)
	// as a change of the logit.
	expError = 1.8 * unitRoundoff

	// Covers the roundings of the float64 arithmetic here, of relative size 2⁻⁵³, and all products
	// of small errors that are left out below, where the small errors are at most 1/100.
	slack = 1.02
)

// gamma returns γ(n).
func gamma(n float64) float64 {
	if !(n*unitRoundoff < 0.01) {
		return math.Inf(1)
	}
	return n * unitRoundoff / (1 - float64(n*unitRoundoff))
}

// dotRoundings returns the number of roundings that a term of simd.Dot of d numbers goes through,
// or more: a chain in its lane, which has d/32 terms, 5 levels of lanes, and a sum for each 16,384
// numbers.
func dotRoundings(d int) float64 { return float64(d/32+1+5) + float64(d/(1<<14)+1) }

// sumRoundings is dotRoundings of the sum of m exponentials: of 16 lanes with 4 levels, over pieces
// of 16,384 or, where the lanes are carried on, of all.
func sumRoundings(m int, carried bool) float64 {
	piece := min(m, 1<<14)
	if carried {
		piece = m
	}
	return float64(piece/16+2+4) + float64(m/(1<<14)+1)
}

// A logitError bounds the error of logits.
type logitError struct {
	similarity float64 // |s~ − s|
	logit      float64 // |z~ − z|
	size       float64 // |z~|
}

// newLogitError returns the error of the logits β·s of d numbers, given the largest squared norms
// of the two sides as simd.Dot computes them; with cosine they do not matter.
//
// Normalisation. Row x becomes fl(x_i·fl(1/√S~)), where S~ is a sum of squares, so without
// cancellation: S~ = S·(1 + ε) with |ε| ≤ γ(dotRoundings). Its root is off by half of that, the
// reciprocal by u, and each product by u or, where it is subnormal, by 2⁻¹⁵⁰; rows with very large
// or small squares are scaled by a power of two first, which errs by 2⁻¹⁵⁰ of the largest element.
// So the unit row is off by γ/2 + 2u + √d·2⁻¹⁴⁸, as a vector, relative to its length 1.
//
// bfloat16. Rounding adds 2⁻⁸ of the row, and 2⁻⁵⁶ for each element that becomes 0.
//
// Product. With vectors off by e_q and e_k the exact product is off by e_q·|k| + |q|·e_k + e_q·e_k,
// and its chain of d fused multiply-adds by γ(d)·|q~|·|k~| at most (Cauchy-Schwarz), or d·2⁻¹⁵⁰
// where sums are subnormal. simd.Dot, by which some positives are computed, has dotRoundings
// instead, at most d + 7.
//
// Scale. β~ = fl(1/τ) is off by u·β, or 2⁻¹⁵⁰, and the product with it by u again.
func newLogitError(beta float32, d int, cosine bool, q2, k2 float32, precision simd.Precision) logitError {
	b, width := float64(beta), math.Sqrt(float64(d))
	squares := gamma(dotRoundings(d))
	q, k, relative, absolute := 1.0, 1.0, 0.0, 0.0
	if cosine {
		relative = float64(squares/2) + 2*unitRoundoff
		absolute = float64(2 * width * subnormal)
	} else {
		q, k = longest(q2, d, squares), longest(k2, d, squares)
	}
	if precision == simd.BFloat16 {
		relative += 0x1p-8
		absolute += float64(width * 0x1p-56)
	}
	eq, ek := float64(relative*q)+absolute, float64(relative*k)+absolute
	size := float64((q + eq) * (k + ek))
	e := float64(eq*k) + float64(q*ek) + float64(eq*ek) + float64(gamma(float64(d)+7)*size) + float64(float64(d)*subnormal)
	size *= slack
	rel := 2*unitRoundoff + subnormal/b
	z := logitError{
		similarity: slack * e,
		logit:      slack * (float64(b*e*(1+rel)) + float64(b*size*rel) + subnormal),
		size:       slack * b * size,
	}
	if !(size < 0x1p127 && z.size < 0x1p127) {
		// Sums on the way may be infinite.
		return logitError{math.Inf(1), math.Inf(1), math.Inf(1)}
	}
	return z
}

// longest returns a bound of the norm of rows whose largest squared norm, as computed, is square.
func longest(square float32, d int, relative float64) float64 {
	return math.Sqrt((max(float64(square), 0) + float64(float64(d)*subnormal)) / (1 - relative))
}

// own returns the change of a logit that stands for the errors of e^(z − shift) beside that of z:
// of the difference, which is at most 2·|z|, and of the exponential.
func (e logitError) own() float64 { return float64(2*unitRoundoff*slack*e.size) + expError }

// softmax returns the bound of cross-entropies of n rows of m logits or less, reduced with weights
// that sum to weight.
//
// A cross-entropy L = −ln p of the positive has ∂L/∂z = −(1 − p) there and p_j elsewhere. Let Δ be
// the changes, and a = |Δ_positive| + max |Δ_j|. On the way from z to z + Δ the loss changes by (1
// − p)·a at most, and because 1 − p ≤ min(1, L), by a in all, and by a factor between e^−a and e^a.
//
// Two forms of the loss are computed. ln(1 + neg/e), where the positive has the same error in both,
// is as above, with the errors of own and, in neg, those of a sum of positive numbers. ln(neg + e)
// + (shift − pos), where neg > e, has the positive without error of its own once, p·own more than
// above, where p is about 1/2 or less: own counts thrice, which is enough up to p = 2/3, and this
// as long as e^−a ≥ 1/2. Beyond a = 0.3 the factor is not used.
//
// The float64 logarithms, sums of n losses and their differences err by some 2⁻⁵³ of the numbers in
// them, and each exponential that is subnormal by 2⁻¹⁴⁹ of the largest.
func (e logitError) softmax(loss, weight float64, n, m int, carried bool) float64 {
	return e.shared(1, loss, weight, n, m, carried)
}

// shared is softmax for a row with more than one positive, where factor is 3, or the ordinary one,
// where it is 1. With several positives, whose mean logit or mean exponential counts, L is ln 2 or
// more and changes by a at most, as Σ|∂L/∂z| ≤ 2. So it changes by 3·L·(e^a − 1) at most, for a ≤
// 0.3, also if L is the computed loss, which is 1/3 or more then.
func (e logitError) shared(factor, loss, weight float64, n, m int, carried bool) float64 {
	if weight == 0 {
		return 0
	}
	own := e.own()
	a := slack * (2*e.logit + float64(3*own) + gamma(sumRoundings(m, carried)))
	// min(a, L·(e^a − 1)) is concave in L, so its mean over rows is at most that of the mean.
	bound := float64(a * weight)
	if a <= 0.3 {
		bound = min(bound, factor*loss*(scalar.Exp64(a)-1))
	}
	return bound + e.float64s(loss, weight, n, m)
}

// float64s returns what float64 arithmetic and subnormal exponentials may do to n rows of m logits.
func (e logitError) float64s(loss, weight float64, n, m int) float64 {
	return float64(math.Abs(loss)*float64(n+16)*0x1p-51) + float64(weight*(float64(e.size*0x1p-50)+float64(float64(m)*4*subnormal)))
}

// smoothing returns the bound of what spreading the share s of the target adds to a loss: s·(z_i −
// mean z_j), of which the mean of the keys is rounded once and the difference once, 4·u·|z| in all,
// and a product as exact as a logit taken from it.
func (e logitError) smoothing(s, weight float64) float64 {
	return float64(weight * s * (2 * slack) * (e.logit + float64(4*unitRoundoff*e.size)))
}

// sigmoid returns the bound of a sum of ln(1 + e^x) over x = ±(z + bias). With x it changes by
// σ(x), at most 1 and at most ln(1 + e^x): by |Δx| for each of the m terms of a row, and by a
// factor between e^−a and e^a for a = max |Δx|.
//
// x has a rounding of |x| itself. Then each exponential has its relative error, and the product of
// 16 numbers 1 + e one of 3·u at each of 4 levels: 14·u for the logarithm, because for e as for e^x
// the relative change of ln(1 + e) is at most that of e. What is above 0 is added up in float32
// instead, a thousand numbers at a time, with 69 roundings, which is more. The positive is computed
// in float64.
func (e logitError) sigmoid(loss, weight float64, bias float32, n, m int) float64 {
	if weight == 0 {
		return 0
	}
	x := float64(slack * (e.logit + float64(unitRoundoff*(e.size+math.Abs(float64(bias))))))
	sums := float64(slack * (expError + gamma(70)))
	bound := float64(weight*float64(m)*x) + float64(slack*sums*loss)
	if a := x + sums; a <= 0.3 {
		bound = min(bound, loss*(scalar.Exp64(a)-1))
	}
	return bound + e.float64s(loss, weight, n, m)
}

// hard returns the bound of HCL with n rows of m negatives or less.
//
// R = m·S₁/S₀ has exponents (1 + c)·z and c·z, each rounded twice before its shift is taken, and
// the shifts, (1 + c)·z of the largest z and c·z of it, do not differ by exactly that z. Together
// ln R is off by (1 + 2c)·|Δz|, by u·|z| times 6·(1 + c) and 4·c, by two exponentials and two sums.
// The lower bound of N has the error of β in its exponent.
//
// With A = R/((1 − ρ)·(e^z⁺ + N)) the loss changes by A·(Δ ln R − Δz⁺), or A·(Δβ − Δz⁺) for N/(e^z⁺
// + N) = 1 − e^−L where the bound of N holds. That is A too where ρ = 0, so that L changes as a
// cross-entropy does. Otherwise R = (1 − ρ)·N + ρ·m·e^z⁺, so A is at most 1 or ρ·m/(1 − ρ), the
// larger of them. The maximum of two numbers changes by no more than both.
func (e logitError) hard(loss, weight float64, concentration, prior, beta float32, n, m int) float64 {
	if weight == 0 {
		return 0
	}
	c, ρ := float64(concentration), float64(prior)
	lnR := float64((1+float64(2*c))*e.logit) + float64(unitRoundoff*slack*e.size*(6+float64(10*c))) + 2*expError + 2*gamma(sumRoundings(m, false))
	a := slack * (lnR + e.logit + float64(2*unitRoundoff*float64(beta)))
	most := max(1, float64(ρ*float64(m))/(1-ρ))
	bound := float64(a * most * weight)
	if ρ == 0 && a <= 0.3 {
		bound = min(bound, loss*(scalar.Exp64(a)-1))
	}
	return bound + float64(weight*most*0x1p-48) + e.float64s(loss, weight, n, m)
}

// decoupled returns the bound of DCL with n rows of m negatives or less, given the computed weights
// w of the positives. The log-sum-exp of the negatives changes by |Δz|, own and the error of the
// sum, the positive by w·|Δz| + |Δw|·|z|.
//
// With sigma w is 2 − n·p of a softmax p of s/σ. Its logits are off by the error of a similarity
// and, in the quotient and the shift, by 3·u·|s/σ|, so p by a factor: that of a cross-entropy, two
// exponentials, a sum and 3 roundings. The product with n and the difference from 2 round once
// each.
func (e logitError) decoupled(loss, weight float64, w, weights []float32, sigma, beta float32, n, m int, carried bool) float64 {
	switch {
	case weight == 0:
		return 0
	case math.IsInf(e.size, 1):
		return e.size
	}
	factor := 0.0 // of p, less 1
	if sigma > 0 {
		σ := float64(sigma)
		a := slack * (2*(e.similarity/σ+float64(3*unitRoundoff*e.size/float64(beta)/σ)+expError) + gamma(sumRoundings(len(w), false)+3))
		if !(a < 100) {
			return math.Inf(1)
		}
		factor = scalar.Exp64(a) - 1
	}
	var sum, all float64
	for i, wi := range w {
		v := tile.WeightOf(weights, i)
		change := 0.0
		if sigma > 0 {
			p := math.Abs(2 - float64(wi)) // times n
			change = float64(p*factor) + float64(4*unitRoundoff*(p+2)) + float64(float64(len(w))*4*subnormal)
		}
		sum += float64(v * (float64(math.Abs(float64(wi))*e.logit) + float64(change*e.size)))
		all += v
	}
	bound := e.logit + e.own() + gamma(sumRoundings(m, carried)) + sum/all
	return float64(slack*weight*bound) + e.float64s(loss, 3*weight, n, m)
}

// lengths returns the bound of a sum of squared norms of d numbers.
func lengths(sum, weight float64, d int) float64 {
	return float64(slack*gamma(dotRoundings(d))*sum) + float64(weight*float64(d)*4*subnormal)
}
