package ref

import (
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// Both ways are InfoNCE, the one with the hard negatives as further keys;
// without any, it is CLIP.
func TestSymmetricHardNegativesIsTwoInfoNCE(t *testing.T) {
	eachOption(t, func(t *testing.T, r *check.Rand, temperature float64, normalize bool) {
		const n, m, d = 5, 3, 4
		q, k, neg := normals(r, n, d), normals(r, n, d), normals(r, m, d)
		rows, gr := InfoNCE(q, stack(k, neg), temperature, normalize)
		cols, gc := InfoNCE(k, q, temperature, normalize)
		got, g := SymmetricHardNegatives(q, k, neg, temperature, normalize)
		compareValue(t, "value", got, (rows+cols)/2)
		compare(t, "q", g.DQ.Data, mean(gr.DQ, gc.DK), sameTerms)
		compare(t, "k", g.DK.Data, mean(Mat{n, d, gr.DK.Data[:n*d]}, gc.DQ), sameTerms)
		compare(t, "negatives", g.DNeg.Data, scale(Mat{m, d, gr.DK.Data[n*d:]}, 0.5).Data, sameTerms)
		compareValue(t, "temperature", g.DTemperature, (gr.DTemperature+gc.DTemperature)/2)

		want, h := CLIP(q, k, temperature, normalize)
		got, g = SymmetricHardNegatives(q, k, NewMat(0, d), temperature, normalize)
		compareValue(t, "value without", got, want)
		compare(t, "q without", g.DQ.Data, h.DQ.Data, 0)
		compare(t, "k without", g.DK.Data, h.DK.Data, 0)
	})
}
