package augment

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/internal/random"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// An Image has the strengths of augmentation for images. Each field bounds a random number that is
// drawn for each view: its maximum, or, with ±, its magnitude. 0 means the default and a negative
// number means off, so the zero value is the default augmentation. Fields without a stated default
// are off by default.
type Image struct {
	Rotation   float32 // ± degrees; default 15
	Scale      float32 // factor of the size, 1 ± Scale; default 0.2, at most 0.9
	Shear      float32 // ± columns a row; default 0.2
	Shift      float32 // ± as a fraction of the width and height; default 0.1
	Blur       float32 // standard deviation in pixels; default 0.6, at most 0.7
	Contrast   float32 // factor of the distance from mid-grey, 1 ± Contrast; default 0.4
	Brightness float32 // ± as a fraction of the range from black to white; default 0.1
	Noise      float32 // standard deviation as a fraction of the same range; default 0.1

	Crop   float32 // smallest fraction of the area that a view shows, resized to the image; at most 1
	Flip   float32 // probability that left and right are swapped; at most 1
	CutOut float32 // sides of a rectangle of mid-grey as a fraction of those of the image; at most 1

	// For images of three channels.
	Saturation float32 // factor of the distance from grey, 1 ± Saturation; at most 10
	Hue        float32 // ± degrees of rotation about the grey axis; at most 180
	Grey       float32 // probability that all colours become grey; at most 1
}

// strengths returns a with defaults filled in and 0 for off.
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

// check returns an error if a, as returned by strengths, changes colours of images that have none.
func (a Image) check(channels int) error {
	if (a.Saturation > 0 || a.Hue > 0 || a.Grey > 0) && channels != 3 {
		return fmt.Errorf("augmentation: saturation %v, hue %v, grey %v of images of %d channels, want 3 channels", a.Saturation, a.Hue, a.Grey, channels)
	}
	return nil
}

// Flatten stores image i of m in row i of dst, each byte divided by 255. dst has a row for each
// image of m and a column for each byte of an image.
func Flatten(dst simd.Matrix, m images.Set) {
	dst.Check("augment.Flatten", "dst", m.Len(), m.Width*m.Height*m.Channels)
	for i := range dst.Rows {
		row := dst.Row(i)
		for j, v := range m.At(i) {
			row[j] = float32(v) / 255
		}
	}
}

// All stores an augmented view of image i of m in row i of dst, in the layout of [Flatten]. Views
// depend on seed but not on workers; 0 workers means GOMAXPROCS.
func All(dst simd.Matrix, m images.Set, a Image, seed uint64, workers int) error {
	dst.Check("augment.All", "dst", m.Len(), m.Width*m.Height*m.Channels)
	a, err := a.strengths()
	if err := cmp.Or(err, a.check(m.Channels)); err != nil {
		return err
	}
	v := ImageAugmenter{dst: dst, images: m, augment: a, seed: seed, step: -1} // steps of training are 0 or more
	for i := range m.Len() {
		v.Pick = append(v.Pick, i)
	}
	v.draw(workers)
	return nil
}

// An ImageAugmenter makes augmented views of images for a source of batches. The zero value is
// ready to use. It holds scratch memory and must not be used by two goroutines at the same time.
type ImageAugmenter struct {
	Pick   []int // the image of each row in the last step
	Labels []int // the label of each row in the last step

	dst     simd.Matrix
	images  images.Set
	augment Image // strengths
	seed    uint64
	step    int
	workers []imageWorker // one a worker
}

// viewsAPiece is the number of rows in a piece of work.
const viewsAPiece = 8

