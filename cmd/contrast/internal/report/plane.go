package report

import (
	"math"
	"math/rand/v2"
)

const (
	maxPoints = 5000 // most points shown of a map
	planeSide = 9999 // points lie on a grid from 0 to this, finer than a screen
)

// A cloud is a map as it is drawn.
type cloud struct {
	Class  []int    `json:"class"`
	Labels []string `json:"labels,omitempty"` // of each point; absent where none has one
	Images []int    `json:"images,omitempty"` // likewise
	Views  []plane  `json:"views"`
	All    int      `json:"all"` // how many points there were before some were left out
}

// A plane is a view as it is drawn.
type plane struct {
	Title string `json:"title"`
	X     []int  `json:"x"` // to the right; -1: the point is not finite
	Y     []int  `json:"y"` // upwards
}

// newCloud returns the map as it is drawn. Points are shuffled, so that no class lies on top of all
// others.
func newCloud(m Map) cloud {
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(m.Points))
	order = order[:min(len(order), maxPoints)]
	c := cloud{Class: []int{}, Views: []plane{}, All: len(m.Points)}
	labels, images := false, false
	for _, i := range order {
		p := m.Points[i]
		c.Class = append(c.Class, p.Class)
		c.Labels, labels = append(c.Labels, p.Label), labels || p.Label != ""
		c.Images, images = append(c.Images, p.Image), images || p.Image != 0
	}
	if !labels {
		c.Labels = nil
	}
	if !images {
		c.Images = nil
	}
	for _, v := range m.Views {
		c.Views = append(c.Views, newPlane(v, order))
	}
	return c
}

// newPlane puts the points with the given indices on the grid, centred and as large as fits. Both
// axes have the same scale, so that distances can be compared.
func newPlane(v View, order []int) plane {
	x, y := newSpan(), newSpan()
	for _, i := range order {
		if onPlane(v, i) {
			x.add(float64(v.X[i]))
			y.add(float64(v.Y[i]))
		}
	}
	unit := max(x.hi-x.lo, y.hi-y.lo)
	if !(unit > 0) {
		unit = 1 // all points are the same
	}
	place := func(v float64, s span) int {
		middle := float64((s.lo + s.hi) / 2)
		return int(math.Round(planeSide * ((v-middle)/unit + 0.5)))
	}
	p := plane{Title: v.Title, X: []int{}, Y: []int{}}
	for _, i := range order {
		px, py := -1, -1
		if onPlane(v, i) {
			px, py = place(float64(v.X[i]), x), place(float64(v.Y[i]), y)
		}
		p.X, p.Y = append(p.X, px), append(p.Y, py)
	}
	return p
}

func onPlane(v View, i int) bool { return finite(float64(v.X[i])) && finite(float64(v.Y[i])) }

// A span is the range of numbers.
type span struct{ lo, hi float64 }

func newSpan() span { return span{math.Inf(1), math.Inf(-1)} }

func (s *span) add(v float64) { s.lo, s.hi = min(s.lo, v), max(s.hi, v) }
