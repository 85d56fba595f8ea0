package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// checkPairs compares the gradients of a loss of pairs with central differences,
// 200 random shapes; smooth tells which.
func checkPairs(t *testing.T, seed uint64, loss func(q, k Mat, similar []bool, margin float64) (float64, Grad),
	smooth func(q, k []float64, similar bool, margin float64) bool) {
	t.Helper()
	r := check.NewRand(seed)
	checked := 0
	for i := range 200 {
		n, d := 1+r.IntN(4), 1+r.IntN(6)
		q, k := normals(r, n, d), normals(r, n, d)
		margin := float64(3*r.Float64()) - 0.5
		similar, ok := make([]bool, n), true
		for j := range similar {
			similar[j] = r.IntN(2) == 0
			ok = ok && smooth(q.Row(j), k.Row(j), similar[j], margin)
		}
		if !ok {
			continue
		}
		checked++
		f := func() float64 {
			value, _ := loss(q, k, similar, margin)
			return value
		}
		_, g := loss(q, k, similar, margin)
		name := fmt.Sprintf("configuration %d, margin %v, similar %v: ", i, margin, similar)
		check.Gradient(t, name+"q", f, q.Data, g.DQ.Data)
		check.Gradient(t, name+"k", f, k.Data, g.DK.Data)
	}
	if checked < 100 {
		t.Errorf("only %d of 200 configurations were smooth", checked)
	}
}

func TestContrastivePairGradients(t *testing.T) {
	checkPairs(t, 22, ContrastivePair, func(q, k []float64, similar bool, margin float64) bool {
		return distance(q, k, false) > 0.1
	})
}

func TestCosineEmbeddingGradients(t *testing.T) {
	checkPairs(t, 23, CosineEmbedding, func(q, k []float64, similar bool, margin float64) bool {
		qk, qq, kk := Dot(q, k), Dot(q, q), Dot(k, k)
		return min(qq, kk) > 0.01 && (similar || math.Abs(qk/math.Sqrt(qq*kk)-margin) > kinkDistance)
	})
}

func TestContrastivePairOnALine(t *testing.T) {
	for _, c := range []struct {
		name         string
		q, k, margin float64
		similar      bool
		loss, dq     float64
	}{
		{"similar", 1, 4, 9, true, 4.5, -3},
		{"similar and equal", 4, 4, 9, true, 0, 0},
		{"dissimilar, too near", 1, 4, 5, false, 2, 2},
		{"dissimilar, at the margin", 1, 4, 3, false, 0, 0},
		{"dissimilar, far", 1, 4, 1, false, 0, 0},
		{"dissimilar and equal", 4, 4, 2, false, 2, 0},
	} {
		loss, g := ContrastivePair(line(c.q), line(c.k), []bool{c.similar}, c.margin)
		if loss != c.loss || g.DQ.At(0, 0) != c.dq || g.DK.At(0, 0) != -c.dq {
			t.Errorf("%s: %v, gradient %v; want %v, %v", c.name, loss, g, c.loss, c.dq)
		}
	}
	loss, g := ContrastivePair(line(1, 1), line(4, 4), []bool{true, false}, 5)
	if loss != 3.25 || !slices.Equal(g.DQ.Data, []float64{-1.5, 1}) {
		t.Errorf("the mean of 4.5 and 2 is %v, gradient %v", loss, g)
	}
}

func TestCosineEmbeddingCases(t *testing.T) {
	right, diagonal := []float64{2, 0}, []float64{3, 3}
	for _, c := range []struct {
		name    string
		q, k    []float64
		similar bool
		margin  float64
		loss    float64
		dq      []float64
	}{
		{"similar", right, diagonal, true, 0, 1 - math.Sqrt2/2, []float64{0, -math.Sqrt2 / 4}},
		{"dissimilar", right, diagonal, false, 0.5, math.Sqrt2/2 - 0.5, []float64{0, math.Sqrt2 / 4}},
		{"dissimilar, far", right, diagonal, false, 0.8, 0, []float64{0, 0}},
		{"parallel", right, right, true, 0.5, 0, []float64{0, 0}},
		{"opposite", right, []float64{-5, 0}, true, 0.5, 2, []float64{0, 0}},
		{"a zero row", []float64{0, 0}, diagonal, true, 0, 1, []float64{0, 0}},
		{"a zero row, dissimilar", []float64{0, 0}, diagonal, false, -0.25, 0.25, []float64{0, 0}},
	} {
		loss, g := CosineEmbedding(Mat{1, 2, c.q}, Mat{1, 2, c.k}, []bool{c.similar}, c.margin)
		if !near(loss, c.loss, 1e-15) || !near(g.DQ.Data[0], c.dq[0], 1e-15) || !near(g.DQ.Data[1], c.dq[1], 1e-15) {
			t.Errorf("%s: %v, gradient %v; want %v, %v", c.name, loss, g.DQ.Data, c.loss, c.dq)
		}
	}
}

func TestNoPairs(t *testing.T) {
	q := NewMat(0, 3)
	for name, f := range map[string]func() (float64, Grad){
		"ContrastivePair": func() (float64, Grad) { return ContrastivePair(q, q, nil, 1) },
		"CosineEmbedding": func() (float64, Grad) { return CosineEmbedding(q, q, nil, 1) },
		"MarginRanking":   func() (float64, Grad) { return MarginRanking(q, q, nil, 1) },
		"LogisticRanking": func() (float64, Grad) { return LogisticRanking(q, q, nil) },
	} {
		if value, g := f(); value != 0 || !isZero(g) {
			t.Errorf("%s: %v, gradient %v; want zeros", name, value, g)
		}
	}
}
