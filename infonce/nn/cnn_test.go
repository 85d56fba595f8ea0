package nn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// cnnShapes has sides that are odd or 1, one channel and three, and each option.
var cnnShapes = []struct {
	CNNConfig
	rows int
}{
	{CNNConfig{Width: 5, Height: 7, Channels: 1, Filters: []int{3}, Norm: NoNorm}, 2},
	{CNNConfig{Width: 5, Height: 7, Channels: 3, Filters: []int{4, 5}, Norm: NoNorm, Head: []int{3}}, 3},
	{CNNConfig{Width: 7, Height: 5, Channels: 1, Filters: []int{4, 3}, Norm: NoNorm, Activation: GELU, Body: []int{6}, Head: []int{3}}, 3},
	{CNNConfig{Width: 5, Height: 7, Channels: 3, Filters: []int{4, 5}, Body: []int{4}}, 3},
	{CNNConfig{Width: 6, Height: 4, Channels: 2, Filters: []int{5, 3}, Activation: GELU, Head: []int{4, 3}}, 4},
	{CNNConfig{Width: 5, Height: 7, Channels: 3, Filters: []int{4, 5}, Norm: BatchNorm, Head: []int{3}}, 4},
	{CNNConfig{Width: 7, Height: 5, Channels: 1, Filters: []int{3, 4, 5}, Norm: BatchNorm, Activation: GELU}, 5},
	{CNNConfig{Width: 5, Height: 7, Channels: 1, Filters: []int{4, 3}, Pooling: MaxPooling, Norm: NoNorm}, 3},
	{CNNConfig{Width: 7, Height: 5, Channels: 3, Filters: []int{4, 3}, Pooling: AveragePooling, Activation: GELU}, 3},
	{CNNConfig{Width: 5, Height: 5, Channels: 1, Filters: []int{4, 3}, Pooling: MaxPooling, Norm: BatchNorm, Head: []int{2}}, 4},
	{CNNConfig{Width: 1, Height: 6, Channels: 2, Filters: []int{3, 4}, Strides: []int{2, 1}}, 3},
	{CNNConfig{Width: 4, Height: 1, Channels: 1, Filters: []int{3, 4, 2}, Strides: []int{2, 2, 2}, Norm: NoNorm}, 3},
}

// mustNew returns the CNN of c with biases, scales and shifts that differ from the initial ones.
func (c CNNConfig) mustNew(t testing.TB, seed uint64) *CNN {
	t.Helper()
	m, err := c.New(seed)
	if err != nil {
		t.Fatal(err)
	}
	r := check.NewRand(seed)
	for i := range m.blocks {
		s := &m.blocks[i]
		copy(s.scale, r.Float32s(len(s.scale), 0.5, 1.5))
		copy(s.shift, r.Float32s(len(s.shift), -0.5, 0.5))
	}
	return m
}

// images64 is a batch in float64: sample, row, pixel, channel.
type images64 [][][][]float64

func zeros64(n, height, width, channels int) images64 {
	x := make(images64, n)
	for i := range x {
		x[i] = make([][][]float64, height)
		for y := range x[i] {
			x[i][y] = make([][]float64, width)
			for p := range x[i][y] {
				x[i][y][p] = make([]float64, channels)
			}
		}
	}
	return x
}

// conv64 is a convolution with weight w[ky][kx][in][out] and a bias for each output channel.
func conv64(x images64, stride, channels int, w []float64, bias func(o int) float64) images64 {
	height, width, in := len(x[0]), len(x[0][0]), len(x[0][0][0])
	out := zeros64(len(x), (height+stride-1)/stride, (width+stride-1)/stride, channels)
	for i := range out {
		for y := range out[i] {
			for p := range out[i][y] {
				for o := range channels {
					s := bias(o)
					for ky := range 3 {
						for kx := range 3 {
							fy, fx := y*stride+ky-1, p*stride+kx-1
							if fy < 0 || fy >= height || fx < 0 || fx >= width {
								continue
							}
							for c, v := range x[i][fy][fx] {
								s += v * w[((ky*3+kx)*in+c)*channels+o]
							}
						}
					}
					out[i][y][p][o] = s
				}
			}
		}
	}
	return out
}

// each calls f for each number of the images.
func (x images64) each(f func(i, c int, v *float64)) {
	for i := range x {
		for y := range x[i] {
			for p := range x[i][y] {
				for c := range x[i][y][p] {
					f(i, c, &x[i][y][p][c])
				}
			}
		}
	}
}

