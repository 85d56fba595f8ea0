package augment

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/internal/random"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// none changes nothing.
var none = Image{Rotation: -1, Scale: -1, Shear: -1, Shift: -1, Blur: -1, Contrast: -1, Brightness: -1, Noise: -1}

func flatten(m images.Set) simd.Matrix {
	x := simd.NewMatrix(m.Len(), m.Width*m.Height*m.Channels)
	Flatten(x, m)
	return x
}

func augment(t testing.TB, m images.Set, a Image, seed uint64, workers int) simd.Matrix {
	t.Helper()
	x := simd.NewMatrix(m.Len(), m.Width*m.Height*m.Channels)
	if err := All(x, m, a, seed, workers); err != nil {
		t.Fatal(err)
	}
	return x
}

var imageShapes = []struct{ w, h, c int }{{28, 28, 1}, {1, 1, 1}, {1, 9, 1}, {9, 1, 1}, {5, 7, 3}, {32, 32, 3}, {2, 2, 1}}

func TestAugmentNothing(t *testing.T) {
	for _, s := range imageShapes {
		m := testkit.NoiseImages(5, s.w, s.h, s.c)
		check.SameBits(t, fmt.Sprint(s), augment(t, m, none, 1, 1).Data, flatten(m).Data)
	}
}

// The hashes hold for every level, architecture and number of workers.
func TestAugmentBits(t *testing.T) {
	want := []string{
		"6f4a4728dfb97ee31def81734ff848c6929299c1dd4e3bfb9bfa8ff73210afe3",
		"08eb375bf6fa3c3ba1f0e4e2d486a55e0272967ff12a2dc6cd7f93a942400148",
		"09d3d9526aa19da493fbaad7601d97dc090f141a61ca33fdc197529f38c6b8ad",
		"ccb00ed9797af2e162e732d9bb29fef6620450dc80037b56cb0b5a135d704773",
		"02179a8ae0a54945b0fed81d5dd9e0001227ddadc9f4d6fb2f737c45b95a75af",
		"aa30c0748d3dfb4551aac9fecd6eb32c8c740649399d1b3f897c0a2f3db8aa87",
		"0b05e182fa2b311ebffb1b078780a6d1f246e62f6dd0c4f35d5f18660e03e4c8",
	}
	check.EachLevel(t, func(t *testing.T) {
		for i, s := range imageShapes {
			m := testkit.NoiseImages(40, s.w, s.h, s.c)
			for _, workers := range []int{1, 2, 7} {
				if got := nn.WeightsSHA256(augment(t, m, Image{}, 5, workers).Data); got != want[i] {
					t.Errorf("%v, workers %d: %s, want %s", s, workers, got, want[i])
				}
			}
		}
	})
}

// one returns none with one strength set.
func one(set func(*Image)) Image {
	a := none
	set(&a)
	return a
}

