package train

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/simd"
)

// tiny returns a trainer of a small MLP on small images.
func tiny(t testing.TB, dir string, workers int) *Trainer {
	t.Helper()
	m, err := nn.NewMLP(3, []int{30, 12, 10}, []int{8, 4})
	if err != nil {
		t.Fatal(err)
	}
	m.Workers = workers
	return &Trainer{
		Encoder:   m,
		Loss:      &infonce.NTXent{Workers: workers},
		Optimizer: &optim.AdamW{WeightDecay: 0.01, Workers: workers},
		Schedule:  optim.Cosine{Peak: 0.01, Floor: 0.001, Warmup: 3, Steps: 20},
		Source:    &dataset.Views{Images: testkit.Bars(40, 5), Seed: 9, Workers: workers},
		Batch:     12,
		Steps:     20,
		Dir:       dir,
		Config:    `{"seed":9}`,
	}
}

// makeMLP returns an MLP to train.
func makeMLP(t testing.TB, seed uint64, body, head []int) *nn.MLP {
	t.Helper()
	m, err := nn.NewMLP(seed, body, head)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// makeCNN returns a CNN to train.
func makeCNN(t testing.TB, c nn.CNNConfig, seed uint64) *nn.CNN {
	t.Helper()
	m, err := c.New(seed)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// withQueue makes t an instance of MoCo with a queue of the given size.
func withQueue(t *Trainer, size int) {
	m := t.Encoder.(*nn.MLP)
	t.Loss = &infonce.InfoNCE{Temperature: 0.2, Workers: m.Workers}
	t.KeyEncoder = &MomentumEncoder{Encoder: m.Clone(), Momentum: 0.9, Workers: m.Workers}
	t.Queue = &Queue{Size: size}
}

// learnTemperature makes t learn the temperature of NT-Xent or InfoNCE.
func learnTemperature(t *Trainer) {
	switch l := t.Loss.(type) {
	case *infonce.NTXent:
		l.Temperature = 0.5
		t.LearnedTemperature = &LearnedTemperature{Temperature: &l.Temperature}
	case *infonce.InfoNCE:
		t.LearnedTemperature = &LearnedTemperature{Temperature: &l.Temperature}
	}
}

// A lossFunc is a loss as a function of the batch that also writes the gradient.
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