// Fill stores a view of image pick[i] of m in row i of x and returns the labels of the rows, or nil
// if m has none. A view depends on the seed, the step and the row, but not on workers. Fill retains
// pick.
func (v *ImageAugmenter) Fill(x simd.Matrix, m images.Set, pick []int, a Image, seed uint64, step, workers int) ([]int, error) {
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

func (v *ImageAugmenter) draw(workers int) {
	workers = par.Workers(workers)
	if len(v.workers) < workers {
		v.workers = make([]imageWorker, workers)
	}
	par.Ranges(workers, len(v.Pick), viewsAPiece, v, (*ImageAugmenter).paint)
}

// paint makes the views of rows [i, j), each from a random stream of its own.
func (v *ImageAugmenter) paint(worker, i, j int) {
	p := &v.workers[worker]
	for ; i < j; i++ {
		p.Seed(v.seed, random.ForView, v.step, i)
		p.frame = whole
		if v.augment.optional() {
			p.other.Seed(v.seed, random.ForViewOptional, v.step, i)
		}
		p.view(v.dst.Row(i), &v.images, v.Pick[i], &v.augment)
	}
}

// An imageWorker is the state of a worker.
type imageWorker struct {
	random.Stream
	other          random.Stream // for what is off by default, so that it does not change the other numbers
	frame          frame
	moved, blurred []float32
}

// view stores a view of image i of m in dst. Random numbers are drawn in the same order whatever
// the strengths are, so that turning one off does not change the others.
func (p *imageWorker) view(dst []float32, m *images.Set, i int, a *Image) {
	p.moved, p.blurred = slices.Grow(p.moved[:0], len(dst))[:len(dst)], slices.Grow(p.blurred[:0], len(dst))[:len(dst)]
	optional := a.optional()
	if optional {
		p.crop(m, a)
	}
	p.move(p.moved, m, i, a)
	p.blur(p.moved, p.blurred, m.Width*m.Channels, m.Channels, p.Unit()*float64(a.Blur))
	if optional {
		p.colour(p.moved, m.Channels, a)
	}
	contrast, brightness := float32(1+p.Around(a.Contrast)), float32(p.Around(a.Brightness))
	noise := float32(p.Unit() * float64(a.Noise))
	p.tone(dst, p.moved, contrast, float32((1-contrast)/2)+brightness, noise)
	if optional {
		p.cutOut(dst, m, a)
	}
}

// move stores the frame of image i of m, rotated, scaled, sheared and shifted, in dst. Pixels are
// interpolated bilinearly; outside the image, its border pixels are repeated.
//
// Coordinates are integers in units of 2⁻¹⁶ pixels and weights in units of 2⁻⁸, so the result is
// exact on every machine.
func (p *imageWorker) move(dst []float32, m *images.Set, i int, a *Image) {
	turn := p.Around(a.Rotation) / 180 // in half turns
	size := 1 + p.Around(a.Scale)
	shear := p.Around(a.Shear)
	shiftX := float64(p.Around(a.Shift) * float64(m.Width))
	shiftY := float64(p.Around(a.Shift) * float64(m.Height))

	// The map from dst to the image: the rotation times the shear, over the size, within the frame.
	cos, sin := scalar.CosPi64(turn), scalar.CosPi64(turn-0.5)
	xx, xy := float64(p.frame.w*(cos/size)), float64(p.frame.w*((float64(cos*shear)+sin)/size))
	yx, yy := float64(p.frame.h*(-sin/size)), float64(p.frame.h*((cos-float64(sin*shear))/size))
	// The centre of dst, shifted, maps to the centre of the frame.
	midX, midY := float64(float64(m.Width-1)/2), float64(float64(m.Height-1)/2)
	fromX, fromY := midX+shiftX, midY+shiftY
	x0 := midX + p.frame.x - float64(xx*fromX) - float64(xy*fromY)
	y0 := midY + p.frame.y - float64(yx*fromX) - float64(yy*fromY)

	const half = 1 << 7 // for rounding to the units of weights
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

// fixed returns x in units of 2⁻¹⁶, rounded.
func fixed(x float64) int64 { return int64(math.Floor(float64(x*(1<<16)) + 0.5)) }

// blur convolves x in place with the kernel (t, 1−2t, t), whose variance is 2t, along rows and
// columns. Rows are width numbers long, and pixels c numbers; y is scratch memory.
func (p *imageWorker) blur(x, y []float32, width, c int, deviation float64) {
	t := float32(deviation * deviation / 2)
	if t == 0 {
		return
	}
	n := len(x)
	if width > c {
		// First as one long row. Then the ends of rows, which were mixed with those of the
		// neighbouring rows and must be mixed with themselves.
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

// tone stores contrast·x + offset + noise·r in dst. r is nearly normal with variance 1: the scaled
// sum of four bytes, minus its mean 510.
func (p *imageWorker) tone(dst, x []float32, contrast, offset, noise float32) {
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
