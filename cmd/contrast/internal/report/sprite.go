package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"

	"github.com/contrast-go/contrast/infonce/data/images"
)

// A Sprite is images of one size, joined into one PNG. The zero value holds none.
type Sprite struct {
	PNG           []byte
	Count         int // of images
	Width, Height int // of an image in the PNG, in pixels
	Columns       int // of images in the PNG
}

const (
	maxTile   = 64      // the longer side of an image in a sprite
	maxPixels = 4 << 20 // of a sprite
)

// NewSprite returns the sprite of the images; image i has the number i + 1. One channel is grey,
// three are red, green and blue, and four add opacity; with any other number, the first channel is
// shown.
//
// Images larger than 64 pixels are shrunk by a whole factor, and so are all images of a sprite that
// would have more than 4 Mpx. All of them are part of the page, at about a byte a pixel for
// photographs, so a thousand are plenty.
func NewSprite(images images.Set) (Sprite, error) {
	n := images.Len()
	if n == 0 {
		return Sprite{}, nil
	}
	shrink := (max(images.Width, images.Height) + maxTile - 1) / maxTile
	size := func() (int, int) { return max(images.Width/shrink, 1), max(images.Height/shrink, 1) }
	w, h := size()
	for w*h > 1 && w*h*n > maxPixels {
		shrink++
		w, h = size()
	}
	if n > maxPixels {
		return Sprite{}, fmt.Errorf("report: a sprite of %d images, want at most %d", n, maxPixels)
	}
	columns := max(int(math.Sqrt(float64(n)*float64(h)/float64(w))), 1)
	rows := (n + columns - 1) / columns
	canvas := newCanvas(images.Channels, image.Rect(0, 0, columns*w, rows*h))
	for i := range n {
		x, y := i%columns*w, i/columns*h
		drawShrunk(canvas, x, y, w, h, images, i, shrink)
	}
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, canvas); err != nil {
		return Sprite{}, fmt.Errorf("report: sprite: %w", err)
	}
	return Sprite{b.Bytes(), n, w, h, columns}, nil
}

// A canvas is an image to draw on.
type canvas interface {
	image.Image
	Set(x, y int, c color.Color)
}

// newCanvas returns the smallest kind of image that shows so many channels.
func newCanvas(channels int, r image.Rectangle) canvas {
	if channels == 3 || channels == 4 {
		return image.NewNRGBA(r)
	}
	return image.NewGray(r)
}

// drawShrunk draws image i with its corner at (x, y): each of the w·h pixels is the rounded mean of
// the shrink·shrink pixels it stands for.
func drawShrunk(dst canvas, x, y, w, h int, images images.Set, i, shrink int) {
	pixels := images.At(i)
	mean := func(px, py, channel int) uint8 {
		sum, count := 0, 0
		for sy := py * shrink; sy < min((py+1)*shrink, images.Height); sy++ {
			for sx := px * shrink; sx < min((px+1)*shrink, images.Width); sx++ {
				sum += int(pixels[(sy*images.Width+sx)*images.Channels+channel])
				count++
			}
		}
		return uint8((sum + count/2) / count)
	}
	for py := range h {
		for px := range w {
			var c color.Color
			switch images.Channels {
			case 3:
				c = color.NRGBA{mean(px, py, 0), mean(px, py, 1), mean(px, py, 2), 255}
			case 4:
				c = color.NRGBA{mean(px, py, 0), mean(px, py, 1), mean(px, py, 2), mean(px, py, 3)}
			default:
				c = color.Gray{mean(px, py, 0)}
			}
			dst.Set(x+px, y+py, c)
		}
	}
}

// shownSide is about how large a small image is shown, in CSS pixels.
const shownSide = 56

// scale returns the whole factor by which an image is enlarged, so that its pixels stay square.
func (s Sprite) scale() int {
	return max((shownSide+max(s.Width, s.Height)/2)/max(s.Width, s.Height, 1), 1)
}

// at returns the column and row of an image that is there.
func (s Sprite) at(number int) (column, row int) {
	return (number - 1) % s.Columns, (number - 1) / s.Columns
}
