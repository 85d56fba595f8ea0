package augment

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// rampImages returns n images that start at 10 and rise along columns, and faster along rows.
func rampImages(n, size int) images.Set {
	m := images.Set{Width: size, Height: size, Channels: 1}
	for y := range size {
		for x := range size {
			m.Pixels = append(m.Pixels, uint8(10+3*x+5*y))
		}
	}
	return m.Subset(make([]int, n))
}

// The slopes of a cropped ramp tell which fraction of the width and height the view shows.
func TestAugmentCrop(t *testing.T) {
	const size, least = 21, 0.25
	const dx, dy = 3. / 255, 5. / 255
	m := augment(t, rampImages(500, size), one(func(a *Image) { a.Crop = least }), 1, 1)
	areas, ratios := []float64{}, []float64{}
	var right, down float64
	for i := range m.Rows {
		at := func(x, y int) float64 { return float64(m.Row(i)[y*size+x]) }
		w, h := (at(13, 10)-at(7, 10))/6/dx, (at(10, 13)-at(10, 7))/6/dy
		areas, ratios = append(areas, w*h), append(ratios, w/h)
		// The view's corner pixels are whole pixels of the frame, which lies in the image. Points
		// and weights are rounded to 1/256 of a pixel.
		const eps = 0.02
		for _, v := range []float64{at(0, 0), at(size-1, size-1)} {
			if v < (10-eps)/255 || v > (10+8*20+eps)/255 {
				t.Fatalf("image %d: corner %v", i, v*255)
			}
		}
		x := (at(10, 10) - (10+3*10+5*10)/255.) // the shift of the centre
		right, down = max(right, x), min(down, x)
		if w > 1.01 || h > 1.01 || w*h < least-0.02 || w/h < 0.74 || w/h > 1.35 {
			t.Errorf("image %d: a part %.3f×%.3f", i, w, h)
		}
	}
	slices.Sort(areas)
	slices.Sort(ratios)
	if areas[0] > least+0.03 || areas[499] < 0.95 || ratios[0] > 0.77 || ratios[499] < 1.3 {
		t.Errorf("areas %.3f to %.3f, ratios %.3f to %.3f", areas[0], areas[499], ratios[0], ratios[499])
	}
	// A frame of a quarter of the area can be up to a quarter of the sides off the centre.
	if reach := 0.25 * size * (dx + dy); right < 0.6*reach || down > -0.6*reach || right > reach || down < -reach {
		t.Errorf("the middle moves from %v to %v, want within ±%v", down, right, reach)
	}
}

func TestAugmentFlip(t *testing.T) {
	for _, s := range imageShapes {
		const n = 400
		m := testkit.NoiseImages(1, s.w, s.h, s.c).Subset(make([]int, n))
		before := flatten(m)
		for _, p := range []float32{0.25, 1} {
			got := augment(t, m, one(func(a *Image) { a.Flip = p }), 1, 1)
			flipped := 0
			for i := range n {
				row, from := got.Row(i), before.Row(i)
				mirrored := make([]float32, len(from))
				for j := range from {
					pixel, line := j/s.c%s.w, j/s.c/s.w
					mirrored[j] = from[(line*s.w+s.w-1-pixel)*s.c+j%s.c]
				}
				switch {
				case slices.Equal(row, mirrored): // also where both are the same
					flipped++
				case !slices.Equal(row, from):
					t.Fatalf("%v: image %d is neither itself nor mirrored", s, i)
				}
			}
			if p == 1 && flipped != n {
				t.Errorf("%v: %d of %d are mirrored, want all", s, flipped, n)
			}
			if p < 1 && s.w > 1 && math.Abs(float64(flipped)-float64(p*n)) > 4*math.Sqrt(0.25*0.75*n) {
				t.Errorf("%v: %d of %d are mirrored", s, flipped, n)
			}
		}
	}
}