// normalize64 normalizes together the numbers for which key returns the same.
func normalize64(x images64, key func(i, c int) int) {
	n, sum, squares := map[int]float64{}, map[int]float64{}, map[int]float64{}
	x.each(func(i, c int, v *float64) { n[key(i, c)]++; sum[key(i, c)] += *v })
	x.each(func(i, c int, v *float64) {
		k := key(i, c)
		*v -= sum[k] / n[k]
		squares[k] += *v * *v
	})
	x.each(func(i, c int, v *float64) { k := key(i, c); *v /= math.Sqrt(squares[k]/n[k] + 1e-5) })
}

// pool64 pools windows of the given height and width.
func pool64(x images64, p Pooling, height, width int) images64 {
	out := zeros64(len(x), (len(x[0])+height-1)/height, (len(x[0][0])+width-1)/width, len(x[0][0][0]))
	for i := range out {
		for y := range out[i] {
			for q := range out[i][y] {
				for c := range out[i][y][q] {
					n, sum, most := 0., 0., math.Inf(-1)
					for fy := y * height; fy < min((y+1)*height, len(x[i])); fy++ {
						for fx := q * width; fx < min((q+1)*width, len(x[i][fy])); fx++ {
							n, sum, most = n+1, sum+x[i][fy][fx][c], max(most, x[i][fy][fx][c])
						}
					}
					out[i][y][q][c] = sum / n
					if p == MaxPooling {
						out[i][y][q][c] = most
					}
				}
			}
		}
	}
	return out
}

// images returns samples as images.
func images(c CNNConfig, samples simd.Matrix) images64 {
	x := zeros64(samples.Rows, c.Height, c.Width, c.Channels)
	for i := range x {
		at := 0
		for y := range c.Height {
			for p := range c.Width {
				for k := range c.Channels {
					x[i][y][p][k] = float64(samples.Row(i)[at])
					at++
				}
			}
		}
	}
	return x
}

// cnn64 is the CNN of c with weights w in float64, in training mode.
func cnn64(c CNNConfig, w []float64, samples simd.Matrix) [][]float64 {
	activate := func(v float64) float64 {
		if c.Activation == GELU {
			return gelu64(v)
		}
		return max(v, 0)
	}
	take := func(n int) []float64 {
		x := w[:n]
		w = w[n:]
		return x
	}
	x := images(c, samples)
	for l, out := range c.Filters {
		weight := take(9 * len(x[0][0][0]) * out)
		if c.Norm == NoNorm {
			bias := take(out)
			x = conv64(x, c.Strides[l], out, weight, func(o int) float64 { return bias[o] })
		} else {
			x = conv64(x, c.Strides[l], out, weight, func(int) float64 { return 0 })
			normalize64(x, func(i, k int) int {
				if c.Norm == BatchNorm {
					return k
				}
				return i
			})
			scale, shift := take(out), take(out)
			x.each(func(_, k int, v *float64) { *v = *v*scale[k] + shift[k] })
		}
		x.each(func(_, _ int, v *float64) { *v = activate(*v) })
		if l+1 < len(c.Filters) && c.Pooling != NoPooling {
			x = pool64(x, c.Pooling, 2, 2)
		}
	}
	x = pool64(x, AveragePooling, len(x[0]), len(x[0][0]))
	widths := slices.Concat(c.Body, c.Head)
	z := make([][]float64, len(x))
	for i := range z {
		z[i] = x[i][0][0]
	}
	for l, out := range widths {
		in := len(z[0])
		weight, bias := take(in*out), take(out)
		for i := range z {
			next := make([]float64, out)
			for o := range next {
				next[o] = bias[o]
				for k, v := range z[i] {
					next[o] += v * weight[o*in+k]
				}
				if l+1 < len(widths) {
					next[o] = activate(next[o])
				}
			}
			z[i] = next
		}
	}
	return z
}

