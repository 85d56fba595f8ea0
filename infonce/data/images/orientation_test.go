package images

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// exif returns EXIF with a tag before the orientation.
func exif(order binary.AppendByteOrder, o uint16) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 10) // where the tags are
	b = append(b, 0, 0)
	b = order.AppendUint16(b, 2)
	for tag, v := range map[uint16]uint16{0x0100: 7, 0x0112: o} {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, v)
		b = append(b, 0, 0)
	}
	return b
}

// withEXIF adds EXIF to a JPEG, or to a PNG before or after its pixels.
func withEXIF(file, exif []byte, after bool) []byte {
	if bytes.HasPrefix(file, []byte("\xff\xd8")) {
		segment := append([]byte("Exif\x00\x00"), exif...)
		head := binary.BigEndian.AppendUint16([]byte{0xff, 0xe0, 0, 2, 0xff, 0xff, 0xe1}, uint16(2+len(segment)))
		return filetest.Join(file[:2], head, segment, file[2:])
	}
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(exif)))
	chunk = append(append(chunk, "eXIf"...), exif...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	at := 33 // behind the header
	if after {
		at = len(file) - 12
	}
	return filetest.Join(file[:at], chunk, file[at:])
}

// TestOrientation has an F of 3×5 blocks, as stored by each of the orientations.
func TestOrientation(t *testing.T) {
	upright := []string{"###", "#  ", "## ", "#  ", "#  "}
	stored := map[uint16][]string{
		1: upright,
		2: {"###", "  #", " ##", "  #", "  #"},
		3: {"  #", "  #", " ##", "  #", "###"},
		4: {"#  ", "#  ", "## ", "#  ", "###"},
		5: {"#####", "# #  ", "#    "},
		6: {"#    ", "# #  ", "#####"},
		7: {"    #", "  # #", "#####"},
		8: {"#####", "  # #", "    #"},
		9: upright,
	}
	const side = 16 // of a block, so that a JPEG keeps it
	paint := func(rows []string) *image.Gray {
		m := image.NewGray(image.Rect(0, 0, side*len(rows[0]), side*len(rows)))
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				if rows[y/side][x/side] == '#' {
					m.SetGray(x, y, color.Gray{200})
				}
			}
		}
		return m
	}
	want := paint(upright).Pix
	for o, rows := range stored {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, format := range []string{"jpg", "png", "png after"} {
				file := withEXIF(encoded(format[:3], paint(rows)), exif(order, o), len(format) > 3)
				files := map[string][]byte{"a." + format[:3]: file, "b.png": encoded("png", paint(upright))}
				m, err := ReadFolder(filetest.Folder(t, files), Size{})
				if err != nil {
					t.Errorf("%s, orientation %d, %v: %v", format, o, order, err)
					continue
				}
				if m.Width != 3*side || m.Height != 5*side || slices.ContainsFunc(m.At(0), func(v uint8) bool { return v > 5 && v < 195 }) {
					t.Errorf("%s, orientation %d, %v: %d×%d", format, o, order, m.Width, m.Height)
				}
				for i, v := range m.At(0) {
					if v/128 != want[i]/128 {
						t.Errorf("%s, orientation %d, %v: pixel %d is %d, want %d", format, o, order, i, v, want[i])
						break
					}
				}
			}
		}
	}
}

// TestOrientationMalformed has EXIF that breaks rules: such a picture is taken as upright.
func TestOrientationMalformed(t *testing.T) {
	good := exif(binary.LittleEndian, 6)
	const whole = 10 + 2 + 2*12
	for n := range whole {
		if o := exifOrientation(good[:n]); o != 1 && (o != 6 || n < 24) {
			t.Errorf("%d bytes of EXIF: orientation %d", n, o)
		}
	}
	for _, test := range []struct {
		name string
		exif []byte
	}{
		{"no byte order", filetest.Patch(good, 0, 'X')},
		{"tags outside", filetest.Patch(good, 7, 0xff)},
		{"tags at the end", filetest.Patch(good, 4, byte(len(good)-1))},
	} {
		if o := exifOrientation(test.exif); o != 1 {
			t.Errorf("%s: orientation %d", test.name, o)
		}
	}
	m := image.NewGray(image.Rect(0, 0, 2, 1))
	for _, file := range [][]byte{encoded("jpg", m), encoded("png", m)} {
		for n := range len(file) {
			for _, format := range []string{"jpeg", "png"} {
				if o := pictureOrientation(format, bytes.NewReader(file[:n])); !o.upright() {
					t.Fatal(fmt.Sprintf("%s of %d bytes: orientation %d", format, n, o))
				}
			}
		}
	}
}
