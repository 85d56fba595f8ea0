package images

import (
	"bytes"
	"encoding/binary"
	"image"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// TestPictureMemory has headers of large images, each in a file that could hold it.
func TestPictureMemory(t *testing.T) {
	jpegOf := func(frame byte, side uint16) []byte {
		b := goodPicture("jpg")
		i := bytes.Index(b, []byte("\xff\xc0"))
		b[i+1] = frame
		binary.BigEndian.PutUint16(b[i+5:], side)
		binary.BigEndian.PutUint16(b[i+7:], side)
		return b
	}
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
		{"JPEG", jpegOf(0xc0, 5000), fits},
		{"extended JPEG", jpegOf(0xc1, 5000), fits},
		{"large JPEG", jpegOf(0xc0, 6000), "jpeg: size: got 6000×6000 of 8 bytes each, want at most 268435456 bytes"},
		{"progressive JPEG", jpegOf(0xc2, 3000), fits},
		{"large progressive JPEG", jpegOf(0xc2, 5000), "jpeg: size: got 5000×5000 of 24 bytes each, want at most 268435456 bytes"},
		{"irregular JPEG", func() []byte { b := jpegOf(0xc0, 5000); return filetest.Join(b[:2], []byte{0}, b[2:]) }(), "jpeg: size: got 5000×5000 of 24 bytes each"},
		{"PNG", pngOf(image.NewNRGBA(one), 8000), fits},
		{"PNG of 16 bits", pngOf(image.NewNRGBA64(one), 8000), "png: size: got 8000×8000 of 8 bytes each"},
		{"PNG of 65 Mi pixels", pngOf(image.NewNRGBA(one), 8256), "png: size: got 8256×8256, want at most 67108864 pixels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := pictureConfig(bytes.NewReader(test.file), 1<<30)
			if test.want != fits {
				filetest.CheckError(t, err, "", test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
