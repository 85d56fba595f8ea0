package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestSupConIsNTXent: where each label has two rows, both forms are NT-Xent bit for bit.
func TestSupConIsNTXent(t *testing.T) {
	r := check.NewRand(91)
	for _, c := range []struct {
		n, d        int
		temperature float32
		dot         bool
		budget      int64
	}{
		{1, 3, 0.5, false, 0}, {7, 8, 0.5, false, 0}, {130, 17, 0.1, false, 0}, {130, 17, 0.1, false, -1},
		{300, 9, 0.07, false, 0}, {130, 17, 0.01, false, 0}, {130, 17, 0.01, false, -1}, {130, 5, 0.3, true, 0}, {130, 5, 0.3, true, -1},
	} {
		q, k := gaps(c.n, c.d, 0, r.Normals32(c.n*c.d)), gaps(c.n, c.d, 0, r.Normals32(c.n*c.d))
		z := simd.Matrix{Rows: 2 * c.n, Cols: c.d, Stride: c.d, Data: append(append([]float32{}, q.Data...), k.Data...)}
		labels := make([]int, 2*c.n)
		for i := range labels {
			labels[i] = i % c.n
		}
		for _, weights := range [][]float32{nil, r.Float32s(c.n, 0, 2)} {
			want := outcomeOf(t, "NTXent", &NTXent{Temperature: c.temperature, DotProduct: c.dot}, Batch{Q: q, K: k, Weights: weights})
			for _, inside := range []bool{false, true} {
				name := fmt.Sprintf("%+v inside=%v weights=%v", c, inside, weights != nil)
				l := &SupCon{Temperature: c.temperature, DotProduct: c.dot, Inside: inside, MemoryBudget: c.budget, Workers: 2}
				got := outcomeOf(t, name, l, Batch{Q: z, Labels: labels, Weights: append(weights[:len(weights):len(weights)], weights...)})
				if math.Float64bits(got.r.Loss) != math.Float64bits(want.r.Loss) || got.r.Valid != want.r.Valid ||
					math.Abs(got.r.DTemperature-want.r.DTemperature) > 1e-12*math.Abs(want.r.DTemperature) {
					t.Errorf("%s: %+v, want %+v", name, got.r, want.r)
				}
				check.SameBits(t, name+": first views", got.g.Q.Slice(0, c.n).Data[:c.n*c.d], want.g.Q.Data)
				check.SameBits(t, name+": second views", got.g.Q.Slice(c.n, 2*c.n).Data, want.g.K.Data)
			}
		}
	}
}

// TestSupConInside: the mean inside the logarithm is never above the one outside (Jensen).
func TestSupConInside(t *testing.T) {
	r := check.NewRand(92)
	for range 200 {
		n, d := 2+r.IntN(40), 1+r.IntN(20)
		b := Batch{Q: gaps(n, d, 0, r.Normals32(n*d)), Labels: make([]int, n)}
		for i := range b.Labels {
			b.Labels[i] = r.IntN(n/3 + 1)
		}
		temperature := []float32{0.01, 0.1, 1}[r.IntN(3)]
		out := evaluate(t, "outside", &SupCon{Temperature: temperature}, b, nil, 1)
		in := evaluate(t, "inside", &SupCon{Temperature: temperature, Inside: true}, b, nil, 1)
		if in.Loss > out.Loss*(1+maxValueError) {
			t.Errorf("n=%d d=%d labels %v: inside %v, outside %v", n, d, b.Labels, in.Loss, out.Loss)
		}
	}
}

// TestSupConColdSelf: the shift is over what takes part. SupContrast takes it over the row itself
// too: its gradients overflow at τ = 0.008 and its loss is NaN at 0.005 for 16 views of normalised
// rows.
func TestSupConColdSelf(t *testing.T) {
	r := check.NewRand(93)
	b := Batch{Q: gaps(16, 64, 0, r.Normals32(16*64)), Labels: []int{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7}}
	for _, temperature := range []float32{0.008, 0.005, 1e-4} {
		v := optionVariants(temperature, false)
		for _, v := range v[len(v)-2:] {
			c := trial{variant: v, name: v.Name, b: b, want: v.ask(b), base: gradFor(b), scale: 1}
			c.tol = v.derived(b, c.want)
			c.run(t, v.New(1))
		}
	}
}

