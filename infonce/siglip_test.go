package infonce_test

import (
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// TestSigLIPSumRules: with G = ∂L/∂z both Σ q·∂L/∂q and Σ k·∂L/∂k are Σ G·s/τ = −τ·∂L/∂τ, and ∂L/∂b
// is Σ G, which for queries of length 0 is m·σ(b) − 1.
func TestSigLIPSumRules(t *testing.T) {
	r := check.NewRand(121)
	const n, m, d = 60, 70, 10
	b := Batch{Q: gaps(n, d, 1, r.Normals32(n*d)), K: gaps(m, d, 0, r.Normals32(m*d))}
	inner := func(x, g simd.Matrix) (s float64) {
		for i := range x.Rows {
			for j, v := range x.Row(i) {
				s += float64(v) * float64(g.Row(i)[j])
			}
		}
		return s
	}
	check.EachLevel(t, func(t *testing.T) {
		l := &SigLIP{Temperature: 2, Bias: -1, DotProduct: true}
		o := outcomeOf(t, "SigLIP", l, b)
		want := -2 * o.r.DTemperature
		for p := range 2 {
			if got := inner(part(b, p), part(o.g, p)); !near(got, want, 1e-5) {
				t.Errorf("Σ x·∂L/∂x is %v for part %d, want %v", got, p, want)
			}
		}
		zero := Batch{Q: simd.NewMatrix(n, d), K: b.K}
		σ := 1 / (1 + math.E)
		o = outcomeOf(t, "SigLIP", l, zero)
		if want := m*σ - 1; !near(o.r.DBias, want, 1e-6) || o.r.DTemperature != 0 {
			t.Errorf("%+v without similarities, want a gradient of the bias of %v", o.r, want)
		}
		if want := math.Log1p(math.E) + (m-1)*math.Log1p(1/math.E); !near(o.r.Loss, want, 1e-6) {
			t.Errorf("loss %v without similarities, want %v", o.r.Loss, want)
		}
	})
}

// TestSigLIPSmallLoss: a loss far below the rounding of the logits keeps its digits where the
// logits are exact.
func TestSigLIPSmallLoss(t *testing.T) {
	const n = 40
	for _, c := range []struct{ length, bias float32 }{{4, -8}, {6, -18}, {8, -32}, {12, -70}} {
		b := Batch{Q: simd.NewMatrix(n, n), K: simd.NewMatrix(n, n)}
		for i := range n {
			b.Q.Row(i)[i], b.K.Row(i)[i] = c.length, c.length // z_ii is −2·bias, or more
		}
		want, g := ref.SigLIP(mat(b.Q), mat(b.K), 1, float64(c.bias), false)
		check.EachLevel(t, func(t *testing.T) {
			o := outcomeOf(t, "SigLIP", &SigLIP{Temperature: 1, Bias: c.bias, DotProduct: true}, b)
			if !near(o.r.Loss, want, 6*ulp) || !near(o.r.DBias, g.DBias, 6*ulp) {
				t.Errorf("bias %v: loss %v and gradient of the bias %v, want %v and %v", c.bias, o.r.Loss, o.r.DBias, want, g.DBias)
			}
			if x, w := float64(o.g.Q.Row(0)[0]), g.DQ.Row(0)[0]; !near(x, w, 8*ulp) || w == 0 {
				t.Errorf("bias %v: gradient %v of the own key, want %v", c.bias, x, w)
			}
			if x, w := float64(o.g.Q.Row(0)[1]), g.DQ.Row(0)[1]; !near(x, w, 8*ulp) || w == 0 {
				t.Errorf("bias %v: gradient %v of another key, want %v", c.bias, x, w)
			}
		})
	}
}

// TestSigLIPIDs: a candidate with the ID of the positive costs nothing.
func TestSigLIPIDs(t *testing.T) {
	r := check.NewRand(122)
	const n, d = 30, 6
	b := Batch{Q: gaps(n, d, 0, r.Normals32(n*d)), K: gaps(n, d, 0, r.Normals32(n*d))}
	all := evaluate(t, "SigLIP", &SigLIP{NoBias: true}, b, nil, 1).Loss
	want := all
	b.IDs = make([]int, n)
	for i := range n {
		b.IDs[i] = i / 2
		var s, q2, k2 float64
		k := b.K.Row(i ^ 1)
		for j, q := range b.Q.Row(i) {
			s, q2, k2 = s+float64(q)*float64(k[j]), q2+float64(q)*float64(q), k2+float64(k[j])*float64(k[j])
		}
		want -= math.Log1p(math.Exp(s/math.Sqrt(q2*k2)*10)) / n
	}
	if got := evaluate(t, "SigLIP", &SigLIP{NoBias: true}, b, nil, 1).Loss; !near(got, want, 1e-5) || near(got, all, 1e-3) {
		t.Errorf("loss %v with pairs that are the same, want %v", got, want)
	}
}
