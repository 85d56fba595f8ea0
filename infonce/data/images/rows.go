package images

import (
	"image"
	"image/color"
	"image/draw"
)

// A rowReader reads the rows of a picture as it is shown: upright, and on a white ground where it
// is transparent.
type rowReader struct {
	width, height int
	channels      int // 1 of grey, or 3 of RGB

	picture image.Image
	grey    *image.Gray // of one row, if channels is 1
	rgb     *image.RGBA // of one row, if channels is 3
	mixed   bool        // there are transparent pixels or such of 16 bits
	turned  []uint8     // all pixels, nil if picture is upright
}

func newRowReader(picture image.Image, channels int, o orientation) *rowReader {
	size := picture.Bounds().Size()
	r := &rowReader{width: size.X, height: size.Y, channels: channels, picture: picture}
	row := image.Rect(0, 0, size.X, 1)
	if channels == 1 {
		r.grey = image.NewGray(row)
	} else {
		r.rgb = image.NewRGBA(row)
	}
	switch m := picture.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		r.mixed = true
	case interface{ Opaque() bool }:
		r.mixed = !m.Opaque()
	}
	if o.upright() {
		return r
	}
	turned := make([]uint8, size.X*size.Y*channels)
	r.width, r.height = o.size(size.X, size.Y)
	line := make([]uint8, size.X*channels)
	for y := range size.Y {
		r.read(line, y)
		for x := range size.X {
			toX, toY := o.place(x, y, size.X, size.Y)
			copy(turned[(toY*r.width+toX)*channels:], line[x*channels:(x+1)*channels])
		}
	}
	r.turned = turned
	return r
}

// read stores row y in dst.
func (r *rowReader) read(dst []uint8, y int) {
	from := r.picture.Bounds().Min
	from.Y += y
	switch {
	case r.turned != nil:
		copy(dst, r.turned[y*len(dst):])
	case r.mixed:
		for x := range len(dst) / r.channels {
			onWhite(dst[x*r.channels:(x+1)*r.channels], r.picture.At(from.X+x, from.Y))
		}
	case r.grey != nil:
		draw.Draw(r.grey, r.grey.Rect, r.picture, from, draw.Src)
		copy(dst, r.grey.Pix)
	default:
		draw.Draw(r.rgb, r.rgb.Rect, r.picture, from, draw.Src)
		for i := 0; i < len(dst); i += 3 {
			copy(dst[i:i+3], r.rgb.Pix[i/3*4:])
		}
	}
}

// onWhite stores a colour on a white ground in dst, which is of one channel or three, rounded to
// the nearest.
func onWhite(dst []uint8, c color.Color) {
	var rgb [3]uint32 // of 16 bits
	mix := func(v, alpha, full uint64) uint32 {
		return uint32((v*alpha + full*(full-alpha) + full/2) / full * (0xffff / full))
	}
	switch c := c.(type) {
	case color.NRGBA:
		for i, v := range [3]uint8{c.R, c.G, c.B} {
			rgb[i] = mix(uint64(v), uint64(c.A), 0xff)
		}
	case color.NRGBA64:
		for i, v := range [3]uint16{c.R, c.G, c.B} {
			rgb[i] = mix(uint64(v), uint64(c.A), 0xffff)
		}
	default:
		r, g, b, a := c.RGBA() // times alpha
		rgb = [3]uint32{r + 0xffff - a, g + 0xffff - a, b + 0xffff - a}
	}
	if len(dst) == 1 {
		// The weights of color.GrayModel.
		rgb[0] = (19595*rgb[0] + 38470*rgb[1] + 7471*rgb[2] + 1<<15) >> 16
	}
	for i := range dst {
		dst[i] = uint8((rgb[i] + 128) / 257)
	}
}
