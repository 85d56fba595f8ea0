package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

var mlpShapes = []struct {
	MLPConfig
	rows int
}{
	{MLPConfig{Body: []int{3, 2}}, 1},
	{MLPConfig{Body: []int{5, 7, 4}}, 9},
	{MLPConfig{Body: []int{6, 9}, Head: []int{3}}, 5},
	{MLPConfig{Body: []int{7, 11, 6}, Head: []int{8, 5}}, 13},
	{MLPConfig{Body: []int{2, 49}, Head: []int{3}}, 49}, // more than one piece of rows and of weights
	{MLPConfig{Body: []int{5, 7, 4}, Activation: GELU}, 9},
	{MLPConfig{Body: []int{7, 11, 6}, Head: []int{300, 5}, Activation: GELU}, 50}, // more than one block of GELU
	{MLPConfig{Body: []int{4, 4}, Residual: true}, 5},
	{MLPConfig{Body: []int{5, 9, 5}, Residual: true, Activation: GELU}, 49},
	{MLPConfig{Body: []int{4, 6, 4}, Head: []int{5, 3}, Residual: true}, 50},
}

// mustNew returns the MLP of c with biases that are not 0 and, if it is a residual, a last layer of
// the body that is not 0.
func (c MLPConfig) mustNew(t testing.TB, seed uint64) *MLP {
	t.Helper()
	m, err := c.New(seed)
	if err != nil {
		t.Fatal(err)
	}
	r := check.NewRand(seed)
	copy(m.layers[0].bias, r.Float32s(len(m.layers[0].bias), -0.5, 0.5))
	for _, l := range m.layers {
		if l.residual {
			copy(l.weight.Data, r.Float32s(len(l.weight.Data), -0.5, 0.5))
		}
	}
	return m
}

func mustMLP(t testing.TB, seed uint64, body, head []int) *MLP {
	t.Helper()
	m, err := NewMLP(seed, body, head)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forward64 is the MLP with weights w in float64, for one sample.
func forward64(m *MLP, w []float64, x []float32) []float64 {
	a := make([]float64, len(x))
	for i, v := range x {
		a[i] = float64(v)
	}
	widths := slices.Concat(m.config.Body, m.config.Head)
	first := a
	for l := 1; l < len(widths); l++ {
		in, out := widths[l-1], widths[l]
		b := w[in*out:]
		next := make([]float64, out)
		for o := range next {
			s := b[o]
			for i, v := range a {
				s += w[o*in+i] * v
			}
			switch {
			case m.config.Residual && l == len(m.config.Body)-1:
				s += first[o]
			case l+1 == len(widths):
			case m.config.Activation == GELU:
				s = gelu64(s)
			default:
				s = math.Max(s, 0)
			}
			next[o] = s
		}
		a, w = next, b[out:]
	}
	return a
}

// gelu64 is GELU with tanh, as Hendrycks and Gimpel write it.
func gelu64(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func TestMLPGradient(t *testing.T) {
	for _, c := range mlpShapes {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := check.NewRand(1)
			m := c.mustNew(t, 2)
			x := testkit.Normals(r, c.rows, c.Body[0])
			_, out := m.Dims()
			// The loss is Σ s·z² / rows with random s.
			s := r.Float32s(c.rows*out, -1, 1)
			z := m.Forward(x)
			dz := simd.NewMatrix(c.rows, out)
			for i := range dz.Data {
				dz.Data[i] = 2 * s[i] * z.Data[i] / float32(c.rows)
			}
			m.Backward(dz)

			w := make([]float64, len(m.params.Values))
			grad := make([]float64, len(w))
			for i := range w {
				w[i], grad[i] = float64(m.params.Values[i]), float64(m.params.Grads[i])
			}
			loss := func() float64 {
				var sum float64
				for i := range c.rows {
					for j, v := range forward64(m, w, x.Row(i)) {
						sum += float64(s[i*out+j]) * v * v
					}
				}
				return sum / float64(c.rows)
			}
			check.Gradient(t, "MLP", loss, w, grad)

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

func geluScalar(x float32) float32 {
	return x / (1 + scalar.Exp(-x*(geluA+float32(geluB*float32(x*x)))))
}

// Each element is one chain of fused multiply-adds that starts with the bias.
func TestMLPForwardBits(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range mlpShapes {
			r := check.NewRand(3)
			m := c.mustNew(t, 4)
			x := testkit.Normals(r, c.rows, c.Body[0])
			want := x
			for i, l := range m.layers {
				out := simd.NewMatrix(c.rows, l.weight.Rows)
				for i := range out.Rows {
					for o := range out.Cols {
						s := l.bias[o]
						for k, v := range want.Row(i) {
							s = scalar.FMA(v, l.weight.Row(o)[k], s)
						}
						switch {
						case l.residual:
							s += x.Row(i)[o]
						case !l.active:
						case c.Activation == GELU:
							s = geluScalar(s)
						default:
							s = max(s, 0)
						}
						out.Row(i)[o] = s
					}
				}
				want = out
				if i == len(m.config.Body)-2 {
					check.SameBits(t, "Represent", m.Represent(x).Data, want.Data)
				}
			}
			check.SameBits(t, "Forward", m.Forward(x).Data, want.Data)
			check.SameBits(t, "Embed", m.Embed(x).Data, want.Data)
		}
	})
}

func TestMLPBitsForAnyWorkers(t *testing.T) {
	var first []float32
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 7} {
			r := check.NewRand(5)
			m := mustMLP(t, 6, []int{33, 150, 101}, []int{50, 7})
			m.Workers = workers
			x := testkit.Normals(r, 207, 33)
			z := m.Forward(x)
			m.Backward(testkit.Normals(r, 207, 7))
			got := slices.Concat(z.Data, m.params.Grads)
			if first == nil {
				first = got
			}
			check.SameBits(t, fmt.Sprintf("workers %d", workers), got, first)
		}
	})
}

