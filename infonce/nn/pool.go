package nn

import "github.com/contrast-go/contrast/simd"

// A Pooling is how a [CNN] halves the images of a block: each 2×2 pixels become one. Windows at the
// right and lower border of an image of odd size have fewer pixels.
type Pooling int

const (
	NoPooling      Pooling = iota // keep all pixels
	MaxPooling                    // the maximum of each channel
	AveragePooling                // the mean of each channel
	globalAverage                 // the mean of each channel over the whole image
)

var poolingNames = []string{"none", "max", "average"}

// String returns "none", "max" or "average".
func (p Pooling) String() string { return nameOf(poolingNames, int(p)) }

// MarshalText returns the name of p, or an error if there is no such pooling.
func (p Pooling) MarshalText() ([]byte, error) {
	return marshalName("pooling", poolingNames, int(p))
}

// UnmarshalText sets p to the pooling of the given name.
func (p *Pooling) UnmarshalText(text []byte) error {
	return unmarshalName("pooling", poolingNames, string(text), (*int)(p))
}

// at returns the channels of pixel (px, py) of x.
func (f imageShape) at(x []float32, px, py int) []float32 {
	i := (py*f.width + px) * f.channels
	return x[i : i+f.channels : i+f.channels]
}

// halve returns half of f, rounded up.
func (f imageShape) halve() imageShape {
	return imageShape{(f.width + 1) / 2, (f.height + 1) / 2, f.channels}
}

// pooled returns the size of the output of p.
func (p Pooling) pooled(f imageShape) imageShape {
	switch p {
	case NoPooling:
		return f
	case globalAverage:
		return imageShape{1, 1, f.channels}
	}
	return f.halve()
}

// pool stores the pooled image x in dst.
func (p Pooling) pool(dst, x []float32, f imageShape, w *scratch) {
	if p == globalAverage {
		sum, _, _ := w.rows(f.row())
		fold(sum, x)
		fold(dst, sum)
		simd.Scale(dst, 1/float32(f.pixels()), dst)
		return
	}
	half := f.halve()
	for y := range half.height {
		for x0 := range half.width {
			out := half.at(dst, x0, y)
			n := 0
			for py := 2 * y; py < min(2*y+2, f.height); py++ {
				for px := 2 * x0; px < min(2*x0+2, f.width); px++ {
					in := f.at(x, px, py)
					switch {
					case n == 0:
						copy(out, in)
					case p == MaxPooling:
						for c, v := range in {
							out[c] = max(out[c], v)
						}
					default:
						simd.Add(out, out, in)
					}
					n++
				}
			}
			if p == AveragePooling {
				simd.Scale(out, 1/float32(n), out) // n is a power of two
			}
		}
	}
}

// unpool stores the gradient with respect to x in d, given dout, that with respect to out, the
// output of pool.
func (p Pooling) unpool(d, dout, x, out []float32, f imageShape) {
	if p == globalAverage {
		simd.Scale(d[:f.channels], 1/float32(f.pixels()), dout)
		replicate(d[f.channels:], d[:f.channels])
		return
	}
	half := f.halve()
	for y := range half.height {
		for x0 := range half.width {
			g, most := half.at(dout, x0, y), half.at(out, x0, y)
			var window [4]int
			n := 0
			for py := 2 * y; py < min(2*y+2, f.height); py++ {
				for px := 2 * x0; px < min(2*x0+2, f.width); px++ {
					window[n] = (py*f.width + px) * f.channels
					n++
				}
			}
			if p == MaxPooling {
				unpoolMax(d, g, x, most, window[:n])
				continue
			}
			for _, at := range window[:n] {
				simd.Scale(d[at:at+f.channels], 1/float32(n), g)
			}
		}
	}
}

// unpoolMax gives the gradient of the maximum of a window to the first number that attains it.
func unpoolMax(d, g, x, most []float32, window []int) {
	for c, m := range most {
		left := g[c]
		for _, at := range window {
			d[at+c] = 0
			if x[at+c] == m {
				d[at+c], left = left, 0
			}
		}
	}
}
