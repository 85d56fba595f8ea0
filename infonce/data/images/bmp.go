package images

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"io"
	"math/bits"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// Compressions of a BMP.
const (
	bmpPlain  = 0
	bmpRLE8   = 1
	bmpRLE4   = 2
	bmpFields = 3 // plain, with masks of the channels
	bmpAlpha  = 6 // likewise, with one of alpha
)

// A bmpReader reads a BMP of any version, without JPEG and PNG inside (learn.microsoft.com, "Bitmap
// Storage" and BITMAPV5HEADER).
type bmpReader struct {
	r             *bufio.Reader
	at            int64 // offset of the next byte
	width, height int
	down          bool // the first row is the upper one
	bits          int  // of a pixel
	compression   uint32
	palette       color.Palette
	masks         [4]uint32 // red, green, blue and alpha, with 16 or 32 bits
	start         int64     // offset of the pixels
}

// newBMP reads what is before the pixels.
func newBMP(r io.Reader) (*bmpReader, error) {
	b := &bmpReader{r: bufio.NewReader(r)}
	head := make([]byte, 18)
	if err := b.read(head); err != nil {
		return nil, err
	}
	if string(head[:2]) != "BM" {
		return nil, input.Malformed(0, "magic", input.Quoted(string(head[:2])), `"BM"`)
	}
	b.start = int64(binary.LittleEndian.Uint32(head[10:]))
	length := binary.LittleEndian.Uint32(head[14:])
	if length != 12 && (length < 40 || length > 256) {
		return nil, input.Malformed(14, "length of header", length, "12, or from 40 to 256")
	}
	info := make([]byte, length-4)
	if err := b.read(info); err != nil {
		return nil, err
	}
	colors, colorSize := 0, 4
	var planes int
	if length == 12 {
		colorSize = 3
		b.width, b.height = int(binary.LittleEndian.Uint16(info)), int(binary.LittleEndian.Uint16(info[2:]))
		planes, b.bits = int(binary.LittleEndian.Uint16(info[4:])), int(binary.LittleEndian.Uint16(info[6:]))
	} else {
		b.width, b.height = int(int32(binary.LittleEndian.Uint32(info))), int(int32(binary.LittleEndian.Uint32(info[4:])))
		planes, b.bits = int(binary.LittleEndian.Uint16(info[8:])), int(binary.LittleEndian.Uint16(info[10:]))
		b.compression = binary.LittleEndian.Uint32(info[12:])
		colors = int(min(binary.LittleEndian.Uint32(info[28:]), 1<<16))
	}
	if b.height < 0 {
		b.down, b.height = true, -b.height
	}
	const most = 1 << 30
	if b.width < 1 || b.height < 1 || b.width > most || b.height > most {
		return nil, input.Malformed(18, "size", fmt.Sprintf("%d×%d", b.width, b.height), fmt.Sprintf("from 1 to %d", most))
	}
	if planes != 1 {
		return nil, input.Malformed(26, "number of planes", planes, 1)
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	if b.compression == bmpFields || b.compression == bmpAlpha {
		n := 3
		if b.compression == bmpAlpha || length >= 56 {
			n = 4
		}
		masks := make([]byte, 4*n)
		if length >= 52 {
			copy(masks, info[36:])
		} else if err := b.read(masks); err != nil {
			return nil, err
		}
		for i := range n {
			b.masks[i] = binary.LittleEndian.Uint32(masks[4*i:])
			if m := b.masks[i]; bits.OnesCount32(m) != bits.Len32(m)-bits.TrailingZeros32(m)&31 {
				return nil, input.Malformed(b.at, "mask of a channel", fmt.Sprintf("%#08x", m), "bits beside each other")
			}
		}
	}
	if b.bits <= 8 {
		if colors == 0 || colors > 1<<b.bits {
			colors = 1 << b.bits
		}
		entry := make([]byte, colorSize)
		for range colors {
			if b.start > 0 && b.at+int64(colorSize) > b.start {
				break // some writers leave out the rest
			}
			if err := b.read(entry); err != nil {
				return nil, err
			}
			b.palette = append(b.palette, color.RGBA{entry[2], entry[1], entry[0], 0xff})
		}
		if len(b.palette) == 0 {
			return nil, input.Malformed(b.at, "number of colours", 0, "at least 1")
		}
	}
	return b, nil
}

// check returns an error unless the bits of a pixel are such of the compression, and sets the masks
// that are the same for all files.
func (b *bmpReader) check() error {
	ok := false
	switch b.compression {
	case bmpPlain:
		switch b.bits {
		case 1, 4, 8, 24:
			ok = true
		case 16:
			ok, b.masks = true, [4]uint32{0x7c00, 0x03e0, 0x001f}
		case 32:
			ok, b.masks = true, [4]uint32{0xff0000, 0xff00, 0xff}
		}
	case bmpRLE8:
		ok = b.bits == 8 && !b.down
	case bmpRLE4:
		ok = b.bits == 4 && !b.down
	case bmpFields, bmpAlpha:
		ok = b.bits == 16 || b.bits == 32
	}
	if !ok {
		return input.Malformed(28, "bits of a pixel and compression", fmt.Sprintf("%d and %d", b.bits, b.compression), "1, 4, 8, 16, 24 or 32 and a compression for it")
	}
	return nil
}

// read fills p.
func (b *bmpReader) read(p []byte) error {
	n, err := io.ReadFull(b.r, p)
	at := b.at
	b.at += int64(n)
	if err != nil {
		return input.Short(err, b.at, at+int64(len(p)))
	}
	return nil
}

func bmpConfig(r io.Reader) (image.Config, error) {
	b, err := newBMP(r)
	if err != nil {
		return image.Config{}, err
	}
	c := image.Config{ColorModel: color.NRGBAModel, Width: b.width, Height: b.height}
	if b.palette != nil {
		c.ColorModel = b.palette
	}
	return c, nil
}

func bmpDecode(r io.Reader) (image.Image, error) {
	b, err := newBMP(r)
	if err != nil {
		return nil, err
	}
	if b.start > b.at {
		n, err := io.CopyN(io.Discard, b.r, b.start-b.at)
		b.at += n
		if err != nil {
			return nil, input.Short(err, b.at, b.start)
		}
	}
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		return b.runs()
	}
	return b.plain()
}