// Each strength changes what it documents and nothing else.
func TestAugmentStrengths(t *testing.T) {
	const size = 21
	// An image that starts at 10 and rises along columns, and faster along rows.
	ramp := images.Set{Width: size, Height: size, Channels: 1}
	for y := range size {
		for x := range size {
			ramp.Pixels = append(ramp.Pixels, uint8(10+3*x+5*y))
		}
	}
	ramp = ramp.Subset(make([]int, 200))
	before := flatten(ramp)
	const dx, dy = 3. / 255, 5. / 255

	// slope fits value ≈ a + b·x + c·y to the middle of a view.
	slope := func(v []float32) (a, b, c float64) {
		at := func(x, y int) float64 { return float64(v[y*size+x]) }
		return at(10, 10), (at(13, 10) - at(7, 10)) / 6, (at(10, 13) - at(10, 7)) / 6
	}
	near := func(t *testing.T, what string, got, lo, hi float64) {
		t.Helper()
		if !(got >= lo && got <= hi) {
			t.Errorf("%s is %v, want %v to %v", what, got, lo, hi)
		}
	}
	const eps = 2e-3 // points and weights are rounded to 1/256 of a pixel at ±3 pixels

	t.Run("rotation", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Rotation = 30 }), 1, 1)
		var least, most float64
		for i := range m.Rows {
			a, b, c := slope(m.Row(i))
			near(t, "middle", a, float64(before.Row(i)[10*size+10])-eps, float64(before.Row(i)[10*size+10])+eps)
			near(t, "length of the gradient", math.Hypot(b, c), math.Hypot(dx, dy)-eps/3, math.Hypot(dx, dy)+eps/3)
			turn := math.Atan2(c, b) - math.Atan2(dy, dx)
			least, most = min(least, turn), max(most, turn)
		}
		near(t, "most", most*180/math.Pi, 25, 32)
		near(t, "least", least*180/math.Pi, -32, -25)
	})
	t.Run("scale", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Scale = 0.5 }), 1, 1)
		var least, most float64
		for i := range m.Rows {
			_, b, c := slope(m.Row(i))
			near(t, "ratio of the slopes", c/b, 5./3-0.15, 5./3+0.15)
			least, most = min(least, math.Log(dx/b)), max(most, math.Log(dx/b))
		}
		near(t, "most", math.Exp(most), 1.4, 1.6)
		near(t, "least", math.Exp(least), 0.45, 0.6)
	})
	t.Run("shear", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Shear = 0.5 }), 1, 1)
		var least, most float64
		for i := range m.Rows {
			_, b, c := slope(m.Row(i))
			near(t, "slope along a row", b, dx-eps/3, dx+eps/3)
			least, most = min(least, (c-dy)/dx), max(most, (c-dy)/dx)
		}
		near(t, "most", most, 0.4, 0.6)
		near(t, "least", least, -0.6, -0.4)
	})
	t.Run("shift", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Shift = 0.2 }), 1, 1)
		var least, most float64
		for i := range m.Rows {
			a, b, c := slope(m.Row(i))
			near(t, "slope along a row", b, dx-eps/3, dx+eps/3)
			near(t, "slope along a column", c, dy-eps/3, dy+eps/3)
			d := a - float64(before.Row(i)[10*size+10])
			least, most = min(least, d), max(most, d)
		}
		reach := 0.2 * size * (dx + dy)
		near(t, "most", most, 0.6*reach, reach+eps)
		near(t, "least", least, -reach-eps, -0.6*reach)
	})
	t.Run("contrast", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Contrast = 0.5 }), 1, 1)
		var least, most float64 = 1, 1
		for i := range m.Rows {
			a, b, c := slope(m.Row(i))
			near(t, "ratio of the slopes", c/b, 5./3-1e-4, 5./3+1e-4)
			factor := b / dx
			near(t, "middle", a, 0.5+factor*(float64(before.Row(i)[10*size+10])-0.5)-1e-5, 0.5+factor*(float64(before.Row(i)[10*size+10])-0.5)+1e-5)
			least, most = min(least, factor), max(most, factor)
		}
		near(t, "most", most, 1.45, 1.5)
		near(t, "least", least, 0.5, 0.55)
	})
	t.Run("brightness", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Brightness = 0.25 }), 1, 1)
		var least, most float64
		for i := range m.Rows {
			d := float64(m.Row(i)[0] - before.Row(i)[0])
			for j, v := range m.Row(i) {
				near(t, "difference", float64(v-before.Row(i)[j]), d-1e-6, d+1e-6)
			}
			least, most = min(least, d), max(most, d)
		}
		near(t, "most", most, 0.23, 0.25)
		near(t, "least", least, -0.25, -0.23)
	})
	t.Run("noise", func(t *testing.T) {
		m := augment(t, ramp, one(func(a *Image) { a.Noise = 0.25 }), 1, 1)
		var most, mean float64
		for i := range m.Rows {
			var sum, squares float64
			for j, v := range m.Row(i) {
				d := float64(v - before.Row(i)[j])
				sum += d
				squares += d * d
			}
			most = max(most, math.Sqrt(squares/size/size))
			mean += sum
		}
		near(t, "largest deviation", most, 0.22, 0.26)
		// The mean of 88,200 numbers of deviation 0.25/√3 or less on average.
		near(t, "mean", mean/float64(len(m.Data)), -4*0.15/297, 4*0.15/297)
	})
}

