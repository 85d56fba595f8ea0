// Package glyphs draws a small dataset: the letters and digits of 22 typefaces that are part of the
// program.
//
//	train, test, err := glyphs.Draw()
//
// [Draw] returns 1,116 images of 18 typefaces to train on, and 248 images of 4 others to test on,
// with 62 classes; [Typefaces] names the typefaces. The package links 6 MB of fonts, so it stands
// alone.
package glyphs

import (
	"fmt"
	"image"
	"image/draw"

	"codeberg.org/go-fonts/liberation/liberationmonobold"
	"codeberg.org/go-fonts/liberation/liberationmonobolditalic"
	"codeberg.org/go-fonts/liberation/liberationmonoitalic"
	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansbolditalic"
	"codeberg.org/go-fonts/liberation/liberationsansitalic"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifbold"
	"codeberg.org/go-fonts/liberation/liberationserifbolditalic"
	"codeberg.org/go-fonts/liberation/liberationserifitalic"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"github.com/contrast-go/contrast/infonce/data/images"
)

const (
	characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	glyphSize  = 28 // pixels, the side of an image, as in MNIST

	// glyphEm is the side of the em square in pixels, the same for every typeface. The tallest
	// glyph, the j of Go Mono Bold, is 0.976 em and the widest, the W of Liberation Serif Bold,
	// 0.970 em, so that every glyph has at least 1.3 pixels to spare on every side.
	glyphEm = 26
)

// A typeface is a font file and its name.
type typeface struct {
	name string
	ttf  []byte
}

// seenTypefaces are those to train on. The two small-caps faces of the Go family are left out,
// because their lower case looks like upper case.
var seenTypefaces = []typeface{
	{"Go Regular", goregular.TTF},
	{"Go Italic", goitalic.TTF},
	{"Go Medium", gomedium.TTF},
	{"Go Medium Italic", gomediumitalic.TTF},
	{"Go Bold", gobold.TTF},
	{"Go Bold Italic", gobolditalic.TTF},
	{"Go Mono", gomono.TTF},
	{"Go Mono Italic", gomonoitalic.TTF},
	{"Go Mono Bold", gomonobold.TTF},
	{"Go Mono Bold Italic", gomonobolditalic.TTF},
	{"Liberation Sans", liberationsansregular.TTF},
	{"Liberation Sans Italic", liberationsansitalic.TTF},
	{"Liberation Sans Bold", liberationsansbold.TTF},
	{"Liberation Sans Bold Italic", liberationsansbolditalic.TTF},
	{"Liberation Mono", liberationmonoregular.TTF},
	{"Liberation Mono Italic", liberationmonoitalic.TTF},
	{"Liberation Mono Bold", liberationmonobold.TTF},
	{"Liberation Mono Bold Italic", liberationmonobolditalic.TTF},
}

// unseenTypefaces are one whole family, and the only one whose strokes are thick and thin as in a
// book. A face would not be unseen if another one of its family were seen.
var unseenTypefaces = []typeface{
	{"Liberation Serif", liberationserifregular.TTF},
	{"Liberation Serif Italic", liberationserifitalic.TTF},
	{"Liberation Serif Bold", liberationserifbold.TTF},
	{"Liberation Serif Bold Italic", liberationserifbolditalic.TTF},
}

// Typefaces returns the names of the typefaces that Draw draws, in order.
func Typefaces() (seen, unseen []string) {
	for _, f := range seenTypefaces {
		seen = append(seen, f.name)
	}
	for _, f := range unseenTypefaces {
		unseen = append(unseen, f.name)
	}
	return seen, unseen
}

// Draw draws the 62 letters and digits A-Z, a-z, 0-9 in 22 typefaces, white on black, 28×28 pixels:
// 18 typefaces to train on (seen, 1,116 images) and the 4 of the Liberation Serif family to test on
// (unseen, 248 images).
//
// Image i has class i mod 62, and typeface i/62 in the list that [Typefaces] returns. One em is 26
// pixels in every typeface, so that letters keep their relative sizes, and each glyph is centred by
// its bounding box. Pixels are the same on every machine.
//
// The outlines come from the Go fonts (Bigelow & Holmes, BSD) and from Liberation (Red Hat, SIL
// Open Font License), which are embedded in the program. An error means that one of them could not
// be read.
func Draw() (seen, unseen images.Set, err error) {
	if seen, err = drawAll(seenTypefaces); err != nil {
		return images.Set{}, images.Set{}, err
	}
	if unseen, err = drawAll(unseenTypefaces); err != nil {
		return images.Set{}, images.Set{}, err
	}
	return seen, unseen, nil
}