func TestCNNGradient(t *testing.T) {
	for _, c := range cnnShapes {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := check.NewRand(1)
			m := c.mustNew(t, 2)
			in, out := m.Dims()
			x := testkit.Normals(r, c.rows, in)
			// The loss is Σ s·z² with random s.
			s := r.Float32s(c.rows*out, -1, 1)
			z := m.Forward(x)
			dz := simd.NewMatrix(c.rows, out)
			for i := range dz.Data {
				dz.Data[i] = 2 * s[i] * z.Data[i]
			}
			m.Backward(dz)

			w, grad := float64s(m.params.Values), float64s(m.params.Grads)
			for i, row := range cnn64(m.config, w, x) {
				for j, v := range row {
					if got := float64(z.Row(i)[j]); math.Abs(got-v) > 1e-5*(1+math.Abs(v)) {
						t.Fatalf("z[%d][%d] is %v, want %v", i, j, got, v)
					}
				}
			}
			loss := func() (sum float64) {
				for i, row := range cnn64(m.config, w, x) {
					for j, v := range row {
						sum += float64(s[i*out+j]) * v * v
					}
				}
				return sum
			}
			check.Gradient(t, "CNN", loss, w, grad)

			once := slices.Clone(m.params.Grads)
			m.Backward(dz)
			for i, g := range m.params.Grads {
				if d := math.Abs(float64(g - 2*once[i])); d > 1e-5*math.Abs(float64(g))+1e-5 {
					t.Fatalf("gradient %d is %v after the second Backward, want it added to %v", i, g, once[i])
				}
			}
		})
	}
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// cnnOptions has CNNs with more than one piece of work. The last one has more than one group.
var cnnOptions = []CNNConfig{
	{Width: 13, Height: 11, Channels: 3, Filters: []int{7, 10}, Norm: NoNorm, Head: []int{5}},
	{Width: 13, Height: 11, Channels: 1, Filters: []int{7, 10}, Activation: GELU, Head: []int{5}},
	{Width: 13, Height: 11, Channels: 3, Filters: []int{7, 10}, Pooling: MaxPooling, Body: []int{6}, Head: []int{5}},
	{Width: 40, Height: 40, Channels: 1, Filters: []int{40, 1}, Strides: []int{1, 1}}, // columns of a part of a sample
}

// rowsFor returns the number of rows to test m with.
func rowsFor(m *CNN) int {
	if in, _ := m.Dims(); in > 1000 {
		return 5
	}
	return 40
}

func TestCNNOptionsHaveGroups(t *testing.T) {
	m := cnnOptions[len(cnnOptions)-1].mustNew(t, 1)
	s := &m.blocks[1]
	if n := rowsFor(m); s.grouped(n) >= n || s.lines() >= s.to.height {
		t.Errorf("groups of %d, columns of %d lines at a time: want less than %d and %d", s.grouped(n), s.lines(), n, s.to.height)
	}
	if s := &cnnOptions[0].mustNew(t, 1).blocks[0]; s.tile() >= 40 || s.tile() < 2 {
		t.Errorf("pieces of %d samples, want some of 40", s.tile())
	}
}

func TestCNNBitsForAnyWorkers(t *testing.T) {
	counts := []int{1, 2, 3, 7}
	if testing.Short() {
		counts = []int{1, 3}
	}
	options := slices.Clone(cnnOptions)
	for _, c := range cnnOptions[1:3] {
		c.Norm = BatchNorm
		options = append(options, c)
	}
	for _, c := range options {
		var first []float32
		check.EachLevel(t, func(t *testing.T) {
			for _, workers := range counts {
				m := c.mustNew(t, 6)
				m.Workers = workers
				r := check.NewRand(5)
				in, out := m.Dims()
				rows := rowsFor(m)
				x := testkit.Normals(r, rows, in)
				z := slices.Clone(m.Forward(x).Data)
				m.Backward(testkit.Normals(r, rows, out))
				got := slices.Concat(z, m.params.Grads, m.Embed(x).Data, m.Represent(x).Data)
				for _, s := range m.State() {
					got = append(got, s.Data...)
				}
				if first == nil {
					first = got
				}
				check.SameBits(t, fmt.Sprintf("%v, workers %d", c, workers), got, first)
			}
		})
	}
}

// The gradients of consecutive chunks add up to those of the batch, bit for bit.
func TestCNNChunkBits(t *testing.T) {
	for _, c := range cnnOptions {
		r := check.NewRand(8)
		whole := c.mustNew(t, 2)
		in, out := whole.Dims()
		rows := rowsFor(whole)
		x, dz := testkit.Normals(r, rows, in), testkit.Normals(r, rows, out)
		z := slices.Clone(whole.Forward(x).Data)
		whole.Backward(dz)
		check.SameBits(t, "Embed", whole.Embed(x).Data, z)
		check.EachLevel(t, func(t *testing.T) {
			for _, chunk := range []int{3, 39} {
				m := c.mustNew(t, 2)
				for i := 0; i < rows; i += chunk {
					j := min(i+chunk, rows)
					check.SameBits(t, "embedding", m.Forward(x.Slice(i, j)).Data, z[i*out:j*out])
					m.Backward(dz.Slice(i, j))
				}
				check.SameBits(t, fmt.Sprintf("%v, chunks of %d", c, chunk), m.params.Grads, whole.params.Grads)
			}
		})
	}
}
