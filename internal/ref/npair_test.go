package ref

import (
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestNPairGradients(t *testing.T) {
	r := check.NewRand(26)
	for i := range 100 {
		n, d := 1+r.IntN(4), 1+r.IntN(5)
		q, k, lambda := normals(r, n, d), normals(r, n, d), r.Float64()
		f := func() float64 {
			value, _ := NPair(q, k, lambda)
			return value
		}
		_, g := NPair(q, k, lambda)
		name := fmt.Sprintf("configuration %d, n=%d d=%d: ", i, n, d)
		check.Gradient(t, name+"q", f, q.Data, g.DQ.Data)
		check.Gradient(t, name+"k", f, k.Data, g.DK.Data)
	}
}

func TestNPairIsInfoNCEWithNorms(t *testing.T) {
	r := check.NewRand(27)
	q, k := normals(r, 5, 4), normals(r, 5, 4)
	want, h := InfoNCE(q, k, 1, false)
	got, g := NPair(q, k, 0)
	compareValue(t, "value", got, want)
	compare(t, "q", g.DQ.Data, h.DQ.Data, 0)
	compare(t, "k", g.DK.Data, h.DK.Data, 0)

	got, g = NPair(q, k, 0.25)
	compareValue(t, "value with norms", got, want+0.25*(Dot(q.Data, q.Data)+Dot(k.Data, k.Data))/5)
	axpy(h.DQ.Data, 0.1, q.Data)
	compare(t, "q with norms", g.DQ.Data, h.DQ.Data, sameTerms)

	if value, g := NPair(NewMat(0, 4), NewMat(0, 4), 1); value != 0 || !isZero(g) {
		t.Errorf("no rows: %v, gradient %v; want zeros", value, g)
	}
}
