package images

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// A pictureFormat is a row of the table of formats of files of one image.
type pictureFormat struct {
	title      string
	name       string   // in errors
	extensions []string // of the names of files; what is in a file is told by magic
	plain      bool     // a pixel takes at least a byte
	magic      []string
	config     func(io.Reader) (image.Config, error)
	decode     func(io.Reader) (image.Image, error)
}

// pictureFormats is the table that everything about formats is computed from: a new one is its
// file, its test and its row.
var pictureFormats = []pictureFormat{
	{"PNG", "png", []string{".png"}, false, []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode},
	{"JPEG", "jpeg", []string{".jpg", ".jpeg"}, false, []string{"\xff\xd8"}, jpeg.DecodeConfig, jpeg.Decode},
	{"GIF", "gif", []string{".gif"}, false, []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, gifDecode},
	{"BMP", "bmp", []string{".bmp"}, false, []string{"BM"}, bmpConfig, bmpDecode},
	{"PGM", "pnm", []string{".pgm", ".pnm"}, true, []string{"P2", "P5"}, pnmConfig, pnmDecode},
	{"PPM", "pnm", []string{".ppm"}, true, []string{"P3", "P6"}, pnmConfig, pnmDecode},
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

// gifDecode returns the first image on its screen, which is transparent around a smaller image.
func gifDecode(r io.Reader) (image.Image, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(10)
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:])))
	m, err := gif.Decode(b)
	if err != nil || m.Bounds() == screen {
		return m, err
	}
	whole := image.NewNRGBA(screen)
	draw.Draw(whole, m.Bounds(), m, m.Bounds().Min, draw.Src)
	return whole, nil
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
	case p.name == "gif":
		return 5, nil // the image and its screen
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
	if c.Width < 1 || c.Height < 1 {
		return picture{}, fmt.Errorf("%s: size: got %d×%d, want at least one pixel", format.name, c.Width, c.Height)
	}
	if format.plain && int64(c.Width) > size/int64(c.Height) {
		return picture{}, fmt.Errorf("%s: size: got %d×%d, want at most the %d bytes of the file", format.name, c.Width, c.Height, size)
	}
	p := picture{format, c, pictureOrientation(format.name, f)}
	each, err := p.pixelBytes(f)
	if !p.orientation.upright() {
		each += 3 // for the pixels when they are turned
	}
	if err == nil && int64(c.Width) > input.MaxMemory/each/int64(c.Height) {
		err = fmt.Errorf("%s: size: got %d×%d of %d bytes each, want at most %d bytes", format.name, c.Width, c.Height, each, input.MaxMemory)
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
