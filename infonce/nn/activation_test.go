package nn

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// geluInputs returns numbers of all magnitudes and both signs, more than one block of them.
func geluInputs() []float32 {
	x := []float32{0, float32(math.Copysign(0, -1)), 1e-40, -1e-40, 8.9, -8.9, 9, -9, 17, -17, 1e10, -1e10, 1e19, -1e19, 1e38, -1e38, float32(math.Inf(1))}
	r := check.NewRand(1)
	for _, scale := range []float32{0.01, 1, 10} {
		for _, v := range r.Normals32(200) {
			x = append(x, scale*v)
		}
	}
	return x
}

func TestGELUBits(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		x := geluInputs()
		want, got := make([]float32, len(x)), make([]float32, len(x))
		for i, v := range x {
			want[i] = geluScalar(v)
		}
		gelu(got, x)
		check.SameBits(t, "gelu", got, want)
		gelu(x, x)
		check.SameBits(t, "gelu in place", x, want)
	})
}

// The relative error of the sigmoid is that of the exponential of a rounded argument, which is at
// most 30 where the result matters: 30 ulp and a few more. Results below 1e-12 of 1 do not matter.
func TestGELUTruth(t *testing.T) {
	x := geluInputs()
	y, slope := make([]float32, len(x)), make([]float32, len(x))
	gelu(y, x)
	for i := range slope {
		slope[i] = 1
	}
	geluGrad(slope, x)
	const ulp = 0x1p-24
	for i, v := range x {
		if math.IsInf(float64(v), 0) {
			if y[i] != v || slope[i] != 1 {
				t.Errorf("gelu(%v) = %v with slope %v", v, y[i], slope[i])
			}
			continue
		}
		want := gelu64(float64(v))
		if d := math.Abs(float64(y[i]) - want); !(d <= 64*ulp*math.Abs(want)+1e-12) {
			t.Errorf("gelu(%v) = %v, want %v", v, y[i], want)
		}
		// A central difference, whose own error is of order 1e-9.
		const eps = 1e-5
		at := min(max(float64(v), -100), 100)
		want = (gelu64(at+eps) - gelu64(at-eps)) / (2 * eps)
		if d := math.Abs(float64(slope[i]) - want); !(d <= 1e-6) {
			t.Errorf("gelu′(%v) = %v, want %v", v, slope[i], want)
		}
	}
	nan := []float32{float32(math.NaN())}
	d := []float32{1}
	geluGrad(d, nan)
	gelu(nan, nan)
	if nan[0] == nan[0] || d[0] == d[0] {
		t.Errorf("gelu(NaN) = %v with slope %v", nan[0], d[0])
	}
}

func TestActivationText(t *testing.T) {
	for a, want := range map[Activation]string{ReLU: "relu", GELU: "gelu"} {
		text, err := a.MarshalText()
		if err != nil || string(text) != want || a.String() != want {
			t.Errorf("%v is %q, error %v, want %q", a, text, err, want)
		}
		back := Activation(-1)
		if err := back.UnmarshalText(text); err != nil || back != a {
			t.Errorf("%q is %v, error %v", text, back, err)
		}
	}
	if _, err := Activation(7).MarshalText(); err == nil || err.Error() != `activation is 7, want one of ["relu" "gelu"]` {
		t.Error(err)
	}
	if err := new(Activation).UnmarshalText([]byte("tanh")); err == nil || err.Error() != `activation: got "tanh", want one of ["relu" "gelu"]` {
		t.Error(err)
	}
}
