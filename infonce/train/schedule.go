package train

import "github.com/contrast-go/contrast/internal/scalar"

// A Schedule gives the learning rate of each step, counted from 0.
type Schedule interface {
	Rate(step int) float32
}

// Cosine rises to Peak in a straight line over Warmup steps and falls to Floor
// along half a cosine (Loshchilov and Hutter 2017, eq. 5) until Steps:
//
//	Peak · (step+1)/(Warmup+1)                                        step < Warmup
//	Floor + (Peak−Floor) · (1 + cos(π·(step−Warmup)/(Steps−Warmup)))/2    step < Steps
//	Floor                                                                 then
//
// The first rate is above 0, for a step at rate 0 would be wasted.
type Cosine struct {
	Peak   float32
	Floor  float32
	Warmup int // 0 means none
	Steps  int // 0 means that the rate stays at Peak after the warm-up
}

// Rate returns the learning rate of a step.
func (c Cosine) Rate(step int) float32 {
	switch {
	case step < c.Warmup:
		return float32(float64(c.Peak) * float64(step+1) / float64(c.Warmup+1))
	case c.Steps == 0:
		return c.Peak
	case step >= c.Steps:
		return c.Floor
	}
	wave := (1 + scalar.CosPi64(float64(step-c.Warmup)/float64(c.Steps-c.Warmup))) / 2
	return float32(float64(c.Floor) + float64((float64(c.Peak)-float64(c.Floor))*wave))
}
