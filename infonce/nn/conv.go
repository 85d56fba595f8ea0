package nn

import "github.com/contrast-go/contrast/simd"

// An imageShape is the size of an image. Its numbers are in order of rows from the top, then pixels
// from the left, then channels.
type imageShape struct{ width, height, channels int }

func (f imageShape) pixels() int { return f.width * f.height }
func (f imageShape) size() int   { return f.pixels() * f.channels }
func (f imageShape) row() int    { return f.width * f.channels }

// A conv is a convolution of 3×3 pixels with zero padding.
//
// It is the product of columns, a matrix that has in the row of each output pixel the 9 input
// pixels that it sees (im2col; Chellapilla et al. 2006, section 3), with the weight W, 9·in × out:
//
//	out = columns·W    dW += columnsᵀ·dout    dcolumns = dout·Wᵀ
type conv struct {
	from, to imageShape
	stride   int
}

// taps is the number of input pixels that an output pixel sees.
const taps = 9

// convolved returns the size of the output of a convolution.
func convolved(f imageShape, stride, channels int) imageShape {
	return imageShape{(f.width + stride - 1) / stride, (f.height + stride - 1) / stride, channels}
}

// inner returns the length of a row of columns.
func (c conv) inner() int { return taps * c.from.channels }

// im2col stores the columns of rows [y0, y1) of the output in dst, given the image x.
func (c conv) im2col(dst, x []float32, y0, y1 int) {
	n := 3 * c.from.channels
	for y := y0; y < y1; y++ {
		line := dst[(y-y0)*c.to.width*c.inner():][:c.to.width*c.inner()]
		for ky := range 3 {
			at := ky * n
			if from := y*c.stride + ky - 1; from >= 0 && from < c.from.height {
				c.line(line[at:], x[from*c.from.row():][:c.from.row()])
				continue
			}
			for ; at < len(line); at += c.inner() {
				clear(line[at : at+n])
			}
		}
	}
}

// line stores, for each pixel of a row of the output, the three pixels that it sees in x, a row of
// the input.
func (c conv) line(dst, x []float32) {
	channels, step := c.from.channels, c.inner()
	n := 3 * channels
	for i := range c.to.width {
		d := dst[i*step:][:n]
		lo, hi := (i*c.stride-1)*channels, (i*c.stride+2)*channels
		switch {
		case lo < 0 || hi > len(x):
			from, to := max(lo, 0), min(hi, len(x))
			clear(d[:from-lo])
			copy(d[from-lo:], x[from:to])
			clear(d[to-lo:])
		case n == 3: // too short for a call of copy
			d[0], d[1], d[2] = x[lo], x[lo+1], x[lo+2]
		default:
			copy(d, x[lo:hi])
		}
	}
}

// col2im adds the columns of rows [y0, y1) of the output to the pixels of the image dx that im2col
// took them from.
func (c conv) col2im(dx, columns []float32, y0, y1 int) {
	n, step := 3*c.from.channels, c.inner()
	for y := y0; y < y1; y++ {
		line := columns[(y-y0)*c.to.width*step:][:c.to.width*step]
		for ky := range 3 {
			to := y*c.stride + ky - 1
			if to < 0 || to >= c.from.height {
				continue
			}
			row := dx[to*c.from.row():][:c.from.row()]
			for i := range c.to.width {
				d := line[i*step+ky*n:][:n]
				lo := (i*c.stride - 1) * c.from.channels
				if lo < 0 {
					d, lo = d[-lo:], 0
				}
				part := row[lo:min(lo+len(d), len(row))]
				simd.Add(part, part, d[:len(part)])
			}
		}
	}
}