// colours returns the mean of a pixel, its distance from grey and its angle about grey in degrees.
func colours(rgb []float32) (mean, distance, angle float64) {
	r, g, b := float64(rgb[0]), float64(rgb[1]), float64(rgb[2])
	u, v := (r-g)/math.Sqrt2, (r+g-2*b)/math.Sqrt(6)
	return (r + g + b) / 3, math.Hypot(u, v), math.Atan2(v, u) * 180 / math.Pi
}

// Saturation, hue and grey change every pixel as documented and nothing else.
func TestAugmentColours(t *testing.T) {
	m := testkit.NoiseImages(1, 4, 4, 3).Subset(make([]int, 300))
	before := flatten(m)
	for _, c := range []struct {
		name    string
		set     func(*Image)
		factors [2]float64 // least and most
		turns   [2]float64
	}{
		{"saturation", func(a *Image) { a.Saturation = 0.5 }, [2]float64{0.5, 1.5}, [2]float64{}},
		{"much saturation", func(a *Image) { a.Saturation = 3 }, [2]float64{0, 4}, [2]float64{}},
		{"hue", func(a *Image) { a.Hue = 30 }, [2]float64{1, 1}, [2]float64{-30, 30}},
		{"grey", func(a *Image) { a.Grey = 0.2 }, [2]float64{0, 1}, [2]float64{}},
	} {
		got := augment(t, m, one(c.set), 1, 1)
		var factors, turns []float64
		greys := 0
		for i := range got.Rows {
			for j := 0; j < got.Cols; j += 3 {
				mean, distance, angle := colours(before.Row(i)[j:])
				mean2, distance2, angle2 := colours(got.Row(i)[j:])
				factor, turn := distance2/distance, math.Remainder(angle2-angle, 360)
				// Three products of numbers below 4, rounded.
				const eps = 12 * 0x1p-24 * 4
				if math.Abs(mean2-mean) > eps {
					t.Fatalf("%s: image %d: mean %v becomes %v", c.name, i, mean, mean2)
				}
				if j == 0 {
					factors = append(factors, factor)
					if factor < eps/distance {
						greys++
					} else {
						turns = append(turns, turn)
					}
				} else if math.Abs(factor-factors[i])*distance > 2*eps+1e-5 {
					t.Fatalf("%s: image %d has factors %v and %v", c.name, i, factors[i], factor)
				}
			}
		}
		slices.Sort(factors)
		slices.Sort(turns)
		near := func(what string, got, want, slack float64) {
			t.Helper()
			if math.Abs(got-want) > slack {
				t.Errorf("%s: %s is %v, want %v", c.name, what, got, want)
			}
		}
		near("least factor", factors[0], c.factors[0], 0.05)
		near("most factor", factors[299], c.factors[1], 0.05)
		near("least turn", turns[0], c.turns[0], 1)
		near("most turn", turns[len(turns)-1], c.turns[1], 1)
		switch c.name {
		case "grey":
			near("greys", float64(greys), 60, 4*math.Sqrt(0.2*0.8*300))
			near("factor of the others", factors[greys], 1, 1e-5)
		case "much saturation": // a third of −2 to 4
			near("greys", float64(greys), 100, 4*math.Sqrt(300*2/9.))
		}
	}
}

func TestAugmentCutOut(t *testing.T) {
	const w, h, n = 20, 10, 500
	m := images.Set{Width: w, Height: h, Channels: 2, Pixels: slices.Repeat([]uint8{255}, w*h*2)}.Subset(make([]int, n))
	got := augment(t, m, one(func(a *Image) { a.CutOut = 0.3 }), 1, 1)
	full := 0
	hit := make([]int, w*h)
	for i := range n {
		left, right, top, bottom, count := w, -1, h, -1, 0
		for j, v := range got.Row(i) {
			switch v {
			case 1:
				continue
			case 0.5:
			default:
				t.Fatalf("image %d has %v", i, v)
			}
			x, y := j/2%w, j/2/w
			left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
			count++
			hit[j/2]++
		}
		if count == 0 || count != 2*(right-left+1)*(bottom-top+1) || right-left+1 > 6 || bottom-top+1 > 3 {
			t.Fatalf("image %d: %d values in columns %d to %d, rows %d to %d", i, count, left, right, top, bottom)
		}
		if right-left+1 == 6 && bottom-top+1 == 3 {
			full++
		}
	}
	if full < n/2 || slices.Min(hit) == 0 {
		t.Errorf("%d of %d rectangles are whole, a pixel is hit %d times", full, n, slices.Min(hit))
	}
}

