package augment

import (
	"math"

	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/internal/scalar"
)

// Augmentation that is off by default: the part of SimCLR's that suits photographs but not letters
// (Chen et al. 2020, appendix A), and cutout (DeVries and Taylor 2017).

// optional reports whether any of it is on.
func (a *Image) optional() bool {
	return a.Crop > 0 || a.Flip > 0 || a.Saturation > 0 || a.Hue > 0 || a.Grey > 0 || a.CutOut > 0
}

// A frame is the part of an image that a view shows.
type frame struct {
	w, h float64 // sides as fractions of those of the image; w < 0 swaps left and right
	x, y float64 // offset of the centre from that of the image, in pixels
}

var whole = frame{w: 1, h: 1}

// crop draws a frame. Its area is uniform from a.Crop to 1, as a fraction of that of the image; the
// logarithm of its aspect ratio, relative to the image, is uniform from ln 3/4 to ln 4/3. A side
// that would be longer than that of the image is cut.
func (p *imageWorker) crop(m *images.Set, a *Image) {
	area, ratio := p.other.Unit(), p.other.Unit()
	x, y, flip := p.other.Unit(), p.other.Unit(), p.other.Unit()
	if a.Crop > 0 {
		const reach = 0.28768207245178085 // ln 4/3
		area = float64(a.Crop) + float64((1-float64(a.Crop))*area)
		root := scalar.Exp64(float64(reach/2) * (ratio + ratio - 1)) // of the ratio
		side := math.Sqrt(area)
		p.frame.w, p.frame.h = min(side*root, 1), min(side/root, 1)
		p.frame.x = float64(float64((1-p.frame.w)*(x-0.5)) * float64(m.Width))
		p.frame.y = float64(float64((1-p.frame.h)*(y-0.5)) * float64(m.Height))
	}
	if flip < float64(a.Flip) {
		p.frame.w = -p.frame.w
	}
}

// colour rotates the colours of x, pixels of three channels, about the grey axis and scales their
// distance from it:
//
//	rgb = mean + s·R·(rgb − mean)
//
// mean is that of the three channels, R the rotation, and s is 0 if the view is to be grey.
func (p *imageWorker) colour(x []float32, channels int, a *Image) {
	saturation, hue, grey := p.other.Around(a.Saturation), p.other.Around(a.Hue), p.other.Unit()
	if channels != 3 {
		return
	}
	s := max(1+saturation, 0)
	if grey < float64(a.Grey) {
		s = 0
	}
	if s == 1 && hue == 0 {
		return
	}
	// The rotation by Rodrigues' formula, whose rows are those of a circulant matrix:
	// cos + (1−cos)/3 on the diagonal, (1−cos)/3 ∓ sin/√3 beside it.
	turn := hue / 180
	cos, sin := float64(s*scalar.CosPi64(turn)), float64(s*scalar.CosPi64(turn-0.5))
	rest := (1 - cos) / 3 // of the mean that s leaves out, too
	const inverseRoot3 = 0.5773502691896258
	same := float32(cos + rest)
	after, before := float32(rest-float64(inverseRoot3*sin)), float32(rest+float64(inverseRoot3*sin))
	for i := 0; i+3 <= len(x); i += 3 {
		r, g, b := x[i], x[i+1], x[i+2]
		x[i] = float32(same*r) + float32(after*g) + float32(before*b)
		x[i+1] = float32(before*r) + float32(same*g) + float32(after*b)
		x[i+2] = float32(after*r) + float32(before*g) + float32(same*b)
	}
}

// cutOut sets a rectangle of dst to mid-grey. Its centre is any pixel, so part of it may lie
// outside.
func (p *imageWorker) cutOut(dst []float32, m *images.Set, a *Image) {
	x, y := p.other.IntN(m.Width), p.other.IntN(m.Height)
	w, h := int(math.Floor(float64(float64(a.CutOut)*float64(m.Width))+0.5)), int(math.Floor(float64(float64(a.CutOut)*float64(m.Height))+0.5))
	left, right := max(x-w/2, 0), min(x-w/2+w, m.Width)
	for row := max(y-h/2, 0); row < min(y-h/2+h, m.Height); row++ {
		line := dst[(row*m.Width+left)*m.Channels : (row*m.Width+right)*m.Channels]
		for i := range line {
			line[i] = 0.5
		}
	}
}
