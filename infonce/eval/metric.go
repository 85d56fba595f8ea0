package eval

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/simd"
)

// A Metric scores how similar two rows are: the higher, the more.
type Metric uint8

const (
	// Cosine is the cosine of the angle between the rows, 0 if one of them is all zeros.
	Cosine Metric = iota

	// Dot is the inner product.
	Dot

	// Euclidean is the negated distance.
	Euclidean
)

// String returns the name in lower case.
func (m Metric) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot"
	case Euclidean:
		return "euclidean"
	}
	return fmt.Sprintf("Metric(%d)", uint8(m))
}

func (m Metric) check(op string) {
	if m > Euclidean {
		panic(&simd.ShapeError{Op: op, Arg: "Metric", Got: m.String(), Want: "one of Cosine, Dot and Euclidean"})
	}
}

// width returns the number of columns that lay makes of d.
func (m Metric) width(d int) int {
	if m == Euclidean {
		return d + 1
	}
	return d
}

// lay stores rows in dst so that inner products of a query with rows of the gallery order the
// gallery as the metric does. For distances they are q·g − |g|²/2 = (|q|² − |q − g|²)/2, and the
// last column holds the last term.
func (m Metric) lay(dst, src simd.Matrix, gallery bool, norms []float32) {
	if m == Cosine {
		simd.NormalizeRows(dst, src, norms)
		return
	}
	for i := range src.Rows {
		x := src.Row(i)
		copy(dst.Row(i), x)
		switch {
		case m != Euclidean:
		case gallery:
			dst.Row(i)[src.Cols] = -0.5 * simd.Dot(x, x)
		default:
			dst.Row(i)[src.Cols] = 1
		}
	}
}

// score returns the score of two rows, which for Cosine are unit rows.
func (m Metric) score(x, y []float32) float32 {
	if m == Euclidean {
		return -float32(math.Sqrt(float64(simd.SquaredDistance(x, y))))
	}
	return simd.Dot(x, y)
}