// The kernel preserves a constant and spreads a point as documented.
func TestBlur(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		var p imageWorker
		const w, h, c = 7, 5, 2
		x, y := make([]float32, w*h*c), make([]float32, w*h*c)
		at := func(col, row, channel int) *float32 { return &x[(row*w+col)*c+channel] }
		for i := range x {
			x[i] = 3
		}
		p.blur(x, y, w*c, c, 0.6)
		for i, v := range x {
			if math.Abs(float64(v-3)) > 1e-6 {
				t.Fatalf("constant 3 becomes %v at %d", v, i)
			}
		}

		const s = 0.18 // 0.6²/2
		clear(x)
		*at(3, 2, 1), *at(0, 0, 0) = 1, 1
		p.blur(x, y, w*c, c, 0.6)
		kernel := func(d int) float64 {
			switch d {
			case 0:
				return 1 - 2*s
			case 1, -1:
				return s
			}
			return 0
		}
		edge := func(d int) float64 { // a point at the border keeps what would fall outside
			return kernel(d) + kernel(d+1)
		}
		for row := range h {
			for col := range w {
				inner, corner := kernel(col-3)*kernel(row-2), 0.0
				if col < 2 && row < 2 {
					corner = edge(col) * edge(row)
				}
				if got := float64(*at(col, row, 1)); math.Abs(got-inner) > 1e-6 {
					t.Errorf("point at %d, %d: %v, want %v", col, row, got, inner)
				}
				if got := float64(*at(col, row, 0)); math.Abs(got-corner) > 1e-6 {
					t.Errorf("corner at %d, %d: %v, want %v", col, row, got, corner)
				}
			}
		}
	})
}

// Turning one strength off does not change the random numbers of the others.
func TestAugmentDrawsAreApart(t *testing.T) {
	m := testkit.NoiseImages(8, 12, 12, 1)
	a := augment(t, m, one(func(a *Image) { a.Brightness = 0.5; a.Rotation = 20 }), 3, 1)
	b := augment(t, m, one(func(a *Image) { a.Rotation = 20 }), 3, 1)
	for i := range a.Rows {
		d := a.Row(i)[0] - b.Row(i)[0]
		for j, v := range a.Row(i) {
			if math.Abs(float64(v-b.Row(i)[j]-d)) > 1e-6 {
				t.Fatalf("image %d: pixel %d differs by %v, pixel 0 by %v", i, j, v-b.Row(i)[j], d)
			}
		}
	}
}

func TestAugmentDiffers(t *testing.T) {
	m := testkit.NoiseImages(1, 9, 9, 1).Subset([]int{0, 0})
	a, b := augment(t, m, Image{}, 1, 1), augment(t, m, Image{}, 2, 1)
	if slices.Equal(a.Row(0), a.Row(1)) {
		t.Error("two rows of one image are equal")
	}
	if slices.Equal(a.Row(0), b.Row(0)) {
		t.Error("two seeds give the same view")
	}
}

func TestAugmentRefuses(t *testing.T) {
	m := testkit.NoiseImages(1, 3, 3, 1)
	for _, c := range []struct {
		a    Image
		want string
	}{
		{Image{Scale: 1}, "augmentation: scale is 1, want at most 0.9"},
		{Image{Blur: 0.8}, "augmentation: blur is 0.8, want at most 0.7"},
		{Image{Rotation: float32(math.NaN())}, "augmentation: rotation is NaN, want at most 360"},
		{Image{Noise: float32(math.Inf(1))}, "augmentation: noise is +Inf, want at most 10"},
	} {
		if err := All(simd.NewMatrix(1, 9), m, c.a, 1, 1); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.a, err, c.want)
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := make(map[uint64][4]int)
	var s random.Stream
	for seed := range 4 {
		for purpose := range random.ForViewOptional + 1 {
			for a := -1; a < 30; a++ {
				for b := range 30 {
					s.Seed(uint64(seed), uint64(purpose), a, b)
					u := s.Uint64()
					if was, ok := seen[u]; ok {
						t.Fatalf("streams %v and %v begin alike", was, [4]int{seed, purpose, a, b})
					}
					seen[u] = [4]int{seed, purpose, a, b}
				}
			}
		}
	}
}
