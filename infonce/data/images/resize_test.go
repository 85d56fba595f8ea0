package images

import (
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"
)

func scaled(m image.Image, width, height, channels int) []byte {
	dst := make([]byte, width*height*channels)
	resize(dst, width, height, newRowReader(m, channels, 1))
	return dst
}

// TestResizeConstant claims that weights have a sum of one: what is of one colour stays so.
func TestResizeConstant(t *testing.T) {
	m := image.NewUniform(color.RGBA{1, 130, 255, 255})
	for _, from := range [][2]int{{1, 1}, {3, 7}, {64, 48}, {501, 2}} {
		for _, to := range [][2]int{{1, 1}, {28, 28}, {5, 97}} {
			var cut image.Image = image.NewRGBA(image.Rect(5, 6, 5+from[0], 6+from[1]))
			for y := range from[1] {
				for x := range from[0] {
					cut.(*image.RGBA).Set(5+x, 6+y, m.C)
				}
			}
			for i, v := range scaled(cut, to[0], to[1], 3) {
				if want := []byte{1, 130, 255}[i%3]; v != want {
					t.Fatalf("%v to %v: channel %d is %d, want %d", from, to, i%3, v, want)
				}
			}
		}
	}
}

// TestResizeEdge scales an edge: it stays where it is, and is no longer sharp.
func TestResizeEdge(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 8, 1))
	for x := 4; x < 8; x++ {
		m.Pix[x] = 200
	}
	got := scaled(m, 4, 1, 1)
	if got[0] > 2 || got[1] > 40 || got[2] < 160 || got[3] < 198 || int(got[1])+int(got[2]) != 200 {
		t.Errorf("half the size is %v", got)
	}
	got = scaled(m, 16, 2, 1)
	if got[7] >= 100 || got[8] <= 100 || got[0] > 2 || got[15] < 198 {
		t.Errorf("twice the size is %v", got)
	}
}

// TestResizeBits claims that the pixels are the same on all machines.
func TestResizeBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	m := image.NewRGBA(image.Rect(0, 0, 61, 47))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.Uint32())
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	h := sha256.New()
	for _, to := range [][2]int{{28, 28}, {61, 20}, {100, 131}, {7, 47}} {
		for _, channels := range []int{1, 3} {
			h.Write(scaled(m, to[0], to[1], channels))
		}
	}
	const want = "4aa61424ae88ced618f7970d298de4b69c29f49558e80af7b3006eacc930ae61"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("hash of the pixels is %s, want %s", got, want)
	}
}
