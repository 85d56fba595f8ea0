package images

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// An orientation is the value of the tag of that name in EXIF: how a picture must be turned to be
// upright. Values other than 2 to 8 mean that it is upright.
type orientation uint16

func (o orientation) upright() bool { return o < 2 || o > 8 }

// size returns the size of a picture of w×h when it is upright.
func (o orientation) size(w, h int) (width, height int) {
	if o >= 5 && o <= 8 {
		return h, w
	}
	return w, h
}

// place returns where pixel (x, y) of a picture of w×h is when it is upright.
func (o orientation) place(x, y, w, h int) (toX, toY int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}

// maxEXIF is the most bytes of EXIF that are read: as many as a segment of a JPEG has.
const maxEXIF = 1 << 16

// pictureOrientation returns the orientation of the picture in f, upright if nothing valid says
// another one.
func pictureOrientation(format string, f io.ReadSeeker) orientation {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 1
	}
	r := bufio.NewReader(f)
	switch format {
	case "jpeg":
		return jpegOrientation(r)
	case "png":
		return pngOrientation(r)
	}
	return 1
}

// jpegOrientation looks for EXIF in the segments before the scans (JEITA CP-3451, section 4.7.2).
func jpegOrientation(r *bufio.Reader) orientation {
	r.Discard(2)
	for {
		marker, n, err := jpegSegment(r)
		if err != nil || marker == 0xda {
			return 1
		}
		if marker != 0xe1 {
			if _, err := r.Discard(n); err != nil {
				return 1
			}
			continue
		}
		segment := make([]byte, n)
		if _, err := io.ReadFull(r, segment); err != nil {
			return 1
		}
		if exif, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
			return exifOrientation(exif)
		}
	}
}

// jpegSegment reads the marker of the next segment of a JPEG, and returns how many bytes follow.
func jpegSegment(r *bufio.Reader) (marker byte, n int, err error) {
	b, err := r.ReadByte()
	if err == nil && b != 0xff {
		err = io.ErrUnexpectedEOF
	}
	for marker = 0xff; err == nil && marker == 0xff; { // any number of them may fill a gap
		marker, err = r.ReadByte()
	}
	var length [2]byte
	if err == nil {
		_, err = io.ReadFull(r, length[:])
	}
	n = int(binary.BigEndian.Uint16(length[:])) - 2
	if err == nil && n < 0 {
		err = io.ErrUnexpectedEOF
	}
	return marker, n, err
}

// pngOrientation looks for the chunk eXIf, which may stand before the pixels or after them.
func pngOrientation(r *bufio.Reader) orientation {
	r.Discard(8)
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 1
		}
		n := int64(binary.BigEndian.Uint32(head[:4]))
		if string(head[4:]) == "eXIf" && n <= maxEXIF {
			exif := make([]byte, n)
			if _, err := io.ReadFull(r, exif); err != nil {
				return 1
			}
			return exifOrientation(exif)
		}
		if _, err := io.CopyN(io.Discard, r, n+4); err != nil { // with the checksum
			return 1
		}
	}
}

// exifOrientation returns the orientation in EXIF, which is a TIFF file: the tag 0x0112 in its
// first list of tags (TIFF 6.0, section 2).
func exifOrientation(exif []byte) orientation {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(exif, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(exif, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 1
	}
	if len(exif) < 8 {
		return 1
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return 1
	}
	tags := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		const size = 12 // tag, type, count and value
		if len(tags) < size {
			return 1
		}
		short := order.Uint16(tags[2:]) == 3
		if order.Uint16(tags) == 0x0112 && short && order.Uint32(tags[4:]) == 1 {
			return orientation(order.Uint16(tags[8:]))
		}
		tags = tags[size:]
	}
	return 1
}
