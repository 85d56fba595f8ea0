package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// Closed forms that need no data.

// constant returns a matrix of equal rows.
func constant(rows, cols int) Mat {
	m := NewMat(rows, cols)
	for i := range m.Data {
		m.Data[i] = float64(1 + i%cols)
	}
	return m
}

func TestCollapse(t *testing.T) {
	const n, d = 64, 3
	x, neg := constant(n, d), constant(5*n, d)
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i % 4
	}
	value := func(v float64, _ Grad) float64 { return v }
	soft := TripletOptions{Soft: true}
	for _, temperature := range []float64{1e-4, 0.07, 1, 1e4} {
		for _, normalize := range []bool{false, true} {
			for _, c := range []struct {
				name      string
				got, want float64
			}{
				{"InfoNCE", value(InfoNCE(x, x, temperature, normalize)), 4.1588830833596715}, // ln 64
				{"CLIP", value(CLIP(x, x, temperature, normalize)), 4.1588830833596715},
				{"NTXent", value(NTXent(x, x, temperature, normalize)), 4.844187086458591}, // ln 127
				{"SoftmaxRows", value(SoftmaxRows(x, x, temperature, normalize, RowOptions{Smoothing: 0.3})), 4.1588830833596715},
				{"SupCon", value(SupCon(x, labels, temperature, normalize, false)), 4.143134726391533}, // ln 63
				{"SupCon, inside", value(SupCon(x, labels, temperature, normalize, true)), 4.143134726391533},
				{"HCL", value(HCL(x, x, temperature, 1, 0.1, normalize)), 4.844187086458591},
				{"SymmetricHardNegatives", value(SymmetricHardNegatives(x, x, constant(63, d), temperature, normalize)), (4.844187086458591 + 4.1588830833596715) / 2},
				{"DCL", value(DCL(x, x, temperature, 0, normalize, false)), 4.836281906951478}, // ln 126
				{"DCL, weighted", value(DCL(x, x, temperature, 0.5, normalize, false)), 4.836281906951478},
				{"DCL, one way", value(DCL(x, x, temperature, 0, normalize, true)), 4.143134726391533},
				{"InfoNCESharedNegatives", value(InfoNCESharedNegatives(x, x, constant(63, d), temperature, normalize)), 4.1588830833596715},
				{"InfoNCEPairedNegatives", value(InfoNCEPairedNegatives(x, x, neg, temperature, normalize)), 1.791759469228055}, // ln 6
				{"Triplet", value(Triplet(x, x, x, TripletOptions{Margin: 0.3})), 0.3},
				{"Triplet, soft", value(Triplet(x, x, x, soft)), math.Ln2},
				{"BatchHard", value(BatchHard(x, labels, TripletOptions{Margin: 0.3})), 0.3},
				{"BatchHard, soft", value(BatchHard(x, labels, soft)), math.Ln2},
			} {
				// The unit vectors are equal, and so are the scores; only the mean rounds, 64
				// times.
				if !near(c.got, c.want, 1e-14) {
					t.Errorf("%s τ=%v normalize=%v: %v, want %v", c.name, temperature, normalize, c.got, c.want)
				}
			}
		}
	}
}

