package optim

import "github.com/contrast-go/contrast/internal/scalar"

// A Schedule is the learning rate as a function of the step, counted from 0. The zero value of any
// schedule here is a rate of 0.
type Schedule interface {
	Rate(step int) float32
}

// Cosine is linear warm-up to Peak over Warmup steps, followed by cosine decay to Floor at Steps
// (Loshchilov and Hutter 2017, eq. 5):
//
//	Peak · (step+1)/(Warmup+1)                                        step < Warmup
//	Floor + (Peak−Floor) · (1 + cos(π·(step−Warmup)/(Steps−Warmup)))/2    step < Steps
//	Floor                                                                 after that
//
// The first rate is above 0, because a step at rate 0 would be wasted.
type Cosine struct {
	Peak   float32
	Floor  float32
	Warmup int // 0 means none
	Steps  int // 0 means that the rate stays at Peak
}

// Rate returns the learning rate of a step.
func (c Cosine) Rate(step int) float32 {
	switch {
	case step < c.Warmup:
		return rise(c.Peak, step, c.Warmup)
	case c.Steps == 0:
		return c.Peak
	case step >= c.Steps:
		return c.Floor
	}
	wave := (1 + scalar.CosPi64(float64(step-c.Warmup)/float64(c.Steps-c.Warmup))) / 2
	return float32(float64(c.Floor) + float64((float64(c.Peak)-float64(c.Floor))*wave))
}

// Constant is linear warm-up as in [Cosine], followed by Peak.
type Constant struct {
	Peak   float32
	Warmup int // 0 means none
}

// Rate returns the learning rate of a step.
func (c Constant) Rate(step int) float32 {
	if step < c.Warmup {
		return rise(c.Peak, step, c.Warmup)
	}
	return c.Peak
}

// StepDecay is linear warm-up as in [Cosine], after which the rate is multiplied by Factor every
// Every steps:
//
//	Peak · Factor^⌊(step−Warmup)/Every⌋
type StepDecay struct {
	Peak   float32
	Factor float32 // 0 means 0.1
	Every  int     // 0 means never
	Warmup int     // 0 means none
}

// Rate returns the learning rate of a step.
func (s StepDecay) Rate(step int) float32 {
	switch {
	case step < s.Warmup:
		return rise(s.Peak, step, s.Warmup)
	case s.Every < 1:
		return s.Peak
	}
	return float32(float64(s.Peak) * power(float64(standard(s.Factor, 0.1)), (step-s.Warmup)/s.Every))
}

// rise returns the rate of a step of the warm-up.
func rise(peak float32, step, warmup int) float32 {
	return float32(float64(peak) * float64(step+1) / float64(warmup+1))
}
