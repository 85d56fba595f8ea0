package images

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"io"
	"strconv"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// A pnmReader reads a file of the netpbm formats: P2 and P5 have grey pixels, P3 and P6 red, green
// and blue ones; P2 and P3 are written in decimal (netpbm.sourceforge.net/doc).
type pnmReader struct {
	r    *bufio.Reader
	at   int64 // offset of the next byte
	kind byte  // '2', '3', '5' or '6'

	width, height, max int
}

// newPNM reads the header.
func newPNM(r io.Reader) (*pnmReader, error) {
	p := &pnmReader{r: bufio.NewReader(r)}
	magic := make([]byte, 2)
	for i := range magic {
		magic[i], _ = p.byte()
	}
	switch p.kind = magic[1]; {
	case magic[0] == 'P' && (p.kind == '2' || p.kind == '3' || p.kind == '5' || p.kind == '6'):
	default:
		return nil, input.Malformed(0, "magic", input.Quoted(string(magic)), "P2, P3, P5 or P6")
	}
	var err error
	if p.width, err = p.integer("width", 1, 1<<30); err != nil {
		return nil, err
	}
	if p.height, err = p.integer("height", 1, 1<<30); err != nil {
		return nil, err
	}
	if p.max, err = p.integer("maximum", 1, 1<<16-1); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pnmReader) config() image.Config {
	c := image.Config{ColorModel: color.GrayModel, Width: p.width, Height: p.height}
	if p.channels() == 3 {
		c.ColorModel = color.RGBAModel
	}
	return c
}

func (p *pnmReader) channels() int {
	if p.kind == '3' || p.kind == '6' {
		return 3
	}
	return 1
}

// image reads the pixels, brought from 0…max to the nearest of 0…255. The caller has checked their
// number. What follows the last pixel is not read: the format allows more images.
func (p *pnmReader) image() (image.Image, error) {
	n := p.width * p.height * p.channels()
	var grey *image.Gray
	var rgb *image.RGBA
	bounds := image.Rect(0, 0, p.width, p.height)
	if p.channels() == 1 {
		grey = image.NewGray(bounds)
	} else {
		rgb = image.NewRGBA(bounds)
	}
	for i := range n {
		v, err := p.sample()
		if err != nil {
			return nil, err
		}
		b := uint8((v*255 + p.max/2) / p.max)
		if grey != nil {
			grey.Pix[i] = b
			continue
		}
		rgb.Pix[i/3*4+i%3] = b
		rgb.Pix[i/3*4+3] = 255
	}
	if grey != nil {
		return grey, nil
	}
	return rgb, nil
}

// sample reads the next channel of a pixel.
func (p *pnmReader) sample() (int, error) {
	if p.kind == '2' || p.kind == '3' {
		return p.integer("number of a pixel", 0, p.max)
	}
	at := p.at
	v, err := p.byte()
	n := int(v)
	if p.max > 255 && err == nil {
		v, err = p.byte()
		n = n<<8 | int(v)
	}
	switch {
	case err != nil:
		return 0, input.Short(err, p.at, p.at+1)
	case n > p.max:
		return 0, input.Malformed(at, "number of a pixel", n, fmt.Sprintf("at most %d", p.max))
	}
	return n, nil
}

func (p *pnmReader) byte() (byte, error) {
	b, err := p.r.ReadByte()
	if err == nil {
		p.at++
	}
	return b, err
}

// integer reads a decimal number from low to high, with the white space and comments before it and
// the byte after it.
func (p *pnmReader) integer(rule string, low, high int) (int, error) {
	var digits []byte
	comment := false
	for {
		at := p.at
		b, err := p.byte()
		space := b == ' ' || b == '\t' || b == '\n' || b == '\v' || b == '\f' || b == '\r'
		switch {
		case err == io.EOF && len(digits) > 0:
			return p.decimal(at, rule, digits, low, high)
		case err != nil:
			return 0, input.Short(err, p.at, p.at+1)
		case comment:
			comment = b != '\n' && b != '\r'
		case b == '#':
			comment = true
		case space && len(digits) > 0:
			return p.decimal(at, rule, digits, low, high)
		case space:
		case b < '0' || b > '9' || len(digits) == 10:
			return 0, input.Malformed(at, rule, input.Quoted(string(append(digits, b))), fmt.Sprintf("an integer from %d to %d", low, high))
		default:
			digits = append(digits, b)
		}
	}
}

func (p *pnmReader) decimal(at int64, rule string, digits []byte, low, high int) (int, error) {
	v, err := strconv.Atoi(string(digits))
	if err != nil || v < low || v > high {
		return 0, input.Malformed(at-int64(len(digits)), rule, string(digits), fmt.Sprintf("an integer from %d to %d", low, high))
	}
	return v, nil
}
