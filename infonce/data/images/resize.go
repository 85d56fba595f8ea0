package images

import (
	"math"
)

// weightBits are the fractional bits of the weights of pixels. Over one axis, a sum of pixels times
// weights fits 32 bits: the absolute weights sum to less than 2.
const weightBits = 11

// A taps is what a pixel of a scaled axis is made of: the pixels that start at first, times
// weights, whose sum is 1<<weightBits.
type taps struct {
	first   int
	weights []int32
}

// catmullRom returns the weight of a pixel at a distance (Catmull and Rom 1974, with a = −1/2).
func catmullRom(x float64) float64 {
	x = math.Abs(x)
	square := float64(x * x)
	cube := float64(square * x)
	switch {
	case x < 1:
		return float64(1.5*cube) - float64(2.5*square) + 1
	case x < 2:
		return float64(2.5*square) - float64(0.5*cube) - float64(4*x) + 2
	}
	return 0
}

// scaleTaps returns the taps of the n pixels that an axis of size pixels is scaled to. Where the
// axis shrinks, the kernel widens by the same factor.
func scaleTaps(n, size int) []taps {
	scale := float64(size) / float64(n)
	wide := max(1, scale)
	all := make([]taps, n)
	for i := range all {
		center := float64((float64(i)+0.5)*scale) - 0.5
		first := max(0, int(math.Ceil(center-float64(2*wide))))
		last := min(size-1, int(math.Floor(center+float64(2*wide))))
		sum := 0.0
		for k := first; k <= last; k++ {
			sum += catmullRom((float64(k) - center) / wide)
		}
		t := taps{first, make([]int32, last-first+1)}
		// Each weight takes over what rounding the ones before lost, so that the sum is exact.
		done, given := 0.0, int32(0)
		for k := range t.weights {
			done += catmullRom((float64(first+k)-center)/wide) / sum
			upTo := int32(math.Floor(float64(done*(1<<weightBits)) + 0.5))
			t.weights[k], given = upTo-given, upTo
		}
		all[i] = t
	}
	return all
}

// resize stores the picture in dst, scaled to width and height. Everything that depends on pixels
// is computed in integers, so that the result is the same everywhere.
func resize(dst []uint8, width, height int, r *rowReader) {
	channels := r.channels
	stride := width * channels
	if r.width == width && r.height == height {
		for y := range height {
			r.read(dst[y*stride:(y+1)*stride], y)
		}
		return
	}
	across, down := scaleTaps(width, r.width), scaleTaps(height, r.height)
	row := make([]uint8, r.width*channels)
	sums := make([]int32, r.width*channels) // of the rows that one of dst is made of
	for y, t := range down {
		clear(sums)
		for k, w := range t.weights {
			r.read(row, t.first+k)
			for i, v := range row {
				sums[i] += w * int32(v)
			}
		}
		for x, t := range across {
			for c := range channels {
				sum := int64(1) << (2*weightBits - 1) // a half, to round
				for k, w := range t.weights {
					sum += int64(w) * int64(sums[(t.first+k)*channels+c])
				}
				dst[y*stride+x*channels+c] = uint8(max(0, min(sum>>(2*weightBits), 255)))
			}
		}
	}
}