func TestMLPTensors(t *testing.T) {
	m := mustMLP(t, 1, []int{5, 4, 3}, []int{2})
	at := 0
	var got []string
	for _, p := range m.Params().Tensors {
		got = append(got, fmt.Sprint(p.Name, p.Shape))
		if &p.Values[0] != &m.Params().Values[at] || &p.Grads[0] != &m.Params().Grads[at] {
			t.Errorf("%s is not at %d of the blocks", p.Name, at)
		}
		at += len(p.Values)
	}
	want := "encoder.0.weight[4 5] encoder.0.bias[4] encoder.1.weight[3 4] encoder.1.bias[3] head.0.weight[2 3] head.0.bias[2]"
	if strings.Join(got, " ") != want {
		t.Errorf("tensors %s, want %s", got, want)
	}
	if at != len(m.Params().Values) {
		t.Errorf("tensors have %d elements, want all %d", at, len(m.Params().Values))
	}
	if in, out := m.Dims(); in != 5 || out != 2 {
		t.Errorf("dims %d, %d, want 5, 2", in, out)
	}
	if c := m.Config(); !slices.Equal(c.Body, []int{5, 4, 3}) || !slices.Equal(c.Head, []int{2}) {
		t.Errorf("config %v", c)
	}
}

func TestMLPInit(t *testing.T) {
	a, b := mustMLP(t, 1, []int{50, 400}, nil), mustMLP(t, 1, []int{50, 400}, []int{30})
	check.SameBits(t, "body with and without a head", a.layers[0].weight.Data, b.layers[0].weight.Data)
	bound := math.Sqrt(6. / 50)
	var sum, squares float64
	for _, w := range a.layers[0].weight.Data {
		if math.Abs(float64(w)) > bound*(1+1e-7) {
			t.Fatalf("weight %v, want within ±%v", w, bound)
		}
		sum += float64(w)
		squares += float64(w) * float64(w)
	}
	// 20,000 weights: the mean and the variance are within 4 standard errors.
	n := float64(len(a.layers[0].weight.Data))
	if mean, limit := sum/n, 4*bound/math.Sqrt(3*n); math.Abs(mean) > limit {
		t.Errorf("mean %v, want within ±%v", mean, limit)
	}
	if v := squares / n * 25; math.Abs(v-1) > 4*math.Sqrt(0.8/n) {
		t.Errorf("variance is %v of 2/in", v)
	}
	for _, v := range a.layers[0].bias {
		if v != 0 {
			t.Fatalf("bias %v, want 0", v)
		}
	}
	if c := mustMLP(t, 2, []int{50, 400}, nil); slices.Equal(c.params.Values, a.params.Values) {
		t.Error("another seed gives the same weights")
	}
}

// An adapter starts as the identity and can move away from it.
func TestMLPResidualBeginsAsIdentity(t *testing.T) {
	m, err := MLPConfig{Body: []int{5, 8, 5}, Residual: true}.New(1)
	if err != nil {
		t.Fatal(err)
	}
	x := testkit.Normals(check.NewRand(2), 7, 5)
	check.SameBits(t, "embedding", m.Forward(x).Data, x.Data)
	m.Backward(x)
	var sum float32
	for _, g := range m.layers[1].dweight.Data {
		sum += g * g
	}
	if sum == 0 {
		t.Error("the last layer gets no gradient")
	}
	plain := mustMLP(t, 1, []int{5, 8, 5}, nil)
	check.SameBits(t, "first layer", m.layers[0].weight.Data, plain.layers[0].weight.Data)
}

