package train

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/simd"
)

// intended returns a trainer with the default settings of the command, on noise.
func intended(b testing.TB) *Trainer {
	m, err := nn.NewMLP(1, []int{784, 512, 256}, []int{128, 64})
	if err != nil {
		b.Fatal(err)
	}
	t := &Trainer{
		Encoder:   m,
		Loss:      &infonce.NTXent{Temperature: 0.1},
		Optimizer: &optim.AdamW{},
		Schedule:  optim.Cosine{Peak: 1e-3},
		Source:    &dataset.Views{Images: testkit.NoiseImages(1116, 28, 28, 1), Seed: 1},
		Batch:     256,
		Steps:     1 << 30,
	}
	if err := t.check(); err != nil {
		b.Fatal(err)
	}
	return t
}

func BenchmarkStep(b *testing.B) {
	t := intended(b)
	step := 0
	for b.Loop() {
		if _, err := t.advance(step); err != nil {
			b.Fatal(err)
		}
		step++
	}
	b.ReportMetric(float64(2*t.Batch*b.N)/b.Elapsed().Seconds(), "views/s")
}

func BenchmarkAugment(b *testing.B) {
	m := testkit.NoiseImages(512, 28, 28, 1)
	x := simd.NewMatrix(512, 784)
	for b.Loop() {
		if err := augment.All(x, m, augment.Image{}, 1, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/view")
}
