package ref

import (
	"fmt"
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestAlignGradients(t *testing.T) {
	r := check.NewRand(34)
	for _, alpha := range []float64{0.5, 1, 2, 3} {
		checked := 0
		for i := range 100 {
			n, d := 1+r.IntN(4), 2+r.IntN(5)
			q, k := normals(r, n, d), normals(r, n, d)
			ok := !shortRows(q) && !shortRows(k)
			for j := range n {
				ok = ok && SquaredDistance(embedded(q, true).Row(j), embedded(k, true).Row(j)) > 0.01
			}
			if !ok {
				continue
			}
			checked++
			f := func() float64 {
				value, _ := Align(q, k, alpha)
				return value
			}
			_, g := Align(q, k, alpha)
			name := fmt.Sprintf("α=%v, configuration %d: ", alpha, i)
			check.Gradient(t, name+"q", f, q.Data, g.DQ.Data)
			check.Gradient(t, name+"k", f, k.Data, g.DK.Data)
		}
		if checked < 50 {
			t.Errorf("α=%v: only %d of 100 configurations were smooth", alpha, checked)
		}
	}
}

func TestUniformGradients(t *testing.T) {
	r := check.NewRand(35)
	for _, rate := range []float64{0.5, 2, 10} {
		for i := range 100 {
			x := normals(r, 1+r.IntN(6), 2+r.IntN(5))
			if shortRows(x) {
				continue
			}
			f := func() float64 {
				value, _ := Uniform(x, rate)
				return value
			}
			_, g := Uniform(x, rate)
			check.Gradient(t, fmt.Sprintf("t=%v, configuration %d", rate, i), f, x.Data, g.DQ.Data)
		}
	}
}

func TestAlignOfAngles(t *testing.T) {
	right := Mat{3, 2, []float64{2, 0, 3, 0, 1, 0}}
	other := Mat{3, 2, []float64{9, 0, 0, 1, -4, 0}} // at 0, √2 and 2
	for _, c := range []struct{ alpha, want float64 }{{1, (math.Sqrt2 + 2) / 3}, {2, 2}, {4, 20.0 / 3}} {
		got, g := Align(right, other, c.alpha)
		if !near(got, c.want, 1e-15) {
			t.Errorf("α=%v: %v, want %v", c.alpha, got, c.want)
		}
		// Turning the second row by an angle: d² = 2 − 2 sin, so ∂L/∂angle = −α 2^(α/2 − 1)/3, over
		// the norm 3.
		compare(t, "q", g.DQ.Data, []float64{0, 0, 0, -c.alpha * math.Pow(2, c.alpha/2-1) / 9, 0, 0}, 1e-15)
	}
	if value, g := Align(NewMat(0, 2), NewMat(0, 2), 2); value != 0 || !isZero(g) {
		t.Errorf("no rows: %v, gradient %v; want zeros", value, g)
	}
}

// uniformity returns that of the uniform distribution on the sphere in d
// dimensions with a point and itself among the pairs: −2t + ln 0F1(; d/2; t²).
func uniformity(d int, rate float64) float64 {
	sum, term := 0.0, 1.0
	for k := 0.0; term > sum*1e-18; k++ {
		sum += term
		term *= rate * rate / ((float64(d)/2 + k) * (k + 1))
	}
	return math.Log(sum) - 2*rate
}

func TestUniformityOfTheSphere(t *testing.T) {
	for d, printed := range map[int]string{
		2: "-1.575027", 3: "-2.079777", 8: "-3.082527", 16: "-3.513036", 32: "-3.751805", 64: "-3.875236", 128: "-3.937530", 256: "-3.968754",
	} {
		if s := fmt.Sprintf("%.6f", uniformity(d, 2)); s != printed {
			t.Errorf("d=%d: %s, want %s", d, s, printed)
		}
	}
	// A regular polygon has the mean of the circle, but for the terms exp(−2t) I_n(2t) of its n-th
	// harmonic.
	const n = 64
	x := NewMat(n, 2)
	for i := range n {
		x.Row(i)[1], x.Row(i)[0] = math.Sincos(2 * math.Pi * float64(i) / n)
	}
	for _, rate := range []float64{0.5, 2, 5} {
		got, g := Uniform(x, rate)
		// A row with itself counts in the mean of the circle, not in that of pairs.
		want := math.Log((n*math.Exp(uniformity(2, rate)) - 1) / (n - 1))
		if !near(got, want, 1e-13) {
			t.Errorf("t=%v: polygon %v, want %v", rate, got, want)
		}
		for _, v := range g.DQ.Data {
			if math.Abs(v) > 1e-14 {
				t.Fatalf("t=%v: gradient %v at the minimum", rate, v)
			}
		}
	}
}

// The uniform distribution is the least of all, a row with itself among the
// pairs, and a simplex the least of all batches of its size: no batch crosses them.
func TestUniformHasMinima(t *testing.T) {
	r := check.NewRand(36)
	for _, d := range []int{2, 3, 8} {
		for _, rate := range []float64{0.5, 2} {
			for range 50 {
				n := 2 + r.IntN(20)
				x := normals(r, n, d)
				got, _ := Uniform(x, rate)
				if least := -2 * rate * float64(n) / float64(n-1); got < least*(1+1e-14) || got > 0 {
					t.Errorf("n=%d d=%d t=%v: %v, below %v or above 0", n, d, rate, got, least)
				}
				withItself := math.Log((float64(n-1)*math.Exp(got) + 1) / float64(n))
				if least := uniformity(d, rate); withItself < least {
					t.Errorf("n=%d d=%d t=%v: %v, below %v", n, d, rate, withItself, least)
				}
			}
		}
	}
}

func TestUniformOfSolids(t *testing.T) {
	cross := NewMat(10, 5)
	for i := range cross.Rows {
		cross.Row(i)[i/2] = float64(3 - 6*(i%2))
	}
	for _, rate := range []float64{0.5, 2, 7} {
		for _, c := range []struct {
			name string
			x    Mat
			want float64
		}{
			{"simplex of 2", simplex(2), -4 * rate},
			{"simplex of 8", simplex(8), -16.0 / 7 * rate},
			{"simplex of 64", simplex(64), -128.0 / 63 * rate},
			// One opposite at 2, eight neighbours at √2.
			{"cross-polytope", cross, math.Log((8*math.Exp(-2*rate) + math.Exp(-4*rate)) / 9)},
			{"collapse", constant(7, 3), 0},
		} {
			got, g := Uniform(c.x, rate)
			if math.Abs(got-c.want) > 1e-13 {
				t.Errorf("%s, t=%v: %v, want %v", c.name, rate, got, c.want)
			}
			for _, v := range g.DQ.Data {
				if math.Abs(v) > 1e-13 {
					t.Errorf("%s, t=%v: gradient %v", c.name, rate, v)
					break
				}
			}
		}
	}
	for n := range 2 {
		if value, g := Uniform(constant(n, 3), 2); value != 0 || !isZero(g) {
			t.Errorf("%d rows: %v, gradient %v; want zeros", n, value, g)
		}
	}
}
