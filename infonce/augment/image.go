package augment

import (
	"cmp"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/internal/random"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// An Image says how far a view may stray from its image: each field is
// the largest value, or the reach to both sides, of a number that is drawn
// for each view. 0 means the default and a negative number means none, so the zero
// value is the default augmentation. What has no default is off unless asked for.
type Image struct {
	Rotation   float32 // degrees; default 15
	Scale      float32 // of the size, as 1 ± Scale; default 0.2, at most 0.9
	Shear      float32 // columns for each row; default 0.2
	Shift      float32 // of the width and of the height; default 0.1
	Blur       float32 // standard deviation in pixels; default 0.6, at most 0.7
	Contrast   float32 // factor about mid-grey, as 1 ± Contrast; default 0.4
	Brightness float32 // of the range from black to white; default 0.1
	Noise      float32 // standard deviation, of the same range; default 0.1

	Crop       float32 // smallest part of the area that a view shows, stretched to its size; at most 1
	Flip       float32 // how likely left and right are swapped; at most 1
	Saturation float32 // factor of the distance from grey, as 1 ± Saturation; at most 10; three channels
	Hue        float32 // degrees that colours turn about grey; at most 180; three channels
	Grey       float32 // how likely the colours are lost; at most 1; three channels
	CutOut     float32 // side of a rectangle of mid-grey, of the width and of the height; at most 1
}

// strengths returns a with its defaults filled in and 0 for none.
func (a Image) strengths() (_ Image, err error) {
	fill := func(name string, v *float32, standard, limit float32) {
		switch {
		case *v == 0:
			*v = standard
		case *v < 0:
			*v = 0
		case !(*v <= limit) && err == nil:
			err = fmt.Errorf("augmentation: %s is %v, want at most %v", name, *v, limit)
		}
	}
	fill("rotation", &a.Rotation, 15, 360)
	fill("scale", &a.Scale, 0.2, 0.9)
	fill("shear", &a.Shear, 0.2, 10)
	fill("shift", &a.Shift, 0.1, 10)
	fill("blur", &a.Blur, 0.6, 0.7)
	fill("contrast", &a.Contrast, 0.4, 10)
	fill("brightness", &a.Brightness, 0.1, 10)
	fill("noise", &a.Noise, 0.1, 10)
	fill("crop", &a.Crop, 0, 1)
	fill("flip", &a.Flip, 0, 1)
	fill("saturation", &a.Saturation, 0, 10)
	fill("hue", &a.Hue, 0, 180)
	fill("grey", &a.Grey, 0, 1)
	fill("cut-out", &a.CutOut, 0, 1)
	return a, err
}

// check returns an error where a, which are strengths, asks for colours that images do not have.
func (a Image) check(channels int) error {
	if (a.Saturation > 0 || a.Hue > 0 || a.Grey > 0) && channels != 3 {
		return fmt.Errorf("augmentation: saturation %v, hue %v, grey %v of images of %d channels, want 3 channels", a.Saturation, a.Hue, a.Grey, channels)
	}
	return nil
}

// Flatten stores image i of m in row i of dst, a byte as its 255th part. dst has as
// many rows as m has images, and a column for each byte of an image.
func Flatten(dst simd.Matrix, m images.Set) {
	dst.Check("augment.Flatten", "dst", m.Len(), m.Width*m.Height*m.Channels)
	for i := range dst.Rows {
		row := dst.Row(i)
		for j, v := range m.At(i) {
			row[j] = float32(v) / 255
		}
	}
}

// All stores one view of image i of m in row i of dst, drawn from seed, for
// each i: [Flatten] of images that were moved, blurred and made noisy. The views
// do not depend on workers, of which 0 means GOMAXPROCS.
func All(dst simd.Matrix, m images.Set, a Image, seed uint64, workers int) error {
	dst.Check("augment.All", "dst", m.Len(), m.Width*m.Height*m.Channels)
	a, err := a.strengths()
	if err := cmp.Or(err, a.check(m.Channels)); err != nil {
		return err
	}
	v := Painter{dst: dst, images: m, augment: a, seed: seed, step: -1} // steps of training are 0 or more
	for i := range m.Len() {
		v.Pick = append(v.Pick, i)
	}
	v.draw(workers)
	return nil
}

// A Painter draws augmented views of images for a source. The zero value is ready to use; it keeps
// scratch memory, and must not be used by two goroutines at once.
type Painter struct {
	Pick   []int // the images of the last step, by row
	Labels []int // and their labels

	dst     simd.Matrix
	images  images.Set
	augment Image // strengths
	seed    uint64
	step    int
	brushes []brush // one a worker
}

// viewsAPiece is the number of rows that are one piece of work.
const viewsAPiece = 8

// Fill makes row i of x a view of image pick[i] of m, drawn from the seed, the step and the row, and returns
// the labels of the images, if there are any. It keeps pick. The views do not depend on workers.
func (v *Painter) Fill(x simd.Matrix, m images.Set, pick []int, a Image, seed uint64, step, workers int) ([]int, error) {
	strengths, err := a.strengths()
	if err := cmp.Or(err, strengths.check(m.Channels)); err != nil {
		return nil, err
	}
	v.dst, v.images, v.Pick, v.augment, v.seed, v.step = x, m, pick, strengths, seed, step
	v.draw(workers)
	if m.Labels == nil {
		return nil, nil
	}
	v.Labels = v.Labels[:0]
	for _, i := range pick {
		v.Labels = append(v.Labels, m.Labels[i])
	}
	return v.Labels, nil
}

func (v *Painter) draw(workers int) {
	workers = par.Workers(workers)
	if len(v.brushes) < workers {
		v.brushes = make([]brush, workers)
	}
	par.Ranges(workers, len(v.Pick), viewsAPiece, v, (*Painter).paint)
}

// paint draws rows i to j−1, each from a stream of its own for the step and the row.
func (v *Painter) paint(worker, i, j int) {
	p := &v.brushes[worker]
	for ; i < j; i++ {
		p.Seed(v.seed, random.ForView, v.step, i)
		p.frame = whole
		if v.augment.more() {
			p.other.Seed(v.seed, random.ForViewMore, v.step, i)
		}
		p.view(v.dst.Row(i), &v.images, v.Pick[i], &v.augment)
	}
}

// A brush is what one worker needs to draw a view.
type brush struct {
	random.Stream
	other          random.Stream // for what is off by default, so that the other numbers stay as they are
	frame          frame
	moved, blurred []float32
}

// view draws a view of image i of m. All numbers are drawn in the same order
// whatever the strengths are, so that switching one off leaves the others as they were.
func (p *brush) view(dst []float32, m *images.Set, i int, a *Image) {
	p.moved, p.blurred = resize(p.moved, len(dst)), resize(p.blurred, len(dst))
	more := a.more()
	if more {
		p.crop(m, a)
	}
	p.move(p.moved, m, i, a)
	p.blur(p.moved, p.blurred, m.Width*m.Channels, m.Channels, p.Unit()*float64(a.Blur))
	if more {
		p.colour(p.moved, m.Channels, a)
	}
	contrast, brightness := float32(1+p.Around(a.Contrast)), float32(p.Around(a.Brightness))
	noise := float32(p.Unit() * float64(a.Noise))
	p.tone(dst, p.moved, contrast, float32((1-contrast)/2)+brightness, noise)
	if more {
		p.cutOut(dst, m, a)
	}
}

func resize(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

// move draws the frame of image i of m rotated, scaled, sheared and shifted. A pixel of dst is
// interpolated between the four pixels about the point it came from; beyond its border
// an image goes on as its outermost pixels.
//
// The points are integers in units of 2⁻¹⁶ pixels and the weights in units of 2⁻⁸,
// so the pixels are exact on every machine.
func (p *brush) move(dst []float32, m *images.Set, i int, a *Image) {
	turn := p.Around(a.Rotation) / 180 // in half turns
	size := 1 + p.Around(a.Scale)
	shear := p.Around(a.Shear)
	shiftX := float64(p.Around(a.Shift) * float64(m.Width))
	shiftY := float64(p.Around(a.Shift) * float64(m.Height))

	// The map back to the image: the rotation times the shear, over the size, within the frame.
	cos, sin := scalar.CosPi64(turn), scalar.CosPi64(turn-0.5)
	xx, xy := float64(p.frame.w*(cos/size)), float64(p.frame.w*((float64(cos*shear)+sin)/size))
	yx, yy := float64(p.frame.h*(-sin/size)), float64(p.frame.h*((cos-float64(sin*shear))/size))
	// The middle of dst, once shifted, comes from the middle of the frame.
	midX, midY := float64(float64(m.Width-1)/2), float64(float64(m.Height-1)/2)
	fromX, fromY := midX+shiftX, midY+shiftY
	x0 := midX + p.frame.x - float64(xx*fromX) - float64(xy*fromY)
	y0 := midY + p.frame.y - float64(yx*fromX) - float64(yy*fromY)

	const half = 1 << 7 // rounds to the weights
	w, h, c := m.Width, m.Height, m.Channels
	pixels := m.At(i)
	k := 0
	dst = dst[:len(pixels)]
	stepX, stepY := fixed(xx), fixed(yx)
	for row := range h {
		u, v := fixed(x0+float64(xy*float64(row)))+half, fixed(y0+float64(yy*float64(row)))+half
		for range w {
			col, line, right, down := int(u>>16), int(v>>16), c, w*c
			if uint(col) >= uint(w-1) {
				col, right = min(max(col, 0), w-1), 0
			}
			if uint(line) >= uint(h-1) {
				line, down = min(max(line, 0), h-1), 0
			}
			fx, fy := uint32(u>>8)&0xff, uint32(v>>8)&0xff
			at := (line*w + col) * c
			for range c {
				top := uint32(pixels[at])*(256-fx) + uint32(pixels[at+right])*fx
				bottom := uint32(pixels[at+down])*(256-fx) + uint32(pixels[at+down+right])*fx
				// At most 255·2¹⁶, which a float32 holds exactly.
				dst[k] = float32(int32(top*(256-fy)+bottom*fy)) / (255 << 16)
				k++
				at++
			}
			u, v = u+stepX, v+stepY
		}
	}
}

// fixed returns x in units of 2⁻¹⁶.
func fixed(x float64) int64 { return int64(math.Floor(float64(x*(1<<16)) + 0.5)) }

// blur smooths x in place by the kernel (t, 1−2t, t) along rows and columns, whose
// variance 2t is that of the given deviation. Rows are width long, pixels apart by c;
// y is scratch memory.
func (p *brush) blur(x, y []float32, width, c int, deviation float64) {
	t := float32(deviation * deviation / 2)
	if t == 0 {
		return
	}
	n := len(x)
	if width > c {
		// As one long row first. Then the ends of the rows, which were mixed with
		// those of their neighbours and have to be mixed with themselves.
		simd.Scale(y, 1-2*t, x)
		simd.Axpy(y[c:], t, x[:n-c])
		simd.Axpy(y[:n-c], t, x[c:])
		for r := 0; r < n; r += width {
			for j := range c {
				first, last := r+j, r+width-c+j
				y[first] = float32((1-t)*x[first]) + float32(t*x[first+c])
				y[last] = float32((1-t)*x[last]) + float32(t*x[last-c])
			}
		}
		copy(x, y)
	}
	if n > width {
		simd.Scale(y, 1-2*t, x)
		simd.Axpy(y[width:], t, x[:n-width])
		simd.Axpy(y[:n-width], t, x[width:])
		simd.Axpy(y[:width], t, x[:width])
		simd.Axpy(y[n-width:], t, x[n-width:])
		copy(x, y)
	}
}

// tone stores contrast·x + offset + noise·r, where r is nearly normal with variance 1:
// the sum of four bytes, less its mean 510.
func (p *brush) tone(dst, x []float32, contrast, offset, noise float32) {
	noise /= float32(byteSumDeviation)
	x = x[:len(dst)]
	var sums uint64
	for i, v := range x {
		if sums >>= 16; i&1 == 0 {
			sums = byteSums(&p.Stream)
		}
		r := float32(int32(sums&0xffff) - 510)
		dst[i] = float32(contrast*v) + offset + float32(noise*r)
	}
}
