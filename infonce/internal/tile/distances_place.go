package tile

import (
	"math"

	"github.com/contrast-go/contrast/simd"
)

// A placement is where the rows of distances lie for products in float32.
type placement struct {
	y        simd.Matrix // rows of the products: those of x over 2^exponent, less the mean
	exponent int
	Unit     float64   // what a distance of 1 stands for: a power of two, 1 if float32 holds squares of rows
	Squares  []float32 // |y_i|²
	mean     []float32
}

// place places the rows of x in the given order. If a batch lies around one point, products are
// taken around the mean, where less of them cancels; other batches are not moved, so that distances
// of small integers are exact.
func (e *placement) place(x *Embeddings, order []int, squared bool) {
	n, d := x.X.Rows, x.X.Cols
	e.y, e.Squares, e.mean = e.y.Reshape(n, d), Grow(e.Squares, n), Grow(e.mean, d)
	e.exponent = 0
	if largest := simd.Max(x.Norms); !x.cosine && !(largest > 0x1p-60 && largest < 0x1p100) {
		_, e.exponent = math.Frexp(largestElement(x.X))
	}
	e.Unit = math.Ldexp(1, e.exponent)
	if squared {
		e.Unit = math.Ldexp(1, 2*e.exponent)
	}
	clear(e.mean)
	sum := 0.0
	for i, o := range order {
		y := e.y.Row(i)
		copy(y, x.X.Row(o))
		if e.exponent != 0 {
			multiply(y, -e.exponent)
		}
		simd.Axpy(e.mean, 1, y)
		e.Squares[i] = simd.Dot(y, y)
		sum += float64(e.Squares[i])
	}
	simd.Scale(e.mean, 1/float32(max(n, 1)), e.mean)
	if float64(float64(simd.Dot(e.mean, e.mean))*float64(n)) > 0.75*sum {
		for i := range n {
			y := e.y.Row(i)
			simd.Axpy(y, -1, e.mean)
			e.Squares[i] = simd.Dot(y, y)
		}
	}
}

// largestElement returns the largest magnitude in m.
func largestElement(m simd.Matrix) (largest float64) {
	for i := range m.Rows {
		for _, v := range m.Row(i) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	return largest
}

// multiply multiplies x by 2^k, also for a k whose power float32 does not hold.
func multiply(x []float32, k int) {
	for k != 0 {
		step := min(max(k, -100), 100)
		simd.Scale(x, float32(math.Ldexp(1, step)), x)
		k -= step
	}
}

// Blur returns a bound of the error of a distance from row i, in multiples of Unit, against that of
// the caller's rows. Distances must not be squared.
func (e *Distances) Blur(i int, largest float32) float64 {
	// With s the sum of two squares, a product of d terms errs by d·u·s/2 at most (u = 2⁻²⁴), and
	// the squares by less. Where the squared distance q is above s/16 its root errs by as much over
	// 2·√q, which is below 2·√s; others are measured. Normalised rows are off by some roundings of
	// 1. The rest is for single roundings.
	size := math.Sqrt(float64(e.Squares[i]) + float64(largest))
	if e.Rows.cosine {
		size++
	}
	return float64(float64(float64(4*e.y.Cols+64)*0x1p-24)*size) + math.SmallestNonzeroFloat32
}
