package tile

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestSoftplusRow: the sum errs by a few ulps, however small its terms are, and each slope by a few
// of its own, where it is a normal float32.
func TestSoftplusRow(t *testing.T) {
	r := check.NewRand(120)
	type row struct {
		z    []float32
		bias float32
	}
	var rows []row
	for _, n := range []int{0, 1, 2, 15, 63, 64, 65, 127, 129, 1000, 1023, 1024, 1025, 3000} {
		for _, c := range []struct{ lo, hi, bias float32 }{{-20, 0, -10}, {-60, -30, 0}, {-1, 1, 0}, {-100, 100, 3}, {0, 50, 40}, {80, 85, -1}, {0, 0, 0}} {
			z := r.Float32s(n, c.lo, c.hi)
			for i := range z {
				if r.IntN(9) == 0 {
					z[i] = NegInf
				}
			}
			rows = append(rows, row{z, c.bias})
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		var room SoftplusScratch
		for _, c := range rows {
			z := append([]float32{}, c.z...)
			sum, slopes := SoftplusRow(z, c.bias, &room)
			var want, wantSlopes, worst float64
			for i, v := range c.z {
				x := float64(v + c.bias) // rounded, as there
				e := math.Exp(-math.Abs(x))
				slope := 1 / (1 + e)
				if x < 0 {
					slope = e / (1 + e)
				}
				want += max(x, 0) + math.Log1p(e)
				wantSlopes += slope
				if slope > 0x1p-126 {
					worst = max(worst, math.Abs(float64(-z[i])-slope)/slope)
				} else if math.Abs(float64(-z[i])-slope) > 0x1p-126 {
					t.Errorf("slope %v at %v, want %v", -z[i], x, slope)
				}
			}
			if worst > 6*0x1p-24 {
				t.Errorf("%d numbers: a slope is off by %.2g ulps", len(z), worst/0x1p-24)
			}
			if math.Abs(sum-want) > 6*0x1p-24*want || math.Abs(slopes-wantSlopes) > 6*0x1p-24*wantSlopes {
				t.Errorf("%d numbers and bias %v: %v and slopes %v, want %v and %v", len(z), c.bias, sum, slopes, want, wantSlopes)
			}
		}
	})
}
