package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// crossEntropyRow is InfoNCE as a function of a row of logits.
func crossEntropyRow(i int, z []float32) float64 {
	pos := z[i]
	lse := simd.Softmax(z, z)
	z[i]--
	return float64(lse) - float64(pos)
}

// TestCustomIsInfoNCE: a loss given as a function is the loss that is built in.
func TestCustomIsInfoNCE(t *testing.T) {
	r := check.NewRand(90)
	for _, c := range []struct{ n, m, d int }{{1, 1, 3}, {5, 9, 16}, {300, 300, 8}, {200, 517, 33}} {
		b := Batch{Q: gaps(c.n, c.d, 1, r.Normals32(c.n*c.d)), K: gaps(c.m, c.d, 2, r.Normals32(c.m*c.d))}
		for _, dot := range []bool{false, true} {
			name := fmt.Sprintf("%+v dot=%v", c, dot)
			want := outcomeOf(t, name, &InfoNCE{Temperature: 0.5, DotProduct: dot}, b)
			got := outcomeOf(t, name, &Custom{Score: crossEntropyRow, Temperature: 0.5, DotProduct: dot}, b)
			if math.Abs(got.r.Loss-want.r.Loss) > 1e-6*want.r.Loss || math.Abs(got.r.DTemperature-want.r.DTemperature) > 1e-5*math.Abs(want.r.DTemperature)+1e-6 {
				t.Errorf("%s: %+v, want %+v", name, got.r, want.r)
			}
			for p := range 2 {
				sameNumbers(t, name, part(got.g, p).Data, part(want.g, p).Data, maxGradientError)
			}
		}
	}
}

// sameNumbers reports elements that differ by more than bound of the largest.
func sameNumbers(t *testing.T, name string, got, want []float32, bound float64) {
	t.Helper()
	var diff, size float64
	for i, w := range want {
		diff, size = max(diff, math.Abs(float64(got[i])-float64(w))), max(size, math.Abs(float64(w)))
	}
	if !(diff <= bound*size) {
		t.Errorf("%s: differs by %.3g of %.3g", name, diff, size)
	}
}
