package images

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/bmp"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	// maxPixels is the most pixels of an image in a file, and maxPicture the most bytes that its
	// decoder takes for them.
	maxPixels  = 64 << 20
	maxPicture = 256 << 20

	// A file of n bytes may have up to freePixels + n·pixelsPerByte pixels, so that a small file
	// does not take much memory. Photos have about 8 pixels a byte.
	freePixels    = 2 << 20
	pixelsPerByte = 64
)

// A pictureFormat is a row of the table of formats of files of one image.
type pictureFormat struct {
	title      string
	name       string   // in errors
	extensions []string // of the names of files; what is in a file is told by magic
	magic      []string
	config     func(io.Reader) (image.Config, error)
	decode     func(io.Reader) (image.Image, error)
}

// pictureFormats is the table that everything about formats is computed from: a new one is its
// file, its test and its row.
var pictureFormats = []pictureFormat{
	{"PNG", "png", []string{".png"}, []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode},
	{"JPEG", "jpeg", []string{".jpg", ".jpeg"}, []string{"\xff\xd8"}, jpeg.DecodeConfig, jpeg.Decode},
	{"GIF", "gif", []string{".gif"}, []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, gif.Decode}, // the first image
	{"BMP", "bmp", []string{".bmp"}, []string{"BM"}, bmp.DecodeConfig, bmp.Decode},
	{"PGM", "pnm", []string{".pgm", ".pnm"}, []string{"P2", "P5"}, pnmConfig, pnmDecode},
	{"PPM", "pnm", []string{".ppm"}, []string{"P3", "P6"}, pnmConfig, pnmDecode},
}

// Formats returns the names of the formats that the files of a folder may have.
func Formats() []string {
	var names []string
	for _, f := range pictureFormats {
		names = append(names, f.title)
	}
	return names
}

// formatOf returns the format of a file that starts with magic.
func formatOf(magic []byte) (pictureFormat, error) {
	for _, f := range pictureFormats {
		for _, m := range f.magic {
			if bytes.HasPrefix(magic, []byte(m)) {
				return f, nil
			}
		}
	}
	return pictureFormat{}, input.Malformed(0, "magic", input.Quoted(string(magic)), "that of "+input.OneOf(Formats()))
}

// isPicture reports whether a name is that of a file of an image.
func isPicture(name string) bool {
	extension := strings.ToLower(filepath.Ext(name))
	return slices.ContainsFunc(pictureFormats, func(f pictureFormat) bool { return slices.Contains(f.extensions, extension) })
}

func pnmConfig(r io.Reader) (image.Config, error) {
	p, err := newPNM(r)
	if err != nil {
		return image.Config{}, err
	}
	return p.config(), nil
}

func pnmDecode(r io.Reader) (image.Image, error) {
	p, err := newPNM(r)
	if err != nil {
		return nil, err
	}
	return p.image()
}

// A picture is a file of an image.
type picture struct {
	pictureFormat
	image.Config // of the image as it is stored
	orientation  orientation
}

// size returns the width and the height of the image when it is upright.
func (p picture) size() (width, height int) { return p.orientation.size(p.Width, p.Height) }

// grey reports whether the image has one channel.
func (p picture) grey() bool {
	return p.ColorModel == color.GrayModel || p.ColorModel == color.Gray16Model
}

// pixelBytes returns an upper bound on the bytes that decoding takes for a pixel of the image in f.
func (p picture) pixelBytes(f io.ReadSeeker) (int64, error) {
	switch {
	case p.ColorModel == color.NRGBA64Model || p.ColorModel == color.RGBA64Model:
		return 8, nil
	case p.name != "jpeg":
		return 4, nil
	}
	if _, err := f.Seek(2, io.SeekStart); err != nil {
		return 0, err
	}
	if isSequential(bufio.NewReader(f)) {
		return 8, nil // of CMYK both the four channels and what they become
	}
	return 24, nil // of each of four channels a coefficient of 4 bytes too
}

// isSequential reports whether the JPEG whose rest is in r has each pixel once. Otherwise there may
// be scans that refine coefficients, all of which stay in memory until the last scan.
func isSequential(r *bufio.Reader) bool {
	for {
		marker, n, err := jpegSegment(r)
		switch {
		case err != nil || marker == 0xc2:
			return false
		case marker == 0xc0 || marker == 0xc1: // start of frame
			return true
		}
		if _, err := r.Discard(n); err != nil {
			return false
		}
	}
}

// pictureConfig returns the format and the size of the image in the size bytes of f.
func pictureConfig(f io.ReadSeeker, size int64) (picture, error) {
	magic := make([]byte, 8)
	n, err := io.ReadFull(f, magic)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return picture{}, err
	}
	magic = magic[:n]
	format, err := formatOf(magic)
	if err != nil {
		return picture{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return picture{}, err
	}
	c, err := format.config(f)
	if err != nil {
		return picture{}, fmt.Errorf("%s: %w", format.name, err)
	}
	limit := min(maxPixels, freePixels+size*pixelsPerByte)
	switch {
	case c.Width < 1 || c.Height < 1:
		return picture{}, fmt.Errorf("%s: size: got %d×%d, want at least one pixel", format.name, c.Width, c.Height)
	case int64(c.Width) > limit/int64(c.Height):
		return picture{}, fmt.Errorf("%s: size: got %d×%d, want at most %d pixels in %d bytes", format.name, c.Width, c.Height, limit, size)
	}
	p := picture{format, c, pictureOrientation(format.name, f)}
	each, err := p.pixelBytes(f)
	if !p.orientation.upright() {
		each += 3 // for the pixels when they are turned
	}
	if err == nil && int64(c.Width)*int64(c.Height) > maxPicture/each {
		err = fmt.Errorf("%s: size: got %d×%d of %d bytes each, want at most %d bytes", format.name, c.Width, c.Height, each, maxPicture)
	}
	return p, err
}

// openPicture opens a file and returns the format and the size of its image.
func openPicture(path string) (*os.File, picture, error) {
	f, size, err := input.Open(path)
	if err != nil {
		return nil, picture{}, err
	}
	p, err := pictureConfig(f, size)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, picture{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, p, nil
}

// decodePicture decodes the image in f, whose size must be that of p.
func decodePicture(f io.Reader, p picture) (image.Image, error) {
	m, err := p.decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	if d := m.Bounds(); d.Dx() != p.Width || d.Dy() != p.Height {
		return nil, fmt.Errorf("%s: size: got %d×%d, want %d×%d as in its header", p.name, d.Dx(), d.Dy(), p.Width, p.Height)
	}
	return m, nil
}
