package glyphs

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"golang.org/x/image/font/sfnt"

	"github.com/contrast-go/contrast/infonce/data/images"
)

func TestGlyphsBits(t *testing.T) {
	seen, unseen, err := Draw()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		m    images.Set
		want string
	}{
		{"seen", seen, "26c82ba5f0019c568a98495b5767ab21197fdf064b68a668d9de87c52dee6f8b"},
		{"unseen", unseen, "bb0a7da045932051974dbb1a8350598af673450e0653ffd9a94df294994fef8d"},
	} {
		sum := sha256.Sum256(test.m.Pixels)
		if got := hex.EncodeToString(sum[:]); got != test.want {
			t.Errorf("%s: SHA-256 of the pixels is %s, want %s", test.name, got, test.want)
		}
	}
}

func TestGlyphsOrder(t *testing.T) {
	seen, unseen, err := Draw()
	if err != nil {
		t.Fatal(err)
	}
	seenNames, unseenNames := Typefaces()
	if len(seenNames) != 18 || len(unseenNames) != 4 {
		t.Errorf("%d seen and %d unseen typefaces, want 18 and 4", len(seenNames), len(unseenNames))
	}
	for _, name := range unseenNames {
		if slices.Contains(seenNames, name) {
			t.Errorf("%s is both seen and unseen", name)
		}
	}
	for _, test := range []struct {
		m     images.Set
		names []string
	}{{seen, seenNames}, {unseen, unseenNames}} {
		m := test.m
		if m.Width != 28 || m.Height != 28 || m.Channels != 1 {
			t.Errorf("%d×%d×%d pixels, want 28×28×1", m.Width, m.Height, m.Channels)
		}
		if len(m.Classes) != 62 || m.Classes[0] != "A" || m.Classes[26] != "a" || m.Classes[61] != "9" {
			t.Errorf("classes %q", m.Classes)
		}
		if n := 62 * len(test.names); m.Len() != n || len(m.Labels) != n {
			t.Fatalf("%d images and %d labels, want %d", m.Len(), len(m.Labels), n)
		}
		for i, label := range m.Labels {
			if label != i%62 {
				t.Fatalf("image %d is of class %d, want %d", i, label, i%62)
			}
		}
	}
}

// TestGlyphsCentred looks at the pixels alone: the box around those not black
// must leave a margin, and its middle must be within half a pixel, the width of
// a pixel just touched on one side, of the middle of the image.
func TestGlyphsCentred(t *testing.T) {
	seen, unseen, err := Draw()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []images.Set{seen, unseen} {
		for i := range m.Len() {
			x0, y0, x1, y1 := m.Width, m.Height, -1, -1
			for j, v := range m.At(i) {
				if v > 0 {
					x0, x1 = min(x0, j%m.Width), max(x1, j%m.Width)
					y0, y1 = min(y0, j/m.Width), max(y1, j/m.Width)
				}
			}
			if x0 < 1 || y0 < 1 || x1 > 26 || y1 > 26 {
				t.Errorf("image %d, class %q: spans (%d,%d) to (%d,%d)", i, m.Classes[m.Labels[i]], x0, y0, x1, y1)
			}
			// Twice the distance from the middle, which is at 13.5.
			if dx, dy := x0+x1-27, y0+y1-27; max(dx, -dx, dy, -dy) > 1 {
				t.Errorf("image %d, class %q: box off by %d/2, %d/2 pixels", i, m.Classes[m.Labels[i]], dx, dy)
			}
		}
	}
}

// TestGlyphsArea compares the sum of the pixels with the area that the outline
// encloses by the shoelace formula. A pixel rounds its coverage down, by at most
// 1/256, and the rasteriser follows a line from row to row in steps rounded to
// 1/512 pixel, which over 28 rows adds up to at most 28·29/2/512 pixels.
func TestGlyphsArea(t *testing.T) {
	var p pen
	pixels := make([]uint8, glyphSize*glyphSize)
	for _, face := range slices.Concat(seenTypefaces, unseenTypefaces) {
		font, err := sfnt.Parse(face.ttf)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range characters {
			if err := p.trace(font, r); err != nil {
				t.Fatal(err)
			}
			var twice int64
			for _, contour := range p.lines {
				a := contour[len(contour)-1]
				for _, b := range contour {
					twice += a.x*b.y - b.x*a.y
					a = b
				}
			}
			scale := glyphEm / float64(p.em)
			want := float64(max(twice, -twice)) / 2 * scale * scale
			p.fill(pixels)
			var sum, lit int
			for _, v := range pixels {
				sum += int(v)
				if v > 0 {
					lit++
				}
			}
			got := float64(sum) / 256
			if d := got - want; d > 0.8 || d < -0.8-float64(lit)/256 {
				t.Errorf("%s: %q covers %.2f pixels, want %.2f", face.name, r, got, want)
			}
		}
	}
}

func BenchmarkGlyphs(b *testing.B) {
	for b.Loop() {
		if _, _, err := Draw(); err != nil {
			b.Fatal(err)
		}
	}
}
