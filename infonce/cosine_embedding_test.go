package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// apartExactly returns 1 − cos(x, y) and its gradient with respect to x without cancellation: with
// c_ij = x_i·y_j − x_j·y_i, whose products of float32 are exact, |x|²|y|² − (x·y)² is Σ_{i<j} c_ij²
// (Lagrange), and |x|²·y − (x·y)·x has the elements Σ_i x_i·c_ij.
func apartExactly(x, y []float32) (value float64, dx []float64) {
	var xx, yy, xy, cc float64
	dx = make([]float64, len(x))
	for i := range x {
		xi, yi := float64(x[i]), float64(y[i])
		xx, yy, xy = xx+xi*xi, yy+yi*yi, xy+xi*yi
		for j := range x {
			c := xi*float64(y[j]) - float64(x[j])*yi
			cc += c * c / 2
			dx[j] -= xi * c
		}
	}
	n := math.Sqrt(xx * yy)
	for j := range dx {
		dx[j] /= n * xx
	}
	return cc / (n * (n + xy)), dx
}

// TestCosineEmbeddingNearParallel: 1 − s keeps all its digits for rows in almost the same
// direction, where the difference has none: 1 − s is below an ulp of s in float32, and in float64
// too at the smallest angles.
func TestCosineEmbeddingNearParallel(t *testing.T) {
	const d = 33
	r := check.NewRand(120)
	for _, by := range []float32{0.3, 1e-2, 1e-4, 1e-6} {
		for _, size := range []float32{1, 3e-20, 5e18} {
			b := Batch{Q: gaps(1, d, 0, r.Normals32(d)), K: gaps(1, d, 0, make([]float32, d)), Labels: []int{1}}
			for j, v := range b.Q.Data {
				b.Q.Data[j] = v * size
				b.K.Data[j] = (v + float32(by*r.Normals32(1)[0])) * 1.75 * size
			}
			name := fmt.Sprintf("apart by %v, size %v", by, size)
			want, dq := apartExactly(b.Q.Data, b.K.Data)
			g := gradFor(b)
			got := evaluate(t, name, &CosineEmbedding{}, b, &g, 1)
			if !near(got.Loss, want, 1e-8) {
				t.Errorf("%s: loss %v, want %v", name, got.Loss, want)
			}
			top := 0.0
			for _, v := range dq {
				top = max(top, math.Abs(v))
			}
			for j, v := range dq {
				if math.Abs(float64(g.Q.Data[j])-v) > 4*ulp*top {
					t.Errorf("%s: gradient %v of element %d, want %v", name, g.Q.Data[j], j, v)
				}
			}
		}
	}
	// One float32 apart, in a coordinate that is small next to the others.
	b := Batch{Q: rowsOf([]float32{1, 1e-12}), K: rowsOf([]float32{1, 0}), Labels: []int{1}}
	if got := evaluate(t, "1e-12", &CosineEmbedding{}, b, nil, 1); !near(got.Loss, 0.5e-24, 1e-7) {
		t.Errorf("loss %v, want 5e-25", got.Loss)
	}
}

// TestCosineEmbeddingZeroRow: the cosine with a zero row is 0 and has no gradient; a row that
// float32 cannot square is none.
func TestCosineEmbeddingZeroRow(t *testing.T) {
	b := Batch{
		Q:      rowsOf([]float32{0, 0}, []float32{3, 4}, []float32{0, 0}, []float32{3e-40, 4e-40}),
		K:      rowsOf([]float32{3, 4}, []float32{0, 0}, []float32{0, 0}, []float32{3e30, 4e30}),
		Labels: []int{1, -1, 1, 1},
	}
	g := gradFor(b)
	r := evaluate(t, "CosineEmbedding", &CosineEmbedding{Margin: -0.5}, b, &g, 1)
	if !near(r.Loss, (1+0.5+1)/4., 1e-9) || r.ZeroNorm != 4 || r.Valid != 4 {
		t.Errorf("%+v, want a loss of 0.625 and 4 zero rows", r)
	}
	for i := range 3 {
		check.SameBits(t, "gradient", append(g.Q.Row(i), g.K.Row(i)...), make([]float32, 4))
	}
}
