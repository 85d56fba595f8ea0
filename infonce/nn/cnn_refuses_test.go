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

// The running statistics are those of PyTorch and change in Backward alone. Embed uses them, and
// its result for a row does not depend on other rows.
func TestBatchNormStatistics(t *testing.T) {
	m := CNNConfig{Width: 4, Height: 3, Channels: 2, Filters: []int{3}, Norm: BatchNorm}.mustNew(t, 1)
	s := &m.blocks[0]
	r := check.NewRand(2)
	mean, variance := make([]float64, 3), []float64{1, 1, 1}
	for range 4 {
		x := testkit.Normals(r, 5, 24)
		before := slices.Concat(s.mean, s.variance)
		m.Forward(x)
		check.SameBits(t, "statistics after Forward", slices.Concat(s.mean, s.variance), before)
		out := conv64(images(m.config, x), 1, 3, float64s(s.weight.Data), func(int) float64 { return 0 })
		sum, squares := make([]float64, 3), make([]float64, 3)
		out.each(func(_, c int, v *float64) { sum[c] += *v / 60 })
		out.each(func(_, c int, v *float64) { squares[c] += (*v - sum[c]) * (*v - sum[c]) / 59 })
		for c := range mean {
			mean[c] = 0.9*mean[c] + 0.1*sum[c]
			variance[c] = 0.9*variance[c] + 0.1*squares[c]
		}
		m.Backward(simd.NewMatrix(5, 3))
		for c := range mean {
			if math.Abs(float64(s.mean[c])-mean[c]) > 1e-6 || math.Abs(float64(s.variance[c])-variance[c]) > 1e-6*variance[c] {
				t.Errorf("channel %d: mean %v, variance %v, want %v, %v", c, s.mean[c], s.variance[c], mean[c], variance[c])
			}
		}
	}
	x := testkit.Normals(r, 300, 24) // more than embedRows
	z := slices.Clone(m.Embed(x).Data)
	check.SameBits(t, "Embed again", m.Embed(x).Data, z)
	for _, i := range []int{0, 127, 128, 299} {
		check.SameBits(t, "Embed of a row", m.Embed(x.Slice(i, i+1)).Data, z[3*i:3*i+3])
	}
	out := conv64(images(m.config, x), 1, 3, float64s(s.weight.Data), func(int) float64 { return 0 })
	out.each(func(_, c int, v *float64) {
		*v = (*v-float64(s.mean[c]))/math.Sqrt(float64(s.variance[c])+1e-5)*float64(s.scale[c]) + float64(s.shift[c])
		*v = max(*v, 0)
	})
	for i, image := range pool64(out, AveragePooling, 3, 4) {
		for c, v := range image[0][0] {
			if got := float64(z[3*i+c]); math.Abs(got-v) > 1e-5*(1+math.Abs(v)) {
				t.Fatalf("row %d: embedding %v, want %v", i, got, v)
			}
		}
	}
}

func TestCNNEmptyBatch(t *testing.T) {
	for _, norm := range []Norm{LayerNorm, BatchNorm, NoNorm} {
		m := CNNConfig{Width: 6, Height: 5, Channels: 1, Filters: []int{6, 9}, Norm: norm, Head: []int{2}}.mustNew(t, 3)
		before := fmt.Sprint(m.State())
		z := m.Forward(simd.Matrix{Cols: 30})
		if z.Rows != 0 || z.Cols != 2 {
			t.Errorf("embedding is %d×%d, want 0×2", z.Rows, z.Cols)
		}
		m.Backward(z)
		for i, g := range m.params.Grads {
			if g != 0 {
				t.Errorf("gradient %d is %v, want 0", i, g)
			}
		}
		if after := fmt.Sprint(m.State()); after != before {
			t.Errorf("state %s, want %s", after, before)
		}
		if z := m.Embed(simd.Matrix{Cols: 30}); z.Rows != 0 || z.Cols != 2 {
			t.Errorf("embedding is %d×%d, want 0×2", z.Rows, z.Cols)
		}
	}
}

func TestCNNDefaults(t *testing.T) {
	m, err := CNNConfig{Width: 28, Height: 28, Channels: 1}.New(1)
	if err != nil {
		t.Fatal(err)
	}
	want := CNNConfig{Width: 28, Height: 28, Channels: 1, Filters: []int{24, 48, 96, 192}, Strides: []int{1, 2, 2, 2}}
	if got := fmt.Sprint(m.Config()); got != fmt.Sprint(want) {
		t.Errorf("config %s, want %v", got, want)
	}
	if in, out := m.Dims(); in != 784 || out != 192 {
		t.Errorf("dims %d, %d, want 784, 192", in, out)
	}
	if end := m.blocks[3].to; end != (imageShape{4, 4, 192}) {
		t.Errorf("the last image is %v, want 4×4", end)
	}
	pooled, err := CNNConfig{Width: 28, Height: 28, Channels: 1, Pooling: MaxPooling}.New(1)
	if err != nil {
		t.Fatal(err)
	}
	if end := pooled.blocks[3].to; end != (imageShape{4, 4, 192}) || !slices.Equal(pooled.config.Strides, []int{1, 1, 1, 1}) {
		t.Errorf("with pooling the last image is %v and the strides are %v", end, pooled.config.Strides)
	}
	for _, s := range m.blocks {
		for i, v := range s.scale {
			if v != 1 || s.shift[i] != 0 {
				t.Fatalf("scale %v and shift %v, want 1 and 0", v, s.shift[i])
			}
		}
		bound := math.Sqrt(6 / float64(s.inner()))
		if most := slices.Max(s.weight.Data); float64(most) > bound*(1+1e-7) || float64(most) < bound/2 {
			t.Errorf("the largest weight is %v, want up to %v", most, bound)
		}
	}
}

func TestCNNRefuses(t *testing.T) {
	for _, c := range []struct {
		CNNConfig
		want string
	}{
		{CNNConfig{}, "cnn: image of 0×0×0, want sides of 1 to 16777216"},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Filters: []int{}}, "cnn: 0 filters and 0 strides, want one or more, and as many"},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Filters: []int{2}, Strides: []int{0}}, "cnn: strides [0], want each 1 or 2"},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Norm: 3}, `cnn: norm is 3, want one of ["layer" "batch" "none"]`},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Activation: -1}, `cnn: activation is -1, want one of ["relu" "gelu"]`},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Pooling: globalAverage}, `cnn: pooling is 3, want one of ["none" "max" "average"]`},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Head: []int{0}}, "cnn: width 0, want 1 to 268435456"},
		{CNNConfig{Width: 4, Height: 4, Channels: 1, Filters: []int{1 << 20}, Head: []int{1 << 20}}, "cnn: widths [1048576 1048576] need more than 268435456 parameters"},
		{CNNConfig{Width: 1, Height: 1, Channels: 1, Filters: []int{1 << 24, 9}}, "cnn: filters [16777216 9] need more than 268435456 parameters"},
	} {
		if _, err := c.New(1); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.CNNConfig, err, c.want)
		}
	}
	m := CNNConfig{Width: 4, Height: 3, Channels: 1}.mustNew(t, 1)
	refusesShapes(t, m, 12, 192)
}
