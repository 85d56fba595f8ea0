package optim

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
)

// larsOracle makes a step of LARS on one tensor in float64, as SimCLR's code does.
func larsOracle(w, v, g []float64, rate, momentum, trust, decay float64, nesterov, bias bool) {
	ratio := 1.0
	if bias {
		decay = 0
	}
	norm := func(x []float64) (n float64) {
		for _, e := range x {
			n = math.Hypot(n, e)
		}
		return n
	}
	d := make([]float64, len(g))
	for i := range g {
		d[i] = g[i] + decay*w[i]
	}
	if wn, gn := norm(w), norm(d); !bias && wn > 0 && gn > 0 {
		ratio = trust * wn / gn
	}
	for i := range w {
		v[i] = momentum*v[i] + rate*ratio*d[i]
		if nesterov {
			w[i] -= momentum*v[i] + rate*ratio*d[i]
		} else {
			w[i] -= v[i]
		}
	}
}

// There are tensors of several spans, a bias, and tensors whose values or gradients are 0.
func TestLARSSteps(t *testing.T) {
	shapes := []nn.Tensor{{Shape: []int{2, spanSize - 100}}, {Shape: []int{7}}, {Shape: []int{3, 5}}, {Shape: []int{4, 1}}}
	for _, c := range []struct {
		o                      LARS
		momentum, trust, decay float64
	}{
		{LARS{}, 0.9, 0.001, 0},
		{LARS{Momentum: 0.5, Trust: 0.25, WeightDecay: 0.125}, 0.5, 0.25, 0.125},
		{LARS{Momentum: 0.5, Trust: 0.25, WeightDecay: 0.125, Nesterov: true}, 0.5, 0.25, 0.125},
		{LARS{Momentum: -1, Trust: 1}, 0, 1, 0},
	} {
		r := check.NewRand(4)
		p := nn.NewParams(shapes)
		copy(p.Values, r.Normals32(len(p.Values)))
		clear(p.Tensors[2].Values)
		w, v := widen(p.Values), make([]float64, len(p.Values))
		for step := range 3 {
			copy(p.Grads, r.Normals32(len(p.Grads)))
			clear(p.Tensors[3].Grads)
			rate := float32(step+1) / 8
			c.o.Step(p, step, rate)
			g := widen(p.Grads)
			at := 0
			for i, s := range p.Tensors {
				end := at + len(s.Values)
				larsOracle(w[at:end], v[at:end], g[at:end], float64(rate), c.momentum, c.trust, c.decay, c.o.Nesterov, i == 1)
				at = end
			}
		}
		for i, got := range p.Values {
			// Three steps with five float32 roundings each, of numbers below 8.
			if d := math.Abs(float64(got) - w[i]); !(d <= 3*5*0x1p-24*8) {
				t.Fatalf("%+v: parameter %d is %v, want %v", c.o, i, got, w[i])
			}
		}
	}
}

// The ratio of the norms is right even if the squares overflow a float32.
func TestLARSLargeNumbers(t *testing.T) {
	p := nn.NewParams([]nn.Tensor{{Shape: []int{1, 2}}})
	copy(p.Values, []float32{3e30, 4e30})
	copy(p.Grads, []float32{-8e30, 6e30})
	(&LARS{Momentum: -1, Trust: 0.5}).Step(p, 0, 1)
	for i, want := range []float64{3e30 + 0.25*8e30, 4e30 - 0.25*6e30} {
		if got := float64(p.Values[i]); math.Abs(got-want) > 1e-6*want {
			t.Errorf("parameter %d is %v, want %v", i, got, want)
		}
	}
}

func widen(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}
