package train

import (
	"errors"
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/scalar"
)

// A LearnedTemperature learns the temperature τ of a loss as t = ln(1/τ), the logarithm of what
// similarities are multiplied by (Radford et al. 2021, section 2.4):
//
//	dL/dt = −τ·dL/dτ
//
// After each step t is brought back into its range. A LearnedTemperature serves one Trainer.
type LearnedTemperature struct {
	// Temperature is a field of the loss. What it holds when the run begins is what
	// learning begins with; from then on LearnedTemperature sets it.
	Temperature *float32

	// Optimizer moves t, at the learning rate of the encoder; nil means an AdamW of
	// its own.
	Optimizer optim.Optimizer

	// Low and High bound t; both 0 means 0 and ln 100, a temperature of 1 to 0.01, as
	// OpenCLIP has it.
	Low, High float32

	params *nn.Params // t alone
	clamps []float32  // an integer: how often t was brought back
}

const ln100 = 4.605170185988092

// start prepares s, and sets the temperature to what t says. A nil *LearnedTemperature leaves
// all as it is.
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
	const slack = 1e-6 // a temperature at an end may be rounded beyond it
	if t < low-slack || t > high+slack {
		return fmt.Errorf("%v, want %v to %v", tau, scalar.Exp(-high), scalar.Exp(-low))
	}
	s.params = nn.NewParams([]nn.Tensor{{Name: "log", Shape: []int{1}}})
	s.params.Values[0] = min(max(t, low), high)
	s.clamps = make([]float32, digits)
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

// load takes over the gradient with respect to the temperature.
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

// step moves t, tells p of it and sets the temperature.
func (s *LearnedTemperature) step(p *Progress) {
	if s == nil {
		return
	}
	s.Optimizer.Step(s.params, p.Step, p.Rate)
	t := &s.params.Values[0]
	low, high := s.bounds()
	if moved := *t; moved < low || moved > high {
		*t = min(max(moved, low), high)
		putInt(s.clamps, getInt(s.clamps)+1)
	}
	p.Temperature, p.Clamps = *s.Temperature, int(getInt(s.clamps))
	*s.Temperature = scalar.Exp(-*t)
}

// state returns what a checkpoint keeps, in the memory of s.
func (s *LearnedTemperature) state() []data.Tensor {
	return append([]data.Tensor{
		{Name: "log", Shape: []int{1}, Data: s.params.Values},
		{Name: "clamps", Shape: []int{digits}, Data: s.clamps},
	}, s.Optimizer.State(1)...)
}
