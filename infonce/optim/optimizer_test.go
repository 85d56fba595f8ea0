package optim

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
)

// twoParams returns a weight and a bias of two elements each.
func twoParams() *nn.Params {
	p := nn.NewParams([]nn.Tensor{{Name: "w", Shape: []int{1, 2}}, {Name: "b", Shape: []int{2}}})
	copy(p.Values, []float32{1, -2, 3, 0.5})
	return p
}

var twoGrads = [][]float32{{0.5, -1, 2, 0}, {-0.25, 3, 1, 1e-4}, {4, 0.125, -1, -2}}

// Three steps at rates 0.1, 0.2 and 0.3 agree with the published formulas in float64.
func TestOptimizerSteps(t *testing.T) {
	sgd := func(momentum, decay float64, nesterov bool) func(w, g, decayed float64, m, v *float64, t int, rate float64) float64 {
		return func(w, g, decayed float64, m, v *float64, t int, rate float64) float64 {
			g += decay * decayed * w
			*m = momentum**m + g
			d := *m
			if nesterov {
				d = g + momentum**m
			}
			return w - rate*d
		}
	}
	adam := func(b1, b2, eps, decay float64) func(w, g, decayed float64, m, v *float64, t int, rate float64) float64 {
		return func(w, g, decayed float64, m, v *float64, t int, rate float64) float64 {
			w -= rate * decay * decayed * w
			*m = b1**m + (1-b1)*g
			*v = b2**v + (1-b2)*g*g
			return w - rate*(*m/(1-math.Pow(b1, float64(t))))/(math.Sqrt(*v/(1-math.Pow(b2, float64(t))))+eps)
		}
	}
	coupled := func(decay float64) func(w, g, decayed float64, m, v *float64, t int, rate float64) float64 {
		plain := adam(0.5, 0.75, 0.125, 0)
		return func(w, g, decayed float64, m, v *float64, t int, rate float64) float64 {
			return plain(w, g+decay*decayed*w, decayed, m, v, t, rate)
		}
	}
	for _, c := range []struct {
		name   string
		opt    Optimizer
		update func(w, g, decayed float64, m, v *float64, t int, rate float64) float64
	}{
		{"descent", &SGD{}, sgd(0, 0, false)},
		{"decay", &SGD{WeightDecay: 0.5}, sgd(0, 0.5, false)},
		{"momentum", &SGD{Momentum: 0.75, WeightDecay: 0.25}, sgd(0.75, 0.25, false)},
		{"Nesterov", &SGD{Momentum: 0.75, WeightDecay: 0.25, Nesterov: true}, sgd(0.75, 0.25, true)},
		{"Adam", &AdamW{}, adam(0.9, 0.999, 1e-8, 0)},
		{"AdamW", &AdamW{Beta1: 0.5, Beta2: 0.75, Epsilon: 0.125, WeightDecay: 0.5}, adam(0.5, 0.75, 0.125, 0.5)},
		{"Adam with L2", &AdamW{Beta1: 0.5, Beta2: 0.75, Epsilon: 0.125, WeightDecay: 0.5, Coupled: true}, coupled(0.5)},
	} {
		p := twoParams()
		var w, m, v [4]float64
		for i, x := range p.Values {
			w[i] = float64(x)
		}
		for step, grads := range twoGrads {
			copy(p.Grads, grads)
			rate := float32(step+1) / 10
			c.opt.Step(p, step, rate)
			for i, g := range grads {
				decayed := 1.0
				if i >= 2 {
					decayed = 0 // a bias
				}
				w[i] = c.update(w[i], float64(g), decayed, &m[i], &v[i], step+1, float64(rate))
				// A step has some ten float32 roundings, each below 2⁻²⁴ of |w| + |update|,
				// and 0.999 as float32 moves 1−Beta2 by 1.3e-5 of itself, half of which
				// reaches the first updates of Adam where the float64 formula has 0.999
				// exactly, in v and in the correction alike.
				if d := math.Abs(float64(p.Values[i]) - w[i]); !(d <= 2e-6*math.Max(1, math.Abs(w[i]))) {
					t.Errorf("%s: step %d: parameter %d is %v, want %v", c.name, step, i, p.Values[i], w[i])
				}
			}
		}
	}
}

// The state is all that a later step depends on.
func TestOptimizerState(t *testing.T) {
	type variant struct {
		name  string
		fresh func() Optimizer
		want  []string
	}
	variants := []variant{
		{"descent", func() Optimizer { return &SGD{} }, nil},
		{"momentum", func() Optimizer { return &SGD{Momentum: 0.9} }, []string{"velocity"}},
	}
	states := map[string][]string{"adamw": {"m", "v"}, "adam": {"m", "v"}, "sgd": {"velocity"}, "lars": {"velocity"}}
	for _, k := range Kinds {
		variants = append(variants, variant{k.Name, func() Optimizer { return k.New(Config{WeightDecay: 0.1}) }, states[k.Name]})
	}
	for _, c := range variants {
		a, b := c.fresh(), c.fresh()
		var size int64
		for _, s := range c.fresh().State(1000) {
			size += 4 * int64(len(s.Data))
		}
		if got := a.(MemoryEstimator).StateBytes(1000); got != size {
			t.Errorf("%s: an estimate of %d bytes of state, want %d", c.name, got, size)
		}
		p, q := twoParams(), twoParams()
		for step := range 2 {
			copy(p.Grads, twoGrads[step])
			a.Step(p, step, 0.1)
		}
		copy(q.Values, p.Values)
		stateA, stateB := a.State(4), b.State(4)
		var names []string
		for i, s := range stateA {
			names = append(names, s.Name)
			if !slices.Equal(s.Shape, []int{4}) {
				t.Errorf("%s: shape of %s is %v", c.name, s.Name, s.Shape)
			}
			copy(stateB[i].Data, s.Data)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s: state %v, want %v", c.name, names, c.want)
		}
		copy(p.Grads, twoGrads[2])
		copy(q.Grads, twoGrads[2])
		a.Step(p, 2, 0.1)
		b.Step(q, 2, 0.1)
		check.SameBits(t, c.name, q.Values, p.Values)
	}
}

