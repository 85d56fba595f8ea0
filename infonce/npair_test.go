package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestNPairIsInfoNCE: without regularisation it is InfoNCE of dot products, with its bits; the
// regularisation adds the mean of the squared norms, and their gradient.
func TestNPairIsInfoNCE(t *testing.T) {
	r := check.NewRand(140)
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct{ n, d int }{{1, 3}, {7, 8}, {250, 20}} {
			name := fmt.Sprintf("%+v", c)
			b := Batch{Q: gaps(c.n, c.d, 1, r.Normals32(c.n*c.d)), K: gaps(c.n, c.d, 0, r.Normals32(c.n*c.d)), IDs: make([]int, c.n)}
			for i := range b.IDs {
				b.IDs[i] = r.IntN(c.n)
				b.Weights = append(b.Weights, float32(1+r.IntN(3)))
			}
			want := outcomeOf(t, name, &InfoNCE{DotProduct: true, Temperature: 1}, b)
			want.r.DTemperature = 0
			outcomeOf(t, name, &NPair{}, b).same(t, name, want)

			const λ = 0.25
			got := outcomeOf(t, name, &NPair{Regularization: λ}, b)
			var sum, weights float64
			for i, w := range b.Weights {
				for j, q := range b.Q.Row(i) {
					k := float64(b.K.Row(i)[j])
					sum += float64(w) * (float64(q)*float64(q) + k*k)
				}
				weights += float64(w)
			}
			if loss := want.r.Loss + λ*sum/weights; !near(got.r.Loss, loss, 1e-6) {
				t.Errorf("%s: loss %v, want %v", name, got.r.Loss, loss)
			}
			for p := range 2 {
				for i, w := range b.Weights {
					for j, x := range part(b, p).Row(i) {
						add := 2 * λ * float64(w) / weights * float64(x)
						if g, plain := float64(part(got.g, p).Row(i)[j]), float64(part(want.g, p).Row(i)[j]); math.Abs(g-plain-add) > 1e-6*(math.Abs(plain)+math.Abs(add)) {
							t.Fatalf("%s: gradient %v of part %d, want %v and %v", name, g, p, plain, add)
						}
					}
				}
			}
		}
	})
}