func TestTripletCollapse(t *testing.T) {
	const n, margin = 64, 0.3
	x := constant(n, 3)
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i % 4
	}
	value := func(v float64, _ Grad) float64 { return v }
	hard, soft := TripletOptions{Margin: margin}, TripletOptions{Soft: true}
	for _, c := range []struct {
		name      string
		got, want float64
		sums      int // additions, each of which rounds
	}{
		{"BatchAll", value(BatchAll(x, labels, hard, false)), margin, 64 + 15 + 48},
		{"BatchAll over all", value(BatchAll(x, labels, hard, true)), margin, 64 + 15 + 48},
		{"BatchAll, soft", value(BatchAll(x, labels, soft, false)), math.Ln2, 64 + 15 + 48},
		{"SemiHard", value(SemiHard(x, labels, hard, Farthest)), margin, 64 * 15},
		{"SemiHard, dropped", value(SemiHard(x, labels, hard, Drop)), 0, 0},
	} {
		if !near(c.got, c.want, 0x1p-53*float64(c.sums+2)) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// simplex returns n vectors of the given length, any two at the cosine −1/(n−1).
func simplex(n int) Mat {
	m := NewMat(n, n)
	for i := range n {
		for j := range n {
			m.Row(i)[j] = -1 / float64(n)
		}
		m.Row(i)[i]++
	}
	return m
}

func TestSimplexOptimum(t *testing.T) {
	infoNCE := func(q, k Mat, temperature float64) (float64, Grad) { return InfoNCE(q, k, temperature, true) }
	clip := func(q, k Mat, temperature float64) (float64, Grad) { return CLIP(q, k, temperature, true) }
	supCon := func(q, k Mat, temperature float64) (float64, Grad) {
		labels := make([]int, 2*q.Rows)
		for i := range labels {
			labels[i] = i % q.Rows
		}
		return SupCon(stack(q, k), labels, temperature, true, true)
	}
	hcl := func(q, k Mat, temperature float64) (float64, Grad) { return HCL(q, k, temperature, 1, 0, true) }
	ntXent := func(q, k Mat, temperature float64) (float64, Grad) { return NTXent(q, k, temperature, true) }
	for _, c := range []struct {
		name        string
		f           func(q, k Mat, temperature float64) (float64, Grad)
		n           int
		temperature float64
		printed     string
		negatives   float64 // of each row, a sample
	}{
		{"InfoNCE", infoNCE, 8, 0.1, "7.61580815e-05", 1},
		{"InfoNCE", infoNCE, 64, 0.1, "2.43742191e-03", 1},
		{"InfoNCE", infoNCE, 64, 0.5, "2.22567203e+00", 1},
		{"CLIP", clip, 64, 0.1, "2.43742191e-03", 1},
		{"NTXent", ntXent, 64, 0.5, "2.86330924e+00", 2},
		{"SupCon", supCon, 64, 0.5, "2.86330924e+00", 2},
		{"HCL", hcl, 64, 0.5, "2.86330924e+00", 2}, // all negatives are equally hard
	} {
		x := simplex(c.n)
		got, g := c.f(x, x, c.temperature)
		others := float64(c.n - 1)
		want := math.Log1p(c.negatives * others * math.Exp(-float64(c.n)/others/c.temperature))
		if s := fmt.Sprintf("%.8e", got); s != c.printed {
			t.Errorf("%s N=%d τ=%v: %s, want %s", c.name, c.n, c.temperature, s, c.printed)
		}
		// The product of a row with itself, and its norm, are rounded N times at
		// 2^−53 of 1; 1/τ times that is the relative error of the exponentials.
		if !near(got, want, 0x1p-52*float64(c.n)/c.temperature) {
			t.Errorf("%s N=%d τ=%v: %v, want %v", c.name, c.n, c.temperature, got, want)
		}
		// At the minimum all gradients vanish, next to the 1/τ N that a row could have.
		for _, v := range slices.Concat(g.DQ.Data, g.DK.Data) {
			if math.Abs(v) > 1e-14/c.temperature/float64(c.n) {
				t.Errorf("%s N=%d τ=%v: gradient %v at the minimum", c.name, c.n, c.temperature, v)
				break
			}
		}
	}
}

// The same for one row of a batch too large for naive loops.
func TestSimplexRow(t *testing.T) {
	for _, c := range []struct {
		name        string
		n           int
		negatives   int
		temperature float64
		printed     string
	}{
		{"InfoNCE", 512, 511, 0.05, "1.01282221e-06"},
		{"NTXent", 512, 1022, 0.07, "6.20823e-04"},
	} {
		s := make([]float64, 1+c.negatives)
		for j := range s {
			s[j] = -1 / float64(c.n-1)
		}
		s[0] = 1
		g := make([]float64, len(s))
		digits := len(c.printed) - len("1.e+00")
		if got := fmt.Sprintf("%.*e", digits, crossEntropy(g, s, 0, c.temperature)); got != c.printed {
			t.Errorf("%s: %s, want %s", c.name, got, c.printed)
		}
		// Sums of equal numbers: one rounding a term, at 1.1e-16.
		if sum := Sum(g); math.Abs(sum) > 1e-13*math.Abs(g[0]) {
			t.Errorf("%s: the gradient sums to %v, with %v at the positive", c.name, sum, g[0])
		}
	}
}

// One query with the scores c + 1 and c − 1: L = ln(1 + e^(−2/τ)), and the
// gradients are ± its logistic, down to where they underflow.
func TestTinyLosses(t *testing.T) {
	const c = 1000
	q, k := Mat{1, 2, []float64{1, 1}}, Mat{2, 2, []float64{1, c, -1, c}}
	for _, temperature := range []float64{1, 0.1, 0.05, 0.01, 0.004, 0.003} {
		e := math.Exp(-2 / temperature)
		if e == 0 {
			t.Fatalf("τ=%v underflows: it shows nothing", temperature)
		}
		p := e / (1 + e)
		value, g := InfoNCE(q, k, temperature, false)
		if !near(value, math.Log1p(e), 1e-15) {
			t.Errorf("τ=%v: loss %v, want %v", temperature, value, math.Log1p(e))
		}
		for _, d := range []struct {
			name      string
			got, want float64
		}{
			{"q", g.DQ.At(0, 0), -2 * p / temperature},
			{"q across", g.DQ.At(0, 1), 0},
			{"positive", g.DK.At(0, 0), -p / temperature},
			{"negative", g.DK.At(1, 0), p / temperature},
			{"temperature", g.DTemperature, 2 * p / temperature / temperature},
		} {
			if !near(d.got, d.want, 1e-15) {
				t.Errorf("τ=%v: gradient of the %s %v, want %v", temperature, d.name, d.got, d.want)
			}
		}
	}
}

// Dividing the scores by τ is dividing all vectors by √τ: the loss at any
// temperature is that at 1 of other inputs, with gradients that follow. By
// Euler's theorem τ·∂L/∂τ is then −½ Σ x·∂L/∂x over all inputs x.
func TestTemperatureIsScale(t *testing.T) {
	const n, m, d = 5, 3, 4
	r := check.NewRand(6)
	for _, loss := range softmaxLosses {
		for _, temperature := range []float64{1e-4, 1e-2, 0.3, 1, 1e4} {
			name := fmt.Sprintf("%s τ=%v: ", loss.name, temperature)
			root := math.Sqrt(temperature)
			q, k, neg := normals(r, n, d), normals(r, n+loss.extra(n, m), d), normals(r, loss.neg(n, m), d)
			value, g := loss.f(q, k, neg, temperature, false)
			want, h := loss.f(scale(q, 1/root), scale(k, 1/root), scale(neg, 1/root), 1, false)

			// A logit is at most |x||y|/τ, below d·36/τ, and rounded some ten times
			// at 2^−53 of that; so large is the error of a loss and that of a probability
			// in parts of itself.
			tolerance := 10 * 0x1p-53 * (1 + d*36/temperature)
			if !(math.Abs(value-want) <= tolerance*max(1, want)) {
				t.Errorf("%svalue %v, want %v", name, value, want)
			}
			compare(t, name+"q", g.DQ.Data, scale(h.DQ, 1/root).Data, tolerance)
			compare(t, name+"k", g.DK.Data, scale(h.DK, 1/root).Data, tolerance)
			compare(t, name+"negatives", g.DNeg.Data, scale(h.DNeg, 1/root).Data, tolerance)

			euler := -(Dot(q.Data, g.DQ.Data) + Dot(k.Data, g.DK.Data) + Dot(neg.Data, g.DNeg.Data)) / 2
			if got := temperature * g.DTemperature; !(math.Abs(got-euler) <= tolerance*math.Abs(euler)) {
				t.Errorf("%sτ·∂L/∂τ = %v, want %v", name, got, euler)
			}
		}
	}
}

// As τ → 0 the loss goes to the mean of (max s − s_y)/τ, from which it is never
// farther than the logarithm of the number of candidates.
func TestColdLimit(t *testing.T) {
	const n, d, temperature = 6, 3, 1e-4
	r := check.NewRand(7)
	q, k := normals(r, n, d), normals(r, n+4, d)
	s := MatMulTransB(q, k)
	limit := 0.0
	for i := range n {
		limit += (Max(s.Row(i)) - s.At(i, i)) / temperature / n
	}
	got, g := InfoNCE(q, k, temperature, false)
	if got < limit*(1-1e-14) || got > limit+math.Log(n+4) || limit < 1000 {
		t.Errorf("loss %v, want %v or a little more", got, limit)
	}
	for _, v := range slices.Concat(g.DQ.Data, g.DK.Data, []float64{g.DTemperature}) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("gradient %v", v)
		}
	}
}