func TestOptimizerBitsForAnyWorkers(t *testing.T) {
	const rows, cols = 300, 171 // four spans of weights, two of them beside a border
	for _, k := range append(Kinds[:len(Kinds):len(Kinds)], Kind{Name: "LARS with much trust", New: func(c Config) Optimizer {
		return &LARS{WeightDecay: c.WeightDecay, Trust: 0.5, Workers: c.Workers}
	}}) {
		var first []float32
		for _, workers := range []int{1, 2, 7} {
			r := check.NewRand(1)
			p := nn.NewParams([]nn.Tensor{{Shape: []int{rows, cols}}, {Shape: []int{rows}}, {Shape: []int{cols, 2}}})
			copy(p.Values, r.Normals32(len(p.Values)))
			opt := k.New(Config{WeightDecay: 0.1, Workers: workers})
			for step := range 3 {
				copy(p.Grads, r.Normals32(len(p.Grads)))
				opt.Step(p, step, 0.1)
			}
			if first == nil {
				first = slices.Clone(p.Values)
			}
			check.SameBits(t, fmt.Sprintf("%s, workers %d", k.Name, workers), p.Values, first)
		}
	}
}

func TestSpansCoverAll(t *testing.T) {
	p := nn.NewParams([]nn.Tensor{{Shape: []int{3, spanSize}}, {Shape: []int{5}}, {Shape: []int{spanSize, 1}}, {Shape: []int{spanSize + 1, 1}}})
	at := 0
	for _, s := range appendSpans(nil, p) {
		if s.lo != at || s.hi <= s.lo || s.hi-s.lo > spanSize {
			t.Fatalf("span %v at %d", s, at)
		}
		if bias := s.lo == 3*spanSize; s.decay == bias {
			t.Errorf("span %v decays: %v", s, s.decay)
		}
		at = s.hi
	}
	if at != len(p.Values) {
		t.Errorf("spans end at %d of %d", at, len(p.Values))
	}
}

func TestStepDecay(t *testing.T) {
	s := StepDecay{Peak: 8, Factor: 0.5, Every: 3, Warmup: 3}
	for step, want := range []float32{2, 4, 6, 8, 8, 8, 4, 4, 4, 2} {
		if got := s.Rate(step); got != want {
			t.Errorf("rate of step %d is %v, want %v", step, got, want)
		}
	}
	if got := (StepDecay{Peak: 3, Every: 10}).Rate(29); math.Abs(float64(got)-0.03) > 0.03*3*0x1p-24 {
		t.Errorf("rate after two drops to a tenth is %v, want 0.03", got)
	}
	if got := (StepDecay{Peak: 3}).Rate(1e6); got != 3 {
		t.Errorf("rate without drops is %v, want the peak", got)
	}
}

func TestConstant(t *testing.T) {
	c := Constant{Peak: 4, Warmup: 3}
	for step, want := range []float32{1, 2, 3, 4, 4} {
		if got := c.Rate(step); got != want {
			t.Errorf("rate of step %d is %v, want %v", step, got, want)
		}
	}
}

func TestPower(t *testing.T) {
	for _, x := range []float64{0.9, 0.999, 0.5} {
		for n := range 2000 {
			want := math.Pow(x, float64(n))
			// Relative errors of squaring add up to about one rounding a factor.
			if got := power(x, n); math.Abs(got-want) > want*2.3e-16*float64(n+1) {
				t.Fatalf("power(%v, %d) = %v, want %v", x, n, got, want)
			}
		}
	}
}

func TestCosine(t *testing.T) {
	c := Cosine{Peak: 2, Floor: 0.5, Warmup: 3, Steps: 11}
	want := []float64{0.5, 1, 1.5}
	for i := range 8 {
		want = append(want, 0.5+1.5*(1+math.Cos(math.Pi*float64(i)/8))/2)
	}
	want = append(want, 0.5, 0.5)
	for step, w := range want {
		if got := c.Rate(step); math.Abs(float64(got)-w) > 1.2e-7*w {
			t.Errorf("rate of step %d is %v, want %v", step, got, w)
		}
	}
	if got := c.Rate(3); got != 2 {
		t.Errorf("rate after the warm-up is %v, want the peak", got)
	}
	if got := c.Rate(7); got != 1.25 {
		t.Errorf("rate half-way is %v, want 1.25", got)
	}
	if got := (Cosine{Peak: 3}).Rate(1e6); got != 3 {
		t.Errorf("rate without an end is %v, want the peak", got)
	}
	if got := (Cosine{Peak: 3, Floor: 1, Warmup: 5, Steps: 5}).Rate(5); got != 1 {
		t.Errorf("rate after a run of warm-up alone is %v, want the floor", got)
	}
}

func BenchmarkAdamW(b *testing.B) {
	m, err := nn.NewMLP(1, []int{784, 512, 256}, []int{128, 64})
	if err != nil {
		b.Fatal(err)
	}
	opt := AdamW{Workers: 1}
	step := 0
	for b.Loop() {
		opt.Step(m.Params(), step, 1e-3)
		step++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(m.Params().Values)), "ns/param")
}
