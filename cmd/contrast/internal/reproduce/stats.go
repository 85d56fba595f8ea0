package reproduce

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

// A sample is the statistics of repeated measurements.
type sample struct {
	n         int
	mean      float64
	deviation float64 // of one measurement, with n − 1; NaN of less than two
}

// sampleOf returns the mean and the deviation of x.
func sampleOf(x []float64) sample {
	s := sample{n: len(x), deviation: math.NaN()}
	for _, v := range x {
		s.mean += v / float64(len(x))
	}
	if len(x) < 2 {
		return s
	}
	var sum float64
	for _, v := range x {
		sum += float64((v - s.mean) * (v - s.mean))
	}
	s.deviation = math.Sqrt(sum / float64(len(x)-1))
	return s
}

// err returns the standard error of the mean.
func (s sample) err() float64 { return s.deviation / math.Sqrt(float64(s.n)) }

// hypot returns √(a² + b²), the error of a sum of independent errors.
func hypot(a, b float64) float64 { return math.Sqrt(float64(a*a) + float64(b*b)) }

// exponent returns the slope of the least-squares line through ln y over ln x: y grows as that
// power of x.
func exponent(x, y []float64) float64 {
	var mx, my, sxx, sxy float64
	n := float64(len(x))
	for i := range x {
		mx += scalar.Log64(x[i]) / n
		my += scalar.Log64(y[i]) / n
	}
	for i := range x {
		dx, dy := scalar.Log64(x[i])-mx, scalar.Log64(y[i])-my
		sxx += float64(dx * dx)
		sxy += float64(dx * dy)
	}
	return sxy / sxx
}

// inErrors writes a difference in standard errors for people, or says that there are none.
func inErrors(errors float64) string {
	if math.IsInf(errors, 0) {
		return "one run, without a standard error"
	}
	return fmt.Sprintf("%.1f standard errors", math.Abs(errors))
}

// ahead returns by how much a is above b, which were measured side by side, and the same in
// standard errors: +Inf or −Inf for a single measurement, which has no error.
func ahead(a, b []float64) (by, errors float64) {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	s := sampleOf(d)
	if len(a) < 2 {
		return s.mean, math.Copysign(math.Inf(1), s.mean)
	}
	return s.mean, s.mean / s.err()
}

// rankCorrelation returns the correlation of the ranks of x and y (Spearman 1904); equal values
// share the mean of their ranks.
func rankCorrelation(x, y []float64) float64 {
	rx, ry := ranks(x), ranks(y)
	mean := float64(float64(len(x)+1) / 2) // halving is a product, and the differences below would be fused with it
	var xx, xy, yy float64
	for i := range rx {
		dx, dy := rx[i]-mean, ry[i]-mean
		xx += float64(dx * dx)
		xy += float64(dx * dy)
		yy += float64(dy * dy)
	}
	return xy / math.Sqrt(xx*yy)
}

// ranks returns the place of each number among all, starting at 1.
func ranks(x []float64) []float64 {
	r := make([]float64, len(x))
	for i, v := range x {
		r[i] = 0.5
		for _, w := range x {
			switch {
			case w < v:
				r[i]++
			case w == v:
				r[i] += 0.5
			}
		}
	}
	return r
}