func drawAll(faces []typeface) (images.Set, error) {
	m := images.Set{Width: glyphSize, Height: glyphSize, Channels: 1}
	m.Pixels = make([]uint8, len(faces)*len(characters)*glyphSize*glyphSize)
	m.Labels = make([]int, 0, len(faces)*len(characters))
	for _, r := range characters {
		m.Classes = append(m.Classes, string(r))
	}
	var p pen
	for _, face := range faces {
		font, err := sfnt.Parse(face.ttf)
		if err != nil {
			return images.Set{}, fmt.Errorf("glyphs: %s: %w", face.name, err)
		}
		for c, r := range characters {
			i := len(m.Labels)
			m.Labels = append(m.Labels, c)
			if err := p.trace(font, r); err != nil {
				return images.Set{}, fmt.Errorf("glyphs: %s: %q: %w", face.name, r, err)
			}
			p.fill(m.At(i))
		}
	}
	return m, nil
}

// A pen turns the outline of a glyph into coverage.
//
// It computes in integers up to the rasteriser, whose own curves are sums of float32 products,
// which some compilers fuse and some do not. Given only lines, in images below 512 pixels, the
// rasteriser computes in integers too, except for one division and one product a line, each rounded
// on its own.
type pen struct {
	buf    sfnt.Buffer
	lines  [][]point // closed contours, in units of 1/curveSteps² of a font unit, y down
	em     int64     // the side of the em square in those units
	raster vector.Rasterizer
}

type point struct{ x, y int64 }

// curveSteps is the number n of lines that approximate a quadratic Bézier curve a, b, c, within
// |a−2b+c|/4n²: 0.064 pixels for the most curved one of these fonts.
const curveSteps = 8

// trace sets p.lines to the outline of r.
func (p *pen) trace(font *sfnt.Font, r rune) error {
	index, err := font.GlyphIndex(&p.buf, r)
	if err != nil {
		return err
	}
	if index == 0 {
		return fmt.Errorf("no such glyph")
	}
	// With as many pixels per em as units per em, the outline comes in font units.
	segments, err := font.LoadGlyph(&p.buf, index, fixed.Int26_6(font.UnitsPerEm()), nil)
	if err != nil {
		return err
	}
	const n = curveSteps
	p.em = int64(font.UnitsPerEm()) * n * n
	p.lines = p.lines[:0]
	var a point // where the last segment ended, in font units
	for _, s := range segments {
		b, c := unscaled(s.Args[0]), unscaled(s.Args[1])
		if s.Op == sfnt.SegmentOpMoveTo {
			p.lines = append(p.lines, nil)
		}
		last := len(p.lines) - 1
		switch s.Op {
		case sfnt.SegmentOpMoveTo, sfnt.SegmentOpLineTo:
			p.lines[last] = append(p.lines[last], point{n * n * b.x, n * n * b.y})
			a = b
		case sfnt.SegmentOpQuadTo:
			for t := int64(1); t <= n; t++ {
				p.lines[last] = append(p.lines[last], point{
					(n-t)*(n-t)*a.x + 2*t*(n-t)*b.x + t*t*c.x,
					(n-t)*(n-t)*a.y + 2*t*(n-t)*b.y + t*t*c.y,
				})
			}
			a = c
		default:
			return fmt.Errorf("outline of cubic curves")
		}
	}
	return nil
}

func unscaled(p fixed.Point26_6) point { return point{int64(p.X), int64(p.Y)} }

// fill sets the glyphSize×glyphSize pixels to the coverage of the outline.
func (p *pen) fill(pixels []uint8) {
	lo, hi := p.lines[0][0], p.lines[0][0]
	for _, contour := range p.lines {
		for _, q := range contour {
			lo = point{min(lo.x, q.x), min(lo.y, q.y)}
			hi = point{max(hi.x, q.x), max(hi.y, q.y)}
		}
	}
	// place maps a coordinate to pixels, the middle of lo and hi to the middle of the image. It
	// rounds to 1/512 pixel, the unit of the rasteriser.
	place := func(v, lo, hi int64) float32 {
		const unit = 512
		v = divide((2*v-lo-hi)*glyphEm*unit, 2*p.em)
		return float32(v+glyphSize*unit/2) / unit
	}
	p.raster.Reset(glyphSize, glyphSize)
	p.raster.DrawOp = draw.Src
	for _, contour := range p.lines {
		for i, q := range contour {
			x, y := place(q.x, lo.x, hi.x), place(q.y, lo.y, hi.y)
			if i == 0 {
				p.raster.MoveTo(x, y)
			} else {
				p.raster.LineTo(x, y)
			}
		}
		p.raster.ClosePath()
	}
	dst := &image.Alpha{Pix: pixels, Stride: glyphSize, Rect: p.raster.Bounds()}
	p.raster.Draw(dst, dst.Rect, image.Opaque, image.Point{})
}

// divide returns a/b, b > 0, rounded to the nearest integer, halves up.
func divide(a, b int64) int64 {
	a += b / 2
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