// A rectifier that turned NaN into 0 would hide that a run has diverged.
func TestMLPKeepsNaN(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		m := mustMLP(t, 1, []int{4, 9, 5}, []int{3})
		x := simd.NewMatrix(2, 4)
		x.Row(1)[2] = float32(math.NaN())
		z := m.Forward(x)
		for j := range z.Cols {
			if v := z.Row(0)[j]; v != v {
				t.Errorf("z[0][%d] is NaN, want it in row 1 only", j)
			}
			if v := z.Row(1)[j]; v == v {
				t.Errorf("z[1][%d] is %v, want NaN", j, v)
			}
		}
	})
}

func TestMLPEmptyBatch(t *testing.T) {
	m := mustMLP(t, 1, []int{4, 3}, []int{2})
	z := m.Forward(simd.Matrix{Cols: 4})
	if z.Rows != 0 || z.Cols != 2 {
		t.Errorf("embedding is %d×%d, want 0×2", z.Rows, z.Cols)
	}
	m.Backward(z)
	for i, g := range m.params.Grads {
		if g != 0 {
			t.Errorf("gradient %d is %v, want 0", i, g)
		}
	}
}

func TestMLPRefuses(t *testing.T) {
	for _, c := range []struct {
		body, head []int
		want       string
	}{
		{nil, nil, "mlp: body has widths [], want those of the input and of a layer or more"},
		{[]int{4}, []int{3}, "mlp: body has widths [4], want those of the input and of a layer or more"},
		{[]int{4, 0}, nil, "mlp: width 0, want 1 to 268435456"},
		{[]int{4, 2}, []int{-1}, "mlp: width -1, want 1 to 268435456"},
		{[]int{1 << 28, 2}, nil, "mlp: widths [268435456 2] need more than 268435456 parameters"},
		{[]int{1 << 27, 1 << 28}, nil, "mlp: widths [134217728 268435456] need more than 268435456 parameters"},
	} {
		if _, err := NewMLP(1, c.body, c.head); err == nil || err.Error() != c.want {
			t.Errorf("NewMLP(%v, %v): %v, want %s", c.body, c.head, err, c.want)
		}
	}
	for _, c := range []struct {
		MLPConfig
		want string
	}{
		{MLPConfig{Body: []int{4, 3}, Residual: true}, "mlp: body has widths [4 3], want the last to be the first of a residual"},
		{MLPConfig{Body: []int{4, 3}, Activation: 2}, `mlp: activation is 2, want one of ["relu" "gelu"]`},
	} {
		if _, err := c.New(1); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.MLPConfig, err, c.want)
		}
	}

	m := mustMLP(t, 1, []int{4, 3}, []int{2})
	refusesShapes(t, m, 4, 2)
}

// The gradients of consecutive chunks add up to those of the batch, bit for bit, even when sums are
// longer than the blocks of a product.
func TestMLPChunkBits(t *testing.T) {
	const rows = 1700
	r := check.NewRand(8)
	x, dz := testkit.Normals(r, rows, 5), testkit.Normals(r, rows, 3)
	for _, c := range []MLPConfig{
		{Body: []int{5, 9}, Head: []int{3}},
		{Body: []int{5, 9, 5}, Head: []int{3}, Residual: true, Activation: GELU},
	} {
		whole := c.mustNew(t, 2)
		whole.Forward(x)
		whole.Backward(dz)
		check.EachLevel(t, func(t *testing.T) {
			for _, chunk := range []int{53, 767, 768, 769, rows} {
				m := c.mustNew(t, 2)
				for i := 0; i < rows; i += chunk {
					j := min(i+chunk, rows)
					m.Forward(x.Slice(i, j))
					m.Backward(dz.Slice(i, j))
				}
				check.SameBits(t, fmt.Sprintf("%v, chunks of %d", c, chunk), m.params.Grads, whole.params.Grads)
			}
		})
	}
}

func TestClone(t *testing.T) {
	m := mustMLP(t, 1, []int{5, 4}, []int{3})
	m.Workers = 3
	c := m.Clone()
	if got := c.Config(); !slices.Equal(got.Body, m.config.Body) || !slices.Equal(got.Head, m.config.Head) || c.Workers != 3 {
		t.Errorf("config %v, %d workers", got, c.Workers)
	}
	check.SameBits(t, "weights", c.params.Values, m.params.Values)
	x := testkit.Normals(check.NewRand(1), 6, 5)
	want := slices.Clone(m.Forward(x).Data)
	check.SameBits(t, "embedding", c.Forward(x).Data, want)
	clear(m.params.Values)
	check.SameBits(t, "embedding, the first being changed", c.Forward(x).Data, want)
}
