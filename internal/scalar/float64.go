package scalar

import "math"

// Log64 returns the natural logarithm of x to within 1 ULP, by the method of
// FreeBSD's e_log.c. Special cases are those of math.Log.
func Log64(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01
	)
	switch {
	case x != x || math.IsInf(x, 1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	f--
	k := float64(e)

	s := f / (2 + f)
	z := s * s
	w := z * z
	t1 := float64(z * (l1 + float64(w*(l3+float64(w*(l5+float64(w*l7)))))))
	t2 := float64(w * (l2 + float64(w*(l4+float64(w*l6)))))
	h := float64(float64(0.5*f) * f)
	lo := float64(s*(h+(t1+t2))) + float64(k*ln2Lo)
	return float64(k*ln2Hi) - ((h - lo) - f)
}

// Log1p64 returns ln(1 + x) for x ≥ 0, to within a few ULP even for tiny x.
func Log1p64(x float64) float64 {
	u := 1 + x
	if u == 1 || math.IsInf(u, 1) || u != u {
		return x
	}
	// The error of 1 + x cancels in the quotient (Kahan; see Goldberg 1991, theorem 4).
	return Log64(u) * (x / (u - 1))
}

// Exp64 returns e^x to within 1 ULP, by the method of FreeBSD's e_exp.c. Special cases are those of
// math.Exp.
func Exp64(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		log2E = 1.44269504088896338700e+00
		p1    = 1.66666666666666657415e-01
		p2    = -2.77777777770155933842e-03
		p3    = 6.61375632143793436117e-05
		p4    = -1.65339022054652515390e-06
		p5    = 4.13813679705723846039e-08
	)
	switch {
	case x != x || math.IsInf(x, 1):
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	k := math.Floor(float64(log2E*x) + 0.5)
	hi := x - float64(k*ln2Hi)
	lo := float64(k * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	c := r - float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	return math.Ldexp(y, int(k))
}

// CosPi64 returns cos(π·x) to within a few ULP of 1. sin(π·x) is CosPi64(x − ½).
func CosPi64(x float64) float64 {
	x = math.Abs(x)
	x -= 2 * math.Floor(x/2)
	if x > 1 {
		x = 2 - x
	}
	switch {
	case x > 0.5:
		return -CosPi64(1 - x)
	case x > 0.25:
		return sinSmall(math.Pi * (0.5 - x))
	}
	return cosSmall(math.Pi * x)
}

// cosSmall and sinSmall are the Taylor series, exact to double precision on [0, π/4].
func cosSmall(x float64) float64 {
	z := x * x
	s := 1.0
	for n := 18.0; n > 0; n -= 2 {
		s = 1 - float64(z*s)/(n*(n-1))
	}
	return s
}

func sinSmall(x float64) float64 {
	z := x * x
	s := 1.0
	for n := 19.0; n > 1; n -= 2 {
		s = 1 - float64(z*s)/(n*(n-1))
	}
	return x * s
}
