package train

import (
	"errors"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// testImages returns n images of 6×5 pixels, a bright bar each whose place depends
// on the class and whose pixels are noisy.
func testImages(n, classes int) data.Images {
	r := check.NewRand(7)
	m := data.Images{Width: 6, Height: 5, Channels: 1}
	for i := range n {
		class := i % classes
		m.Labels = append(m.Labels, class)
		for p := range 30 {
			v := r.IntN(60)
			if p%classes == class {
				v += 150
			}
			m.Pixels = append(m.Pixels, uint8(v))
		}
	}
	return m
}

// tiny returns a trainer of a small MLP on small images, all new.
func tiny(t testing.TB, dir string, workers int) *Trainer {
	t.Helper()
	m, err := NewMLP(3, []int{30, 12, 10}, []int{8, 4})
	if err != nil {
		t.Fatal(err)
	}
	m.Workers = workers
	return &Trainer{
		Encoder:   m,
		Loss:      &infonce.NTXent{Workers: workers},
		Optimizer: &AdamW{Decay: 0.01, Workers: workers},
		Schedule:  Cosine{Peak: 0.01, Floor: 0.001, Warmup: 3, Steps: 20},
		Source:    &Views{Images: testImages(40, 5), Seed: 9, Workers: workers},
		Batch:     12,
		Steps:     20,
		Dir:       dir,
		Config:    `{"seed":9}`,
	}
}

// withMemory makes t one of MoCo.
func withMemory(t *Trainer, size int) {
	m := t.Encoder.(*MLP)
	t.Loss = &infonce.InfoNCE{Temperature: 0.2, Workers: m.Workers}
	t.Keys = &MomentumEncoder{Encoder: m.Clone(), Momentum: 0.9, Workers: m.Workers}
	t.Memory = &Queue{Size: size}
}

// learnTemperature makes t learn that of NT-Xent or InfoNCE.
func learnTemperature(t *Trainer) {
	switch l := t.Loss.(type) {
	case *infonce.NTXent:
		l.Temperature = 0.5
		t.Scale = &LogScale{Temperature: &l.Temperature}
	case *infonce.InfoNCE:
		t.Scale = &LogScale{Temperature: &l.Temperature}
	}
}

// A lossFunc is a loss of its embeddings that writes the gradient as well.
type lossFunc func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error)

func (f lossFunc) Evaluate(b infonce.Batch, grad *infonce.Batch, scale float32) (infonce.Result, error) {
	return f(b, grad)
}

// A sourceFunc is a source without labels.
type sourceFunc func(step int, x simd.Matrix)

func (f sourceFunc) Next(step int, x simd.Matrix) ([]int, error) {
	f(step, x)
	return nil, nil
}

func randomMatrix(r *check.Rand, rows, cols int) simd.Matrix {
	m := simd.NewMatrix(rows, cols)
	copy(m.Data, r.Normals32(rows*cols))
	return m
}

// panicsOnShape holds f to a panic with a *simd.ShapeError.
func panicsOnShape(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		err, ok := recover().(error)
		var shape *simd.ShapeError
		if !ok || !errors.As(err, &shape) {
			t.Errorf("%s: no panic with a *simd.ShapeError", name)
		}
	}()
	f()
}

// refusesShapes holds m, which turns rows of in numbers into embeddings of out, to panics with a *simd.ShapeError.
func refusesShapes(t *testing.T, m Model, in, out int) {
	t.Helper()
	x, dz := simd.NewMatrix(5, in), simd.NewMatrix(5, out)
	for name, f := range map[string]func(){
		"x one column narrower":    func() { m.Forward(simd.NewMatrix(5, in-1)) },
		"dz of 4 rows":             func() { m.Forward(x); m.Backward(simd.NewMatrix(4, out)) },
		"dz one column wider":      func() { m.Forward(x); m.Backward(simd.NewMatrix(5, out+1)) },
		"Backward after Represent": func() { m.Forward(x); m.Represent(x); m.Backward(dz) },
		"Backward after Embed":     func() { m.Forward(x); m.Embed(x); m.Backward(dz) },
	} {
		panicsOnShape(t, name, f)
	}
}

// refusesMetadata holds ReadModel to an error of one line, that names the file and contains want, for the model in good with
// another value of a key.
func refusesMetadata(t *testing.T, path string, good []byte, key, value, want string) {
	t.Helper()
	writeFile(t, path, edit(t, good, func(x []data.Tensor, meta map[string]string) []data.Tensor {
		meta[key] = value
		return x
	}))
	m, err := ReadModel(path)
	if err == nil || !strings.HasPrefix(err.Error(), "model: "+path+": ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s %s: %v, want %q", key, value, err, want)
	}
	if m != nil {
		t.Errorf("%s %s: a model beside the error", key, value)
	}
}