// Augmentation that is off by default has a random stream of its own: it does not change the
// numbers of the rest, and its parts do not change each other's.
func TestAugmentOptionalDrawsAreApart(t *testing.T) {
	m := testkit.NoiseImages(8, 12, 12, 3)
	turned := augment(t, m, Image{}, 3, 1)
	cut := augment(t, m, Image{CutOut: 0.5}, 3, 1)
	both := augment(t, m, Image{CutOut: 0.5, Flip: 0.0001, Hue: -1}, 3, 1)
	for i, v := range cut.Data {
		if v != 0.5 && v != turned.Data[i] {
			t.Fatalf("value %d is %v, want %v", i, v, turned.Data[i])
		}
	}
	check.SameBits(t, "a flip that does not come", both.Data, cut.Data)
}

// The hashes hold for every level, architecture and number of workers.
func TestAugmentOptionalBits(t *testing.T) {
	want := []string{
		"23aa5c87b4c1a747b69cfc1d024615f180ab94f9c21512d6ce4745d9acdcc059",
		"c96a7f06bf5a71a95c78919a494a872b31ce92755a05367dd6dde4d79324e716",
		"a6bfaa02d36eed6b81b1286cf565c93e88c8c314f78975563d2c1585107a5970",
		"d708f4f73ce28023838185c35f50c3294898c180d6dde519b674e35bff87a299",
	}
	check.EachLevel(t, func(t *testing.T) {
		for i, s := range []struct{ w, h, c int }{{5, 7, 3}, {32, 32, 3}, {28, 28, 1}, {1, 1, 3}} {
			m := testkit.NoiseImages(40, s.w, s.h, s.c)
			a := Image{Crop: 0.2, Flip: 0.5, CutOut: 0.3}
			if s.c == 3 {
				a.Saturation, a.Hue, a.Grey = 0.5, 40, 0.2
			}
			for _, workers := range []int{1, 2, 7} {
				if got := nn.WeightsSHA256(augment(t, m, a, 5, workers).Data); got != want[i] {
					t.Errorf("%v, workers %d: %s, want %s", s, workers, got, want[i])
				}
			}
		}
	})
}

func TestAugmentOptionalRefuses(t *testing.T) {
	m := testkit.NoiseImages(1, 3, 3, 1)
	for _, c := range []struct {
		a    Image
		want string
	}{
		{Image{Crop: 2}, "augmentation: crop is 2, want at most 1"},
		{Image{Flip: 1.5}, "augmentation: flip is 1.5, want at most 1"},
		{Image{Saturation: 11}, "augmentation: saturation is 11, want at most 10"},
		{Image{Hue: 181}, "augmentation: hue is 181, want at most 180"},
		{Image{Grey: float32(math.NaN())}, "augmentation: grey is NaN, want at most 1"},
		{Image{CutOut: 1.1}, "augmentation: cut-out is 1.1, want at most 1"},
		{Image{Hue: 9}, "augmentation: saturation 0, hue 9, grey 0 of images of 1 channels, want 3 channels"},
	} {
		if err := All(simd.NewMatrix(1, 9), m, c.a, 1, 1); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.a, err, c.want)
		}
		if _, err := new(ImageAugmenter).Fill(simd.NewMatrix(2, 9), testkit.NoiseImages(2, 3, 3, 1), []int{0, 1}, c.a, 0, 0, 1); fmt.Sprint(err) != c.want {
			t.Errorf("%+v: %v, want %s", c.a, err, c.want)
		}
	}
}
