package images

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// bmpFile returns a BMP with a header of 40 bytes. What follows is masks or colours, and pixels.
func bmpFile(width, height int32, bits uint16, compression, colors uint32, extra, pixels []byte) []byte {
	b := []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00")
	b = binary.LittleEndian.AppendUint32(b, uint32(54+len(extra)))
	b = binary.LittleEndian.AppendUint32(b, 40)
	b = binary.LittleEndian.AppendUint32(b, uint32(width))
	b = binary.LittleEndian.AppendUint32(b, uint32(height))
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, bits)
	for _, v := range []uint32{compression, uint32(len(pixels)), 0, 0, colors, 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return filetest.Join(b, extra, pixels)
}

// bmpGrey returns a palette of n colours, of which i is grey at 10·i.
func bmpGrey(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(10*i), byte(10*i), byte(10*i), 0)
	}
	return b
}

func TestBMP(t *testing.T) {
	masks := func(m ...uint32) (b []byte) {
		for _, v := range m {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	for _, test := range []struct {
		name          string
		file          []byte
		width, height int
		want          []byte // the first channel, or all three
	}{
		{"1 bit", bmpFile(10, 2, 1, 0, 0, bmpGrey(2), []byte{0b10000000, 0b01000000, 0, 0, 0b01010101, 0b10000000, 0, 0}), 10, 2,
			[]byte{0, 10, 0, 10, 0, 10, 0, 10, 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 10}},
		{"4 bits", bmpFile(3, 1, 4, 0, 16, bmpGrey(16), []byte{0x12, 0xf0, 0, 0}), 3, 1, []byte{10, 20, 150}},
		{"8 bits, from the top", bmpFile(2, -2, 8, 0, 4, bmpGrey(4), []byte{1, 2, 0, 0, 3, 0, 0, 0}), 2, 2, []byte{10, 20, 30, 0}},
		{"8 bits, outside of the palette", bmpFile(2, 1, 8, 0, 3, bmpGrey(3), []byte{2, 9, 0, 0}), 2, 1, []byte{20, 0}},
		{"16 bits", bmpFile(3, 1, 16, 0, 0, nil, []byte{0x00, 0x7c, 0xe0, 0x03, 0x1f, 0x40, 0, 0}), 3, 1, []byte{255, 0, 0, 0, 255, 0, 132, 0, 255}},
		{"16 bits, 5-6-5", bmpFile(2, 1, 16, 3, 0, masks(0xf800, 0x07e0, 0x001f), []byte{0x20, 0x04, 0x00, 0xf8}), 2, 1, []byte{0, 134, 0, 255, 0, 0}},
		{"24 bits", bmpFile(1, 2, 24, 0, 0, nil, []byte{1, 2, 3, 0, 4, 5, 6, 0}), 1, 2, []byte{6, 5, 4, 3, 2, 1}},
		{"32 bits", bmpFile(1, 1, 32, 0, 0, nil, []byte{1, 2, 3, 0}), 1, 1, []byte{3, 2, 1}},
		{"32 bits, masks", bmpFile(1, 1, 32, 3, 0, masks(0xff, 0xff00, 0xff0000), []byte{1, 2, 3, 0}), 1, 1, []byte{1, 2, 3}},
		{"32 bits, alpha", bmpFile(2, 1, 32, 6, 0, masks(0xff0000, 0xff00, 0xff, 0xff000000), []byte{0, 0, 0, 0, 0, 0, 0, 0x33}), 2, 1, []byte{255, 255, 255, 204, 204, 204}},
		{"32 bits, no alpha written", bmpFile(1, 1, 32, 6, 0, masks(0xff0000, 0xff00, 0xff, 0xff000000), []byte{1, 2, 3, 0}), 1, 1, []byte{3, 2, 1}},
		{"RLE8", bmpFile(4, 3, 8, 1, 8, bmpGrey(8), []byte{3, 5, 1, 6, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 2, 0, 1, 7, 0, 1}), 4, 3,
			[]byte{0, 0, 70, 0, 10, 20, 30, 0, 50, 50, 50, 60}},
		{"RLE4", bmpFile(5, 2, 4, 2, 16, bmpGrey(16), []byte{3, 0x12, 2, 0x30, 0, 0, 0, 5, 0x45, 0x67, 0x80, 0, 0, 1}), 5, 2,
			[]byte{40, 50, 60, 70, 80, 10, 20, 10, 30, 0}},
		{"OS/2", filetest.Join([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x01\x00\x01\x00\x01\x00"), []byte{1, 2, 3, 4, 5, 6}, []byte{0x40, 0, 0, 0}), 2, 1,
			[]byte{3, 2, 1, 6, 5, 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := ReadFolder(filetest.Folder(t, map[string][]byte{"a.bmp": test.file}), Size{Channels: 3})
			if err != nil {
				t.Fatal(err)
			}
			got := m.At(0)
			if len(test.want) < len(got) {
				for i := range test.want {
					got[i] = got[3*i]
				}
				got = got[:len(test.want)]
			}
			if m.Width != test.width || m.Height != test.height || !slices.Equal(got, test.want) {
				t.Errorf("%d×%d, %d, want %d", m.Width, m.Height, got, test.want)
			}
		})
	}
}

// badBMP returns BMPs that break a rule.
func badBMP() []badFile {
	rle := func(pixels ...byte) []byte { return bmpFile(2, 2, 8, 1, 2, bmpGrey(2), pixels) }
	good := bmpFile(2, 1, 8, 0, 2, bmpGrey(2), []byte{0, 1, 0, 0})
	return []badFile{
		{"BMP header of 13 bytes", filetest.Patch(good, 14, 13), "bmp: offset 14: length of header: got 13, want 12, or from 40 to 256"},
		{"BMP header cut", good[:40], "bmp: offset 40: length of data: got end of file"},
		{"BMP of two planes", filetest.Patch(good, 26, 2), "bmp: offset 26: number of planes: got 2, want 1"},
		{"BMP of 2 bits", filetest.Patch(good, 28, 2), "bmp: offset 28: bits of a pixel and compression: got 2 and 0"},
		{"BMP with a JPEG", filetest.Patch(good, 30, 4), "bits of a pixel and compression: got 8 and 4"},
		{"BMP of runs from the top", bmpFile(2, -2, 8, 1, 2, bmpGrey(2), []byte{0, 1}), "bits of a pixel and compression: got 8 and 1"},
		{"BMP without colours", bmpFile(2, 1, 8, 0, 2, nil, []byte{0, 1, 0, 0}), "bmp: offset 54: number of colours: got 0, want at least 1"},
		{"BMP pixels behind the end", filetest.Patch(good, 10, 200), "bmp: offset 66: length of data: got end of file"},
		{"BMP mask with a gap", bmpFile(1, 1, 16, 3, 0, make([]byte, 12), []byte{0, 0, 0, 0})[:54], "bmp: offset 54: length of data"},
		{"BMP mask of two parts", bmpFile(1, 1, 32, 3, 0, []byte{5, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0}, []byte{0, 0, 0, 0}), "mask of a channel: got 0x00000005, want bits beside each other"},
		{"BMP run over the row", rle(3, 1, 0, 1), "bmp: offset 64: run of pixels: got column 2 of row 0, want within 2×2"},
		{"BMP run over the image", rle(0, 0, 0, 0, 1, 1), "run of pixels: got column 0 of row 2"},
		{"BMP run without an end", rle(2, 1), "bmp: offset 64: length of data: got end of file, want 2 more bytes"},
		{"BMP literal cut", rle(0, 4, 1), "bmp: offset 65: length of data: got end of file"},
	}
}
