package report

import (
	"math"
	"strconv"
)

// maxDrawn is the most points that are drawn of a curve: about one for each pixel of a wide screen.
const maxDrawn = 800

// A curve is a series as it is drawn: each point stands for Every steps, the last one perhaps for
// fewer.
type curve struct {
	Name  string  `json:"name"`
	Every int     `json:"every"`
	Step  []int   `json:"step"` // in the middle of those it stands for
	Mean  numbers `json:"mean"` // of the finite values; NaN where there are none
	Low   numbers `json:"low,omitempty"`
	High  numbers `json:"high,omitempty"` // the range, where Every is not 1

	Lost     int `json:"lost,omitempty"`     // number of values that are not finite
	LostStep int `json:"lostStep,omitempty"` // step of the first point
}

// newCurve returns the series as it is drawn.
func newCurve(s Series) curve {
	n := len(s.Values)
	every := max((n+maxDrawn-1)/maxDrawn, 1)
	c := curve{Name: s.Name, Every: every, Step: []int{}, Mean: numbers{}}
	for lo := 0; lo < n; lo += every {
		hi := min(lo+every, n)
		sum, count, low, high := 0.0, 0, math.Inf(1), math.Inf(-1)
		for i, v := range s.Values[lo:hi] {
			if !finite(v) {
				if c.Lost++; c.Lost == 1 {
					c.LostStep = s.step(lo + i)
				}
				continue
			}
			sum += v
			count++
			low, high = min(low, v), max(high, v)
		}
		c.Step = append(c.Step, s.step((lo+hi-1)/2))
		c.Mean = append(c.Mean, sum/float64(count)) // 0/0 is NaN
		if every > 1 {
			c.Low, c.High = append(c.Low, low), append(c.High, high)
		}
	}
	return c
}

// step returns the step of value i.
func (s Series) step(i int) int {
	if s.Steps == nil {
		return i + 1
	}
	return s.Steps[i]
}

// A digest is what a table shows of a series.
type digest struct {
	Chart, Name            string
	First, Low, High, Last float64 // of the finite values, NaN where there are none
	FirstStep, LowStep     int
	HighStep, LastStep     int
	Lost                   int // number of values that are not finite
}

// newDigest reads the series once.
func newDigest(chart string, s Series) digest {
	nan := math.NaN()
	d := digest{Chart: chart, Name: s.Name, First: nan, Low: nan, High: nan, Last: nan}
	for i, v := range s.Values {
		step := s.step(i)
		if !finite(v) {
			d.Lost++
			continue
		}
		if math.IsNaN(d.First) {
			d.First, d.FirstStep = v, step
		}
		if !(v >= d.Low) {
			d.Low, d.LowStep = v, step
		}
		if !(v <= d.High) {
			d.High, d.HighStep = v, step
		}
		d.Last, d.LastStep = v, step
	}
	return d
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// numbers are written to six digits in JSON, more than a screen shows; those that are not finite
// are null.
type numbers []float64

// MarshalJSON is called by encoding/json.
func (x numbers) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 2+8*len(x)), '[')
	for i, v := range x {
		if i > 0 {
			b = append(b, ',')
		}
		if finite(v) {
			b = strconv.AppendFloat(b, v, 'g', 6, 64)
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, ']'), nil
}