// TestNoPositives: rows without a positive are not valid, and do not pull the mean down.
func TestNoPositives(t *testing.T) {
	r := check.NewRand(94)
	b := Batch{Q: gaps(5, 4, 0, r.Normals32(20)), Labels: []int{1, 2, 3, 4, 5}}
	g := gradFor(b)
	if res := evaluate(t, "SupCon", &SupCon{}, b, &g, 1); res.Loss != 0 || res.Valid != 0 {
		t.Errorf("all labels differ: %+v, want loss 0 and 0 valid rows", res)
	}
	for _, v := range g.Q.Data {
		if v != 0 {
			t.Fatalf("all labels differ: gradient %v, want 0", g.Q.Data)
		}
	}
	// A row with a label of its own only adds a negative: two identical rows against it.
	b = Batch{Q: gaps(3, 2, 0, []float32{1, 0, 1, 0, 0, 1}), Labels: []int{7, 7, 8}}
	if res := evaluate(t, "SupCon", &SupCon{Temperature: 1}, b, nil, 1); res.Valid != 2 || math.Abs(res.Loss-math.Log1p(math.Exp(-1))) > 1e-7 {
		t.Errorf("%+v, want loss ln(1 + 1/e) over 2 rows", res)
	}
}

// TestDCLNegatives: rows without a negative are not valid, also where all were the same thing.
func TestDCLNegatives(t *testing.T) {
	r := check.NewRand(95)
	for _, c := range []struct {
		n     int
		ids   []int
		valid int // samples
	}{{1, nil, 0}, {2, nil, 2}, {3, []int{4, 4, 4}, 0}, {3, []int{4, 5, 4}, 3}} {
		for _, oneWay := range []bool{false, true} {
			for _, temperature := range []float32{0.1, 0.01} {
				b := Batch{Q: gaps(c.n, 4, 0, r.Normals32(4*c.n)), K: gaps(c.n, 4, 0, r.Normals32(4*c.n)), IDs: c.ids}
				g := gradFor(b)
				name := fmt.Sprintf("%+v oneWay=%v", c, oneWay)
				res := evaluate(t, name, &DCL{OneWay: oneWay, Temperature: temperature}, b, &g, 1)
				want := c.valid
				if !oneWay {
					want *= 2
				}
				if res.Valid != want || (want == 0) != (res.Loss == 0) {
					t.Errorf("%s: %+v, want %d valid rows", name, res, want)
				}
				for p := range 2 {
					for _, v := range part(g, p).Data {
						if v != v || want == 0 && v != 0 {
							t.Fatalf("%s: gradient %v", name, part(g, p).Data)
						}
					}
				}
			}
		}
	}
}

// TestClosedForms: where all rows are equal the losses have their closed forms.
func TestClosedForms(t *testing.T) {
	const n = 64
	x := make([]float32, n*3)
	labels := make([]int, n)
	for i := range x {
		x[i] = float32(1 + i%3)
	}
	for i := range labels {
		labels[i] = i % 8
	}
	b := Batch{Q: gaps(n, 3, 0, x), K: gaps(n, 3, 0, x), Labels: labels}
	for _, c := range []struct {
		l    Loss
		want float64
	}{
		{&InfoNCE{}, math.Log(n)},
		{&InfoNCE{Symmetric: true}, math.Log(n)},
		{&InfoNCE{LabelSmoothing: 0.1}, math.Log(n)},
		{&NTXent{}, math.Log(2*n - 1)},
		{&DCL{}, math.Log(2*n - 2)},
		{&DCL{OneWay: true, Temperature: 0.01}, math.Log(n - 1)},
		{&SupCon{}, math.Log(n - 1)},
		{&SupCon{Inside: true}, math.Log(n - 1)},
		{&SigLIP{NoBias: true, Temperature: 1e4}, n * math.Ln2},
	} {
		if r := evaluate(t, fmt.Sprintf("%T", c.l), c.l, b, nil, 1); math.Abs(r.Loss-c.want) > 1e-4*c.want {
			t.Errorf("%T: %v, want %v", c.l, r.Loss, c.want)
		}
	}
}
