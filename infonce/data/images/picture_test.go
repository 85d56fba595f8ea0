package images

import (
	"bytes"
	"encoding/binary"
	"image"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// jpegOf returns a JPEG whose header claims a kind of frame and a size.
func jpegOf(frame byte, width, height uint16) []byte {
	b := goodPicture("jpg")
	i := bytes.Index(b, []byte("\xff\xc0"))
	b[i+1] = frame
	binary.BigEndian.PutUint16(b[i+5:], height)
	binary.BigEndian.PutUint16(b[i+7:], width)
	return b
}

// TestPictureMemory has headers of large images, each in a file that could hold it.
func TestPictureMemory(t *testing.T) {
	pngOf := func(m image.Image, side uint32) []byte {
		b := encoded("png", m)
		binary.BigEndian.PutUint32(b[16:], side)
		binary.BigEndian.PutUint32(b[20:], side)
		return summed(b)
	}
	one := image.Rect(0, 0, 1, 1)
	const fits = ""
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"JPEG", jpegOf(0xc0, 11000, 11000), fits},
		{"extended JPEG", jpegOf(0xc1, 11000, 11000), fits},
		{"large JPEG", jpegOf(0xc0, 12000, 12000), "jpeg: size: got 12000×12000 of 8 bytes each, want at most 1073741824 bytes"},
		{"progressive JPEG", jpegOf(0xc2, 6000, 6000), fits},
		{"large progressive JPEG", jpegOf(0xc2, 7000, 7000), "jpeg: size: got 7000×7000 of 24 bytes each, want at most 1073741824 bytes"},
		{"irregular JPEG", func() []byte { b := jpegOf(0xc0, 7000, 7000); return filetest.Join(b[:2], []byte{0}, b[2:]) }(), "jpeg: size: got 7000×7000 of 24 bytes each"},
		{"JPEG on its side", withEXIF(jpegOf(0xc0, 11000, 11000), exif(binary.LittleEndian, 6), false), "jpeg: size: got 11000×11000 of 11 bytes each"},
		{"PNG", pngOf(image.NewNRGBA(one), 16000), fits},
		{"PNG of 16 bits", pngOf(image.NewNRGBA64(one), 12000), "png: size: got 12000×12000 of 8 bytes each"},
		{"PNG of 257 Mi pixels", pngOf(image.NewNRGBA(one), 16416), "png: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := pictureConfig(bytes.NewReader(test.file), 1<<40)
			if test.want != fits {
				filetest.CheckError(t, err, "", test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
