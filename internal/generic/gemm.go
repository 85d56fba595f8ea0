package generic

import (
	"math"

	"github.com/contrast-go/contrast/internal/scalar"
)

// The tile of Gemm: a call updates a multiple of GemmRows rows and GemmCols columns.
const (
	GemmRows = 4
	GemmCols = 8
)

// Gemm updates rows × GemmCols elements of c with the product of a block of a and a packed panel of
// b. An element is one chain of fused multiply-adds, p ascending:
//
//	for i := range rows {
//		for j := range GemmCols {
//			s := 0; if add { s = c[i*ldc+j] }
//			for p := range k { s = fma(a[i*ars+p*acs], b[p*GemmCols+j], s) }
//			c[i*ldc+j] = alpha * s
//		}
//	}
//
// rows must be a multiple of GemmRows. Because a chain continues from c, a product may be cut
// anywhere along k, rows or columns without changing a bit, if alpha is 1 in all calls but the last
// along k.
func Gemm(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	for i := range rows {
		for j := 0; j < GemmCols; j += 4 {
			cc := (*[4]float32)(c[i*ldc+j:])
			var s [4]float32
			if add {
				s = *cc
			}
			gemmRow(&s, a[i*ars:], acs, b[j:], k)
			for l, v := range s {
				cc[l] = alpha * v
			}
		}
	}
}

// gemmRow carries on four chains. The fast path of scalar.FMA stands inline,
// twice as fast; the compiler finds FMA too large to do so itself.
func gemmRow(s *[4]float32, a []float32, acs int, b []float32, k int) {
	s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
	for p := range k {
		x := float64(a[p*acs])
		y := (*[4]float32)(b[p*GemmCols:])
		t0 := float64(x*float64(y[0])) + float64(s0)
		t1 := float64(x*float64(y[1])) + float64(s1)
		t2 := float64(x*float64(y[2])) + float64(s2)
		t3 := float64(x*float64(y[3])) + float64(s3)
		u0, u1, u2, u3 := math.Float64bits(t0), math.Float64bits(t1), math.Float64bits(t2), math.Float64bits(t3)
		if u0<<35 != 1<<63 && u1<<35 != 1<<63 && u2<<35 != 1<<63 && u3<<35 != 1<<63 &&
			min(u0<<1, u1<<1, u2<<1, u3<<1) >= (1023-126)<<53 {
			s0, s1, s2, s3 = float32(t0), float32(t1), float32(t2), float32(t3)
			continue
		}
		v := a[p*acs]
		s0, s1, s2, s3 = scalar.FMA(v, y[0], s0), scalar.FMA(v, y[1], s1), scalar.FMA(v, y[2], s2), scalar.FMA(v, y[3], s3)
	}
	*s = [4]float32{s0, s1, s2, s3}
}