// row returns the row of the image that is row i of the file.
func (b *bmpReader) row(i int) int {
	if b.down {
		return i
	}
	return b.height - 1 - i
}

// plain reads pixels that are not compressed, in rows of a multiple of 4 bytes.
func (b *bmpReader) plain() (image.Image, error) {
	stride := (int64(b.width)*int64(b.bits) + 31) / 32 * 4
	// The file may be cut: no more memory is taken than it has bytes, before these are read.
	data, err := io.ReadAll(io.LimitReader(b.r, stride*int64(b.height)))
	if err == nil && int64(len(data)) < stride*int64(b.height) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, input.Short(err, b.at+int64(len(data)), b.at+stride*int64(b.height))
	}
	bounds := image.Rect(0, 0, b.width, b.height)
	if b.palette != nil {
		m := image.NewPaletted(bounds, b.palette)
		for i := range b.height {
			row, line := m.Pix[b.row(i)*m.Stride:][:b.width], data[int64(i)*stride:]
			for x := range row {
				bit := x * b.bits
				v := line[bit/8] << (bit % 8) >> (8 - b.bits)
				if int(v) >= len(b.palette) {
					v = 0
				}
				row[x] = v
			}
		}
		return m, nil
	}
	m := image.NewNRGBA(bounds)
	transparent := true // as alpha has it
	for i := range b.height {
		row, line := m.Pix[b.row(i)*m.Stride:], data[int64(i)*stride:]
		for x := range b.width {
			pixel, p := row[4*x:4*x+4], line[x*b.bits/8:]
			if b.bits == 24 {
				pixel[0], pixel[1], pixel[2], pixel[3] = p[2], p[1], p[0], 0xff
				continue
			}
			v := uint32(binary.LittleEndian.Uint16(p))
			if b.bits == 32 {
				v = binary.LittleEndian.Uint32(p)
			}
			for c, mask := range b.masks {
				pixel[c] = masked(v, mask)
			}
			if b.masks[3] == 0 {
				pixel[3] = 0xff
			}
			transparent = transparent && pixel[3] == 0
		}
	}
	if transparent && b.masks[3] != 0 { // alpha that nobody has written
		for i := 3; i < len(m.Pix); i += 4 {
			m.Pix[i] = 0xff
		}
	}
	return m, nil
}

// masked returns the bits of a mask in v, brought to the nearest of 0…255.
func masked(v, mask uint32) uint8 {
	if mask == 0 {
		return 0
	}
	shift := bits.TrailingZeros32(mask)
	most := uint64(mask >> shift)
	return uint8((uint64(v&mask>>shift)*255 + most/2) / most)
}

// runs reads pixels that are compressed by runs. Those that are skipped have colour 0.
func (b *bmpReader) runs() (image.Image, error) {
	m := image.NewPaletted(image.Rect(0, 0, b.width, b.height), b.palette)
	var pair [2]byte
	x, y := 0, 0
	set := func(v uint8) error {
		if x >= b.width || y >= b.height {
			return input.Malformed(b.at, "run of pixels", fmt.Sprintf("column %d of row %d", x, y), fmt.Sprintf("within %d×%d", b.width, b.height))
		}
		if int(v) < len(b.palette) {
			m.Pix[b.row(y)*m.Stride+x] = v
		}
		x++
		return nil
	}
	// nibble returns pixel i of a byte that has one or two.
	nibble := func(v byte, i int) byte {
		switch {
		case b.bits == 8:
			return v
		case i%2 == 0:
			return v >> 4
		}
		return v & 15
	}
	for {
		if err := b.read(pair[:]); err != nil {
			return nil, err
		}
		switch n, v := int(pair[0]), pair[1]; {
		case n > 0:
			for i := range n {
				if err := set(nibble(v, i)); err != nil {
					return nil, err
				}
			}
		case v == 0: // end of the row
			x, y = 0, y+1
		case v == 1: // end of the image
			return m, nil
		case v == 2:
			if err := b.read(pair[:]); err != nil {
				return nil, err
			}
			x, y = min(x+int(pair[0]), b.width), min(y+int(pair[1]), b.height)
		default: // v pixels as they are, padded to 2 bytes
			n := (int(v)*b.bits + 15) / 16 * 2
			var literal [256]byte
			if err := b.read(literal[:n]); err != nil {
				return nil, err
			}
			for i := range int(v) {
				if err := set(nibble(literal[i*b.bits/8], i)); err != nil {
					return nil, err
				}
			}
		}
	}
}
