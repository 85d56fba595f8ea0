package images

import (
	"image"
	"image/color"
	"math"
	"slices"
	"testing"
)

// TestOnWhite has pictures with transparent pixels, by the formula c·α + 1 − α.
func TestOnWhite(t *testing.T) {
	one := image.Rect(0, 0, 1, 1)
	for r := range 16 {
		for a := range 16 {
			v, alpha := uint8(17*r), uint8(17*a)
			want := uint8(math.Round(float64(v)*float64(alpha)/255 + 255 - float64(alpha)))
			straight := image.NewNRGBA(one)
			straight.Pix = []uint8{v, v, v, alpha}
			deep := image.NewNRGBA64(one)
			deep.Pix = []uint8{v, v, v, v, v, v, alpha, alpha}
			palette := image.NewPaletted(one, color.Palette{color.NRGBA{v, v, v, alpha}, color.NRGBA{0, 0, 0, 0}})
			for _, m := range []image.Image{straight, deep, palette} {
				for channels := 1; channels <= 3; channels += 2 {
					got := make([]uint8, channels)
					newRowReader(m, channels, 1).read(got, 0)
					if !slices.Equal(got, slices.Repeat([]uint8{want}, channels)) {
						t.Errorf("%T of %d with alpha %d: %d, want %d", m, v, alpha, got, want)
					}
				}
			}
		}
	}
	times := image.NewRGBA(one)
	times.Pix = []uint8{10, 20, 30, 100} // times alpha
	got := make([]uint8, 3)
	newRowReader(times, 3, 1).read(got, 0)
	if want := []uint8{165, 175, 185}; !slices.Equal(got, want) {
		t.Errorf("RGBA: %d, want %d", got, want)
	}
}

// TestSixteenBits has each value of 16 bits, which becomes the nearest of 8.
func TestSixteenBits(t *testing.T) {
	row := image.Rect(0, 0, 1<<16, 1)
	grey, colour := image.NewGray16(row), image.NewRGBA64(row)
	for v := range 1 << 16 {
		grey.SetGray16(v, 0, color.Gray16{uint16(v)})
		colour.SetRGBA64(v, 0, color.RGBA64{uint16(v), uint16(v), 0, 0xffff})
	}
	a, b := make([]uint8, 1<<16), make([]uint8, 3<<16)
	newRowReader(grey, 1, 1).read(a, 0)
	newRowReader(colour, 3, 1).read(b, 0)
	for v := range 1 << 16 {
		if want := uint8(math.Round(float64(v) / 257)); a[v] != want || b[3*v] != want || b[3*v+1] != want || b[3*v+2] != 0 {
			t.Fatalf("%#04x becomes %d and %d, want %d", v, a[v], b[3*v:3*v+3], want)
		}
	}
}
