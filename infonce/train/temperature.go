package train

import (
	"errors"
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/scalar"
)

// A LearnedTemperature learns the temperature τ of a loss as t = ln(1/τ), the logarithm of the
// factor of the similarities (Radford et al. 2021, section 2.4):
//
//	dL/dt = −τ·dL/dτ
//
// After each step t is clamped to its range. A LearnedTemperature serves one [Trainer].
type LearnedTemperature struct {
	// Temperature points to the field of the loss. Its value at the start of the run is the initial
	// temperature; the run then overwrites it at each step.
	Temperature *float32

	// Optimizer updates t at the learning rate of the encoder; nil means an AdamW of its own.
	Optimizer optim.Optimizer

	// Low and High bound t. If both are 0 they are 0 and ln 100, for temperatures from 1 to 0.01,
	// as in OpenCLIP.
	Low, High float32

	params *nn.Params // t alone
	clamps intTensor  // one integer: how often t was clamped
}

const ln100 = 4.605170185988092

// start prepares s for a run and sets the temperature of the loss. Like the other methods it does
// nothing if s is nil.
func (s *LearnedTemperature) start() error {
	if s == nil {
		return nil
	}
	if s.params == nil {
		if err := s.init(); err != nil {
			return fmt.Errorf("temperature: %w", err)
		}
	}
	*s.Temperature = scalar.Exp(-s.params.Values[0])
	return nil
}

func (s *LearnedTemperature) init() error {
	if s.Temperature == nil {
		return errors.New("none, want the field of the loss")
	}
	tau := *s.Temperature
	if !(tau > 0) || !finite(float64(tau)) {
		return fmt.Errorf("%v, want the finite number above 0 that learning begins with", tau)
	}
	low, high := s.bounds()
	if !(low <= high) || !finite(float64(scalar.Exp(-low))) || scalar.Exp(-high) == 0 {
		return fmt.Errorf("ln(1/temperature) from %v to %v, want a range whose temperatures are finite and above 0", low, high)
	}
	t := float32(-scalar.Log64(float64(tau)))
	const slack = 1e-6 // rounding may carry a temperature at a bound beyond it
	if t < low-slack || t > high+slack {
		return fmt.Errorf("%v, want %v to %v", tau, scalar.Exp(-high), scalar.Exp(-low))
	}
	s.params = nn.NewParams([]nn.Tensor{{Name: "log", Shape: []int{1}}})
	s.params.Values[0] = min(max(t, low), high)
	s.clamps = newIntTensor(1)
	if s.Optimizer == nil {
		s.Optimizer = &optim.AdamW{Workers: 1}
	}
	return nil
}

func (s *LearnedTemperature) bounds() (low, high float32) {
	if s.Low == 0 && s.High == 0 {
		return 0, ln100
	}
	return s.Low, s.High
}

// load stores the gradient with respect to t, given that with respect to the temperature.
func (s *LearnedTemperature) load(dTemperature float64) error {
	if s == nil {
		return nil
	}
	g := float32(-float64(*s.Temperature) * dTemperature)
	if !finite(float64(g)) {
		return fmt.Errorf("gradient: ln(1/temperature) has %v, want a finite number", g)
	}
	s.params.Grads[0] = g
	return nil
}

// step updates t and the temperature of the loss, and fills in the fields of p about it.
func (s *LearnedTemperature) step(p *Progress) {
	if s == nil {
		return
	}
	s.Optimizer.Step(s.params, p.Step, p.Rate)
	t := &s.params.Values[0]
	low, high := s.bounds()
	if moved := *t; moved < low || moved > high {
		*t = min(max(moved, low), high)
		s.clamps.set(0, s.clamps.at(0)+1)
	}
	p.Temperature, p.Clamps = *s.Temperature, int(s.clamps.at(0))
	*s.Temperature = scalar.Exp(-*t)
}

// state returns the state for a checkpoint, in memory of s.
func (s *LearnedTemperature) state() []data.Tensor {
	return append([]data.Tensor{
		{Name: "log", Shape: []int{1}, Data: s.params.Values},
		{Name: "clamps", Shape: []int{intLen}, Data: s.clamps},
	}, s.Optimizer.State(1)...)
}
