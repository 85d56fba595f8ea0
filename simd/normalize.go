package simd

import "math"

// NormalizeRows divides each row of src by its Euclidean norm. It stores the unit rows in dst and
// the norms in norms, and returns the number of zero rows.
//
// A zero row stays zero, with norm 0. Any other finite row becomes a unit vector, however small or
// large its norm: nothing is clamped. A row that is not finite becomes NaN.
func NormalizeRows(dst, src Matrix, norms []float32) (zeros int) {
	const op = "simd.NormalizeRows"
	src.Check(op, "src", -1, -1)
	dst.Check(op, "dst", src.Rows, src.Cols)
	sameLen(op, "norms", norms, src.Rows)
	rowsOverlap(op, "src", dst, src)
	apart(op, "norms", dst, asRow(norms))
	apart(op, "src", asRow(norms), src)
	for i := range src.Rows {
		norms[i] = normalize(dst.Row(i), src.Row(i))
		if norms[i] == 0 {
			zeros++
		}
	}
	return zeros
}

// normalize stores x/|x| in dst and returns |x|.
func normalize(dst, x []float32) float32 {
	s := float64(Dot(x, x))
	if s < 0x1p-80 || s > 0x1p100 {
		return normalizeScaled(dst, x)
	}
	n := math.Sqrt(s)
	Scale(dst, float32(1/n), x)
	return float32(n)
}

// normalizeScaled is normalize for an x whose squares may overflow or underflow: it first scales
// the largest element to about 1 by a power of two. x has no NaN.
func normalizeScaled(dst, x []float32) float32 {
	var m float32
	for _, v := range x {
		m = max(m, float32(math.Abs(float64(v))))
	}
	if m == 0 {
		clear(dst)
		return 0
	}
	if m > math.MaxFloat32 {
		nan := float32(math.NaN())
		for i := range dst {
			dst[i] = nan
		}
		return m
	}
	_, e := math.Frexp(float64(m))
	for i, v := range x {
		dst[i] = float32(math.Ldexp(float64(v), -e))
	}
	n := math.Sqrt(float64(Dot(dst, dst)))
	Scale(dst, float32(1/n), dst)
	return float32(math.Ldexp(n, e))
}

// AddNormalizeRowsGrad adds to dst alpha times the gradient with respect to the inputs of
// [NormalizeRows], given the gradient g with respect to its outputs, the unit rows u:
//
//	dst_i += alpha · (g_i − (g_i·u_i)·u_i) / norms[i]
//
// The gradient of a zero row is 0. g is overwritten; dst, g and u must be apart.
func AddNormalizeRowsGrad(dst Matrix, alpha float32, g, u Matrix, norms []float32) {
	const op = "simd.AddNormalizeRowsGrad"
	u.Check(op, "u", -1, -1)
	g.Check(op, "g", u.Rows, u.Cols)
	dst.Check(op, "dst", u.Rows, u.Cols)
	sameLen(op, "norms", norms, u.Rows)
	apart(op, "g", dst, g)
	apart(op, "u", dst, u)
	apart(op, "u", g, u)
	apart(op, "norms", dst, asRow(norms))
	apart(op, "norms", g, asRow(norms))
	for i, n := range norms {
		if n == 0 {
			continue
		}
		gi, ui := g.Row(i), u.Row(i)
		Axpy(gi, -Dot(gi, ui), ui)
		w := alpha / n
		if math.IsInf(float64(w), 0) {
			// 1/n overflows for a subnormal n although the gradient may not: divide in two steps.
			Scale(gi, 0x1p24, gi)
			w = alpha / (n * 0x1p24)
		}
		Axpy(dst.Row(i), w, gi)
	}
}
