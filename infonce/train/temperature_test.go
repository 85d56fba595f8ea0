package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// The gradient is that of the loss as a function of ln(1/τ).
func TestLearnedTemperatureGradient(t *testing.T) {
	r := check.NewRand(4)
	b := infonce.Batch{Q: testkit.Normals(r, 9, 5), K: testkit.Normals(r, 9, 5)}
	for _, tau := range []float32{0.05, 0.3, 1} {
		loss := &infonce.NTXent{Temperature: tau}
		s := &LearnedTemperature{Temperature: &loss.Temperature}
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
		at := func(x float64) float64 {
			l := infonce.NTXent{Temperature: float32(math.Exp(-x))}
			result, err := l.Evaluate(b, nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			return result.Loss
		}
		grad := infonce.Batch{Q: simd.NewMatrix(9, 5), K: simd.NewMatrix(9, 5)}
		result, err := loss.Evaluate(b, &grad, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.load(result.DTemperature); err != nil {
			t.Fatal(err)
		}
		const h = 1e-2
		x := float64(s.params.Values[0])
		want := (at(x+h) - at(x-h)) / (2 * h)
		// The error is that of a loss in float32 and of a difference of third order in h.
		if got := float64(s.params.Grads[0]); math.Abs(got-want) > 1e-3*math.Abs(want)+1e-4 {
			t.Errorf("temperature %v: gradient %v, want %v", tau, got, want)
		}
	}
}

// t is updated by its optimizer and clamped to its range, and clamps are counted.
func TestLearnedTemperatureStaysInRange(t *testing.T) {
	for _, c := range []struct {
		tau, low, high float32
		gradients      []float64 // with respect to the temperature
		want           []float32 // t after each step, at rate 1
		clamps         int
	}{
		{0.5, 0, 0, []float64{2}, []float32{ln2 + 1}, 0},
		{0.5, 0, 0, []float64{-2, -2, 4}, []float32{0, 0, 4}, 2},
		{0.5, 0, 0, []float64{-4, -4, -4, 0}, []float32{0, 0, 0, 0}, 3},
		{0.5, 0, 0, []float64{6, 1000, 0}, []float32{ln2 + 3, ln100, ln100}, 1},
		{0.5, 0.5, 0.75, []float64{8, 0, -8}, []float32{0.75, 0.75, 0.5}, 2},
		{0.01, 0, 0, []float64{0}, []float32{ln100}, 0}, // the ends themselves
		{1, 0, 0, []float64{0}, []float32{0}, 0},
	} {
		tau := c.tau
		s := &LearnedTemperature{Temperature: &tau, Optimizer: &optim.SGD{}, Low: c.low, High: c.high}
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
		clamps := 0
		for i, g := range c.gradients {
			before := tau
			if err := s.load(g); err != nil {
				t.Fatal(err)
			}
			p := Progress{Step: i, Rate: 1}
			s.step(&p)
			if p.Temperature != before {
				t.Errorf("%+v: step %d tells of temperature %v, want the %v of its loss", c, i, p.Temperature, before)
			}
			// The product of τ and the gradient is rounded, and so is exp.
			if got := s.params.Values[0]; math.Abs(float64(got-c.want[i])) > 1e-5 {
				t.Errorf("%+v: step %d: t is %v, want %v", c, i, got, c.want[i])
			}
			if want := scalar.Exp(-s.params.Values[0]); tau != want {
				t.Errorf("%+v: step %d: temperature %v, want %v", c, i, tau, want)
			}
			if p.Clamps < clamps || p.Clamps > clamps+1 {
				t.Errorf("%+v: step %d: %d clamps after %d", c, i, p.Clamps, clamps)
			}
			clamps = p.Clamps
		}
		if clamps != c.clamps {
			t.Errorf("%+v: %d clamps, want %d", c, clamps, c.clamps)
		}
	}
}

const ln2 = 0.693147180559945309

func TestLearnedTemperatureRefuses(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		tau, low, high float32
		want           string
	}{
		{0, 0, 0, "temperature: 0, want the finite number above 0 that learning begins with"},
		{-1, 0, 0, "temperature: -1, want the finite number above 0 that learning begins with"},
		{nan, 0, 0, "temperature: NaN, want the finite number above 0 that learning begins with"},
		{inf, 0, 0, "temperature: +Inf, want the finite number above 0 that learning begins with"},
		{2, 0, 0, "temperature: 2, want 0.01 to 1"},
		{0.009, 0, 0, "temperature: 0.009, want 0.01 to 1"},
		{0.5, 2, 1, "temperature: ln(1/temperature) from 2 to 1, want a range whose temperatures are finite and above 0"},
		{0.5, nan, 1, "temperature: ln(1/temperature) from NaN to 1, want a range whose temperatures are finite and above 0"},
		{0.5, -90, 1, "temperature: ln(1/temperature) from -90 to 1, want a range whose temperatures are finite and above 0"},
		{0.5, 0, inf, "temperature: ln(1/temperature) from 0 to +Inf, want a range whose temperatures are finite and above 0"},
	} {
		tr := tiny(t, t.TempDir(), 1)
		tau := c.tau
		tr.LearnedTemperature = &LearnedTemperature{Temperature: &tau, Low: c.low, High: c.high}
		if err := tr.Run(context.Background()); err == nil || err.Error() != "train: "+c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
		if _, err := tr.Resume(); err == nil || err.Error() != "resume: "+c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
		if math.Float32bits(tau) != math.Float32bits(c.tau) {
			t.Errorf("temperature %v, want that of before, %v", tau, c.tau)
		}
	}
}

// A gradient that is not finite is an error before anything is updated.
func TestRunGuardsTheTemperature(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), 1e39} {
		tr := tiny(t, "", 1)
		learnTemperature(tr)
		loss, n := tr.Loss, 0
		tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
			result, err := loss.Evaluate(b, grad, 1)
			if n++; n == 4 {
				result.DTemperature = v
			}
			return result, err
		})
		var before outcome
		tr.Report = func(Progress) { before = outcomeOf(t, tr) }
		err := tr.Run(context.Background())
		if err == nil || !strings.HasPrefix(err.Error(), "train: step 3: gradient: ln(1/temperature) has ") {
			t.Errorf("%v: %v", v, err)
		}
		sameOutcome(t, "before the step", outcomeOf(t, tr), before)
	}
}

// Each step uses the temperature that the step before set, and metrics contain it.
func TestRunLearnsTheTemperature(t *testing.T) {
	tr := tiny(t, t.TempDir(), 1)
	learnTemperature(tr)
	loss := tr.Loss.(*infonce.NTXent)
	var used, told []float32
	tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
		used = append(used, loss.Temperature)
		return loss.Evaluate(b, grad, 1)
	})
	tr.Report = func(p Progress) { told = append(told, p.Temperature) }
	mustRun(t, tr)
	if !slices.Equal(used, told) || used[0] != 0.5 {
		t.Errorf("temperatures %v, told %v", used, told)
	}
	for i := range used[1:] {
		if used[i+1] == used[i] {
			t.Errorf("temperature %v in steps %d and %d", used[i], i, i+1)
		}
	}
	if want := scalar.Exp(-tr.LearnedTemperature.params.Values[0]); loss.Temperature != want {
		t.Errorf("temperature %v after the run, want %v", loss.Temperature, want)
	}
}
